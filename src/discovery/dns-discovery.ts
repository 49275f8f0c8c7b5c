/**
 * Endpoints by name, resolved as libc would in a pod, and ahead of need: an answer is asked for again when its TTL
 * ends, and stays in force until another has come. So only what comes before the first answer ever waits for a
 * name server.
 *
 * One round at a time; whoever asks meanwhile gets its answer. A failed round keeps the last good answer, is
 * counted, and is tried again with backoff: a name server in trouble is not helped by all pods asking each second.
 */
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/fault.ts';
import { Deadline, type TimerWheel } from '../base/timer-wheel.ts';
import { type Reach, reachNow } from './addresses.ts';
import type {
  Discovery,
  DiscoveryObserver,
  DiscoverySnapshot,
  EndpointAddress,
} from './discovery.ts';
import { type DnsFiles, NameSource } from './name-source.ts';
import type { AddressResolver } from './node-resolver.ts';
import type { SearchAnswer, SearchResult } from './search.ts';

export interface DnsDiscoveryOptions {
  /** A name, not an address. */
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly observer: DiscoveryObserver;
  /** `/etc/resolv.conf` and `/etc/hosts` unless told otherwise. Looked at, and read if changed, in each round. */
  readonly files?: Partial<DnsFiles>;
  /** Asked instead of the name servers of resolv.conf. */
  readonly resolver?: AddressResolver;
  readonly intervals?: Partial<DnsIntervals>;
  /** What this host can reach; judged by its interfaces unless told otherwise. */
  readonly reach?: () => Reach;
}

export interface DnsIntervals {
  /** No answer is asked for again sooner, though its TTL be 0; and `refresh` asks no more often. */
  readonly leastMs: number;
  /** Each answer is asked for again by then, also one of the hosts file, which has no TTL. */
  readonly mostMs: number;
  /** The wait after a first failure; it doubles with each further one. */
  readonly backoffMs: number;
  readonly backoffMostMs: number;
}

const DEFAULT_FILES: DnsFiles = { resolvConf: '/etc/resolv.conf', hosts: '/etc/hosts' };

const DEFAULT_INTERVALS: DnsIntervals = {
  leastMs: 1_000,
  mostMs: 60_000,
  backoffMs: 1_000,
  backoffMostMs: 30_000,
};

export function dnsDiscovery(options: DnsDiscoveryOptions): Discovery {
  return new DnsDiscovery(options);
}

/** The answer in force. The families are kept apart, so that one can fail without the other's being lost. */
interface Answer {
  readonly candidate: string | null;
  readonly ipv4: readonly string[];
  readonly ipv6: readonly string[];
  readonly atMs: number;
}

type State =
  | { readonly kind: 'new' }
  | { readonly kind: 'resolving' }
  | { readonly kind: 'waiting'; readonly untilMs: number }
  | { readonly kind: 'stopped' };

class DnsDiscovery implements Discovery {
  readonly #options: DnsDiscoveryOptions;
  readonly #intervals: DnsIntervals;
  readonly #source: NameSource;
  readonly #due = new Deadline(() => this.#resolve());
  #state: State = { kind: 'new' };
  #onEndpoints: (endpoints: readonly EndpointAddress[]) => void = () => {};
  #answer: Answer | null = null;
  #askedAtMs = 0;
  #failures = 0;
  #failuresInARow = 0;
  #lastFailure: string | null = null;

  constructor(options: DnsDiscoveryOptions) {
    this.#options = options;
    this.#intervals = { ...DEFAULT_INTERVALS, ...options.intervals };
    this.#source = new NameSource({
      host: options.host,
      files: { ...DEFAULT_FILES, ...options.files },
      resolver: options.resolver,
      reach: options.reach ?? reachNow,
    });
  }

  start(onEndpoints: (endpoints: readonly EndpointAddress[]) => void): void {
    if (this.#state.kind !== 'new') throw new Error(`${this.#options.host}: discovery starts once`);
    this.#onEndpoints = onEndpoints;
    this.#resolve();
  }

  refresh(): void {
    // A round that is under way is as good as the next one would be.
    if (this.#state.kind !== 'waiting') return;
    const nowMs = this.#options.clock.now();
    const soonMs = Math.max(nowMs, this.#askedAtMs + this.#intervals.leastMs);
    if (soonMs < this.#state.untilMs) this.#wait(soonMs - nowMs);
  }

  stop(): void {
    this.#state = { kind: 'stopped' };
    this.#options.wheel.clear(this.#due);
    // A query under way would keep the process alive until it times out.
    this.#source.cancel();
  }

  snapshot(): DiscoverySnapshot {
    return {
      kind: 'dns',
      host: this.#options.host,
      addresses: ipsOf(this.#answer),
      ageMs: this.#answer === null ? null : this.#options.clock.now() - this.#answer.atMs,
      failures: this.#failures,
      lastFailure: this.#lastFailure,
    };
  }

  #resolve(): void {
    this.#state = { kind: 'resolving' };
    this.#askedAtMs = this.#options.clock.now();
    this.#source
      .resolve(this.#answer?.candidate ?? null)
      .catch((error: unknown): SearchResult => ({ kind: 'failed', cause: messageOf(error) }))
      .then((result) => this.#settle(result));
  }

  #settle(result: SearchResult): void {
    if (this.#state.kind === 'stopped') return;
    if (result.kind === 'answer') this.#resolved(result);
    else this.#failed(result.cause);
  }

  #resolved(found: SearchAnswer): void {
    const { clock, observer, port } = this.#options;
    const before = this.#answer;
    // A family that could not be asked this time keeps the addresses that the same name gave it before.
    const kept = before?.candidate === found.candidate ? before : null;
    const answer: Answer = {
      candidate: found.candidate,
      ipv4: found.ipv4 ?? kept?.ipv4 ?? [],
      ipv6: found.ipv6 ?? kept?.ipv6 ?? [],
      atMs: clock.now(),
    };
    const ips = ipsOf(answer);
    const changed = !haveTheSame(ips, ipsOf(before));
    this.#answer = answer;
    this.#failuresInARow = 0;
    const { leastMs, mostMs } = this.#intervals;
    const ttlMs = Math.min(Math.max(found.ttlMs, leastMs), mostMs);
    this.#wait(ttlMs);
    const tookMs = answer.atMs - this.#askedAtMs;
    observer.onResolved({ addresses: ips.length, ttlMs, tookMs, changed });
    if (changed) this.#onEndpoints(ips.map((ip) => ({ ip, port })));
  }

  #failed(cause: string): void {
    const { backoffMs, backoffMostMs } = this.#intervals;
    this.#wait(Math.min(backoffMs * 2 ** this.#failuresInARow, backoffMostMs));
    this.#failures += 1;
    this.#failuresInARow += 1;
    this.#lastFailure = cause;
    this.#options.observer.onResolveFailed(cause);
  }

  #wait(delayMs: number): void {
    this.#state = { kind: 'waiting', untilMs: this.#options.clock.now() + delayMs };
    this.#options.wheel.set(this.#due, delayMs);
  }
}

/** Each address once: a server may repeat itself. */
function ipsOf(answer: Answer | null): readonly string[] {
  return answer === null ? [] : [...new Set([...answer.ipv4, ...answer.ipv6])];
}

/** The order does not count: name servers rotate it from answer to answer. Neither list repeats itself. */
function haveTheSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((ip) => other.includes(ip));
}
