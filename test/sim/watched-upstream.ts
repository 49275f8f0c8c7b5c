/**
 * One upstream of the gateway, and the truth beside it: who holds which slot, who waits since when, which dials are under
 * way, which connections are open. Everything that goes in and out of the real one passes here and is counted.
 */
import type { Random } from '../../src/base/clock.ts';
import { type FaultKind, fault } from '../../src/base/fault.ts';
import { Deadline, type TimerWheel } from '../../src/base/timer-wheel.ts';
import type { ExchangeObserver } from '../../src/proxy/observer.ts';
import type { ExchangePolicy } from '../../src/proxy/options.ts';
import type { Route } from '../../src/proxy/route.ts';
import { RetryBudget } from '../../src/resilience/retry-budget.ts';
import type { Leasable, Lease, LeaseSeeker } from '../../src/upstream/carrier.ts';
import type { Dial, DialResult, DialTarget } from '../../src/upstream/dialer.ts';
import type { UpstreamObserver, UpstreamSnapshot } from '../../src/upstream/observer.ts';
import type { UpstreamOptions } from '../../src/upstream/options.ts';
import { Upstream } from '../../src/upstream/upstream.ts';
import type { Wire } from '../../src/upstream/wire.ts';
import type { Ledger } from './ledger.ts';
import type { SimLoop } from './loop.ts';
import type { OriginConnection } from './origin-connection.ts';
import { Violation } from './violation.ts';

export interface SimDial {
  readonly upstream: WatchedUpstream;
  readonly target: DialTarget;
  readonly result: DialResult;
  readonly beganMs: number;
  readonly deadline: Deadline;
}

export interface WatchParts {
  readonly loop: SimLoop;
  readonly wheel: TimerWheel;
  readonly random: Random;
  /** The first thing that is wrong is kept, whoever catches it. */
  readonly report: (violation: Violation) => void;
  readonly ledger: Ledger;
  /** Told what has happened, by name, to be counted. */
  readonly count: (what: string) => void;
  readonly observer: ExchangeObserver;
}

export class WatchedUpstream {
  readonly options: UpstreamOptions;
  readonly upstream: Upstream;
  readonly #parts: WatchParts;
  route: Route;
  readonly dials = new Set<SimDial>();
  /** By the number that the upstream gives them: in the order in which they were opened. */
  readonly connections = new Map<number, OriginConnection>();
  /** Of the endpoints that there are now. */
  addresses: ReadonlySet<string> = new Set();
  /** All that there ever were. */
  readonly #ever: OriginConnection[] = [];
  #nextId = 1;
  readonly #leased = new Map<Leasable, LeaseSeeker>();
  readonly waiting = new Set<LeaseSeeker>();
  /** Of which request each is. */
  readonly #known = new WeakMap<LeaseSeeker, number>();
  opened = 0;
  closed = 0;
  began = 0;
  ended = 0;
  waitsEnded = 0;
  /** As told. */
  sentBytes = 0;
  receivedBytes = 0;
  #granted = 0;
  #toldLeased = 0;
  isRetired = false;
  /** All is closed: the upstream has said so, or was told to. */
  isOver = false;

  constructor(options: UpstreamOptions, policy: ExchangePolicy, parts: WatchParts) {
    this.options = options;
    this.#parts = parts;
    const { loop, wheel, random } = parts;
    this.upstream = new Upstream({
      options,
      clock: loop,
      wheel,
      random,
      dial: this.#dial,
      observer: this.#observer(),
      onAddressDoubt: () => undefined,
      onWarm: () => undefined,
    });
    this.#watch();
    this.route = this.routeFor(policy);
  }

  get name(): string {
    return this.options.name;
  }

  routeFor(policy: ExchangePolicy): Route {
    const { budgetRatio, budgetFloor } = policy.retry;
    const { loop, observer } = this.#parts;
    return {
      upstream: this.upstream,
      policy,
      budget: new RetryBudget(budgetRatio, budgetFloor, loop.now()),
      observer: {
        ...observer,
        onBegan: () => {
          this.began += 1;
          observer.onBegan();
        },
        onEnded: (result) => {
          this.ended += 1;
          observer.onEnded(result);
        },
      },
    };
  }

  setPolicy(policy: ExchangePolicy): void {
    this.route = this.routeFor(policy);
  }

  retire(): void {
    this.isRetired = true;
    this.upstream.retire(() => {
      this.isOver = true;
      if (this.#leased.size > 0)
        this.#wrong('retired-early', `${this.#leased.size} leases are out`);
    });
  }

  destroy(): void {
    this.isOver = true;
    this.upstream.destroy();
  }

  // ---- Leases, counted as they come and go

  #watch(): void {
    const { upstream } = this;
    const proto = Upstream.prototype;
    upstream.acquire = (seeker) => {
      this.#know(seeker);
      if (this.waiting.has(seeker)) this.#wrong('acquired-twice', 'a seeker came while it waited');
      this.waiting.add(seeker);
      proto.acquire.call(upstream, seeker);
      if (this.waiting.has(seeker) && !seeker.isQueued) {
        this.#wrong('waiter-lost', 'a seeker was neither served nor refused, and does not wait');
      }
    };
    upstream.cancel = (seeker) => {
      this.waiting.delete(seeker);
      proto.cancel.call(upstream, seeker);
    };
    upstream.giveBack = (leased) => {
      this.#settle(leased);
      proto.giveBack.call(upstream, leased);
    };
    upstream.discard = (leased, reason) => {
      this.#settle(leased);
      proto.discard.call(upstream, leased, reason);
    };
  }

  #know(seeker: LeaseSeeker): void {
    if (this.#known.has(seeker)) return;
    const { beginningId, idOf: idOfExchange } = this.#parts.ledger;
    const id = beginningId ?? idOfExchange.get(seeker);
    if (id === undefined) this.#wrong('unknown-seeker', 'a seeker came that nobody began');
    this.#known.set(seeker, id);
    const onLease = seeker.onLease.bind(seeker);
    const onNoLease = seeker.onNoLease.bind(seeker);
    seeker.onLease = (lease) => {
      this.#granted += 1;
      if (this.#leased.has(lease.carrier)) this.#wrong('leased-twice', 'a slot was given to two');
      this.#leased.set(lease.carrier, seeker);
      if (!this.waiting.delete(seeker))
        this.#wrong('served-unasked', 'nobody asked for this lease');
      this.#checkLease(lease, seeker);
      onLease(lease);
    };
    seeker.onNoLease = (failure) => {
      if (!this.waiting.delete(seeker)) this.#wrong('refused-unasked', 'nobody asked for a lease');
      onNoLease(failure);
    };
  }

  /** Design 4.2: which connection may be given to whom. */
  #checkLease({ carrier }: Lease, { need }: LeaseSeeker): void {
    const id = idOf(carrier);
    const found = this.connections.get(id);
    if (found === undefined) throw new Error(`connection ${id} is nobody's`);
    const { pool } = this.options;
    const nowMs = this.#parts.loop.now();
    const isShared = [...this.#leased.keys()].some((slot) => slot !== carrier && idOf(slot) === id);
    const carried = found.attempts.length;
    const idleMs = nowMs - found.idleSinceMs;
    const limitMs = pool.idleTimeoutMs * (need === 'any' ? 1 : STEADY_SHARE);
    if (!isShared && idleMs > 0 && idleMs >= limitMs) {
      this.#wrong('leased-too-old', `${found.name} was idle for ${idleMs} ms and is given away`);
    }
    if (need === 'new' && carried > 0) this.#wrong('leased-used', `${found.name} is not new`);
    if (pool.maxAgeMs > 0 && nowMs - found.openedMs > pool.maxAgeMs * 1.1) {
      this.#wrong('leased-expired', `${found.name} is too old`);
    }
    if (pool.maxRequests > 0 && carried >= pool.maxRequests) {
      this.#wrong('leased-worn', `${found.name} has carried ${carried}`);
    }
    if (!this.addresses.has(found.address)) {
      this.#wrong('leased-gone', `${found.name} is of an endpoint that is gone`);
    }
  }

  /** By whoever holds it: the exchange, or what reads the rest of its response. */
  #settle(leased: Leasable): void {
    const seeker = this.#leased.get(leased);
    if (seeker === undefined) this.#wrong('settled-twice', 'a lease was settled twice');
    this.#leased.delete(leased);
    const connection = this.connections.get(idOf(leased));
    const id = this.#known.get(seeker);
    if (connection === undefined || id === undefined) return;
    // A lease can come back unused: the connection has been idle all the while.
    const wasUsed = this.#parts.ledger.onSettled(id, connection);
    if (wasUsed) connection.idleSinceMs = this.#parts.loop.now();
  }

  #observer(): UpstreamObserver {
    const { count } = this.#parts;
    return quiet<UpstreamObserver>({
      onHealth: (_, { to }) => count(`health: ${to}`),
      onPanic: (isPanic) => count(`panic: ${isPanic}`),
      onBreaker: ({ to }) => count(`breaker: ${to}`),
      onShed: () => count('breaker: shed'),
      onBytes: (sent, received) => {
        this.sentBytes += sent;
        this.receivedBytes += received;
      },
      onOpened: () => {
        this.opened += 1;
      },
      onDialFailed: ({ kind }) => count(`dial: ${kind}`),
      onClosed: (reason) => {
        count(`closed: ${reason}`);
        this.closed += 1;
      },
      onLeased: () => {
        this.#toldLeased += 1;
      },
      onWaitEnded: (waitedMs) => {
        this.waitsEnded += 1;
        if (waitedMs < this.options.timeouts.waitMs) {
          this.#wrong('wait-cut', `a wait ended after ${waitedMs} ms`);
        }
      },
    });
  }

  // ---- Dials

  readonly #dial: Dial = (target, result) => {
    const { loop, wheel } = this.#parts;
    const dial: SimDial = {
      upstream: this,
      target,
      result,
      beganMs: loop.now(),
      deadline: new Deadline(() => this.dialFailed(dial, 'connect-timeout')),
    };
    this.dials.add(dial);
    wheel.set(dial.deadline, this.options.timeouts.connectMs);
    return () => this.#overDial(dial);
  };

  #overDial(dial: SimDial): boolean {
    this.#parts.wheel.clear(dial.deadline);
    return this.dials.delete(dial);
  }

  dialFailed(dial: SimDial, kind: FaultKind): void {
    if (!this.#overDial(dial)) return;
    dial.result.onFailed(fault(kind, 'upstream', `${dial.target.address}: ${kind}.`));
  }

  dialSucceeded(dial: SimDial, connection: OriginConnection, wire: Wire): void {
    if (!this.#overDial(dial)) return;
    this.connections.set(this.#nextId++, connection);
    this.#ever.push(connection);
    const { loop } = this.#parts;
    const tcpMs = loop.now() - dial.beganMs;
    dial.result.onConnected(wire, { tcpMs, tlsMs: null, resumed: false });
  }

  // ---- What must be so after each step

  check(): void {
    const { upstream, options } = this;
    const nowMs = this.#parts.loop.now();
    const seen = upstream.snapshot();
    if (this.#granted !== this.#toldLeased) {
      this.#wrong('counter-leased', `${this.#granted} leases given, ${this.#toldLeased} told`);
    }
    if (seen.waiting !== this.waiting.size) {
      this.#wrong('counter-waiting', `${this.waiting.size} wait, ${seen.waiting} are counted`);
    }
    for (const seeker of this.waiting) {
      if (!seeker.isQueued) this.#wrong('waiter-lost', 'one who waits is in no queue');
      const waitedMs = nowMs - seeker.waitingSinceMs;
      if (waitedMs > options.timeouts.waitMs + LATE_MS) {
        this.#wrong('waited-too-long', `one waits for ${waitedMs} ms`);
      }
    }
    if (this.isOver) {
      this.#checkOver();
      return;
    }
    if (seen.active !== this.#leased.size) {
      this.#wrong(
        'counter-active',
        `${this.#leased.size} leases are out, ${seen.active} are counted`,
      );
    }
    this.#checkAside(seen);
    let connecting = 0;
    const listed = new Map<number, string>();
    for (const endpoint of seen.endpoints) {
      connecting += endpoint.connecting;
      for (const { id, state } of endpoint.connections) listed.set(id, state);
    }
    if (connecting !== this.dials.size) {
      this.#wrong('counter-connecting', `${this.dials.size} dials, ${connecting} are counted`);
    }
    if (this.opened - this.closed !== listed.size) {
      const told = `${this.opened} opened and ${this.closed} closed`;
      this.#wrong('counter-connections', `${told} were told, ${listed.size} are listed`);
    }
    this.#checkConnections(listed);
  }

  /** Never more than half of the endpoints, never all of them, and none in a panic. */
  #checkAside({ endpoints, isPanic }: UpstreamSnapshot): void {
    const states = endpoints.flatMap(({ health }) => (health === null ? [] : [health.state]));
    const aside = states.filter((state) => state === 'ejected' || state === 'probation').length;
    if (aside > states.length / 2 || (isPanic && aside > 0)) {
      this.#wrong('too-many-aside', `${aside} of ${states.length} endpoints, panic: ${isPanic}`);
    }
  }

  #checkConnections(listed: ReadonlyMap<number, string>): void {
    const busy = new Set<number>();
    for (const slot of this.#leased.keys()) busy.add(idOf(slot));
    let open = 0;
    for (const [id, { name, socket }] of this.connections) {
      const state = listed.get(id);
      const isOpen = socket !== null && !socket.isClosing;
      if (isOpen) {
        // Tunnels are not counted.
        if (state !== 'tunnel') open += 1;
        if (state === undefined) this.#wrong('connection-lost', `${name} is open and not listed`);
      }
      if (state === undefined) {
        this.connections.delete(id);
        continue;
      }
      if (state === 'idle' && !isOpen)
        this.#wrong('dead-idle', `${name} is closed and listed as idle`);
      if ((state === 'idle') === busy.has(id)) {
        this.#wrong(
          'counter-state',
          `${name} is ${state}, and ${busy.has(id) ? '' : 'not '}leased`,
        );
      }
    }
    const { maxConnections } = this.options.pool;
    if (open + this.dials.size > maxConnections) {
      this.#wrong(
        'too-many',
        `${open} connections and ${this.dials.size} dials of ${maxConnections}`,
      );
    }
  }

  /** At the end: what was told of octets is what went over the wires. */
  checkBytes(): void {
    let sent = 0;
    let received = 0;
    for (const { scan, tcp } of this.#ever) {
      sent += scan.writtenBytes;
      received += tcp.readBytes;
    }
    // What is given to a socket that is broken, and does not know it yet, is told as well; what is read of one that is
    // being closed is not.
    if (received < this.receivedBytes || sent > this.sentBytes) {
      const told = `${this.sentBytes} sent and ${this.receivedBytes} received`;
      this.#wrong('counter-bytes', `${told} were told, ${sent} and ${received} are so`);
    }
  }

  #checkOver(): void {
    if (this.dials.size > 0) this.#wrong('left-dial', 'a dial goes on after the end');
    for (const { name, socket } of this.connections.values()) {
      if (socket !== null && !socket.isClosing) this.#wrong('left-socket', `${name} after the end`);
    }
    if (this.waiting.size > 0) this.#wrong('left-waiting', 'somebody waits after the end');
  }

  #wrong(rule: string, what: string): never {
    const violation = new Violation(rule, `upstream ${this.name}: ${what}`);
    this.#parts.report(violation);
    throw violation;
  }
}

/** A request that cannot be sent again keeps this far inside the idle limit. */
const STEADY_SHARE = 0.75;

/** A slot of the wheel, and the millisecond to which sleeps are rounded. */
const LATE_MS = 10;

function idOf(slot: Leasable): number {
  return (slot as unknown as { readonly connection: { readonly id: number } }).connection.id;
}

/** An observer that hears some events and lets all others pass, those to come included. */
function quiet<T extends object>(heard: Partial<T>): T {
  const ignore = (): void => undefined;
  return new Proxy(heard, {
    get: (from, name) => (from as Readonly<Record<PropertyKey, unknown>>)[name] ?? ignore,
  }) as T;
}
