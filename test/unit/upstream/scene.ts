/** An upstream under a clock that stands still, with dials and wires that do as a test says. */
import { seeded } from '../../../src/base/clock.ts';
import type { Fault } from '../../../src/base/fault.ts';
import { TimerWheel } from '../../../src/base/timer-wheel.ts';
import { asReceived } from '../../../src/http1/request-writer.ts';
import type { OutlierRules } from '../../../src/resilience/outliers.ts';
import type {
  BreakerChange,
  UpstreamBreakerRules,
} from '../../../src/resilience/upstream-breaker.ts';
import type {
  Lease,
  LeaseNeed,
  LeaseSeeker,
  OutgoingRequest,
} from '../../../src/upstream/carrier.ts';
import type { EndpointAddress } from '../../../src/upstream/endpoint-set.ts';
import type { H1Connection } from '../../../src/upstream/h1/connection.ts';
import type {
  CloseReason,
  EndpointChange,
  UpstreamObserver,
} from '../../../src/upstream/observer.ts';
import type { PoolOptions, UpstreamOptions } from '../../../src/upstream/options.ts';
import { Upstream } from '../../../src/upstream/upstream.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeDial } from '../../support/fake-dial.ts';
import type { FakeWire } from '../../support/fake-wire.ts';
import { parseRequest, plainEdits } from '../http1/scene.ts';
import { RecordingSink } from './recording-sink.ts';

export const SLOT_MS = 8;

/** Nothing but what is asked for: no floor, no ages, no learning. */
export const plainPool: PoolOptions = {
  maxConnections: 8,
  warm: 0,
  warmMax: 0,
  idleTimeoutMs: 60_000,
  maxAgeMs: 0,
  maxRequests: 0,
  maxWaiting: 100,
  maxDials: 4,
  learnsIdleLimit: false,
  pipelining: 'off',
};

export interface SceneOptions {
  readonly pool?: Partial<PoolOptions>;
  readonly waitMs?: number;
  /** How many endpoints it has from the start: 10.0.0.1:80 and on. */
  readonly endpoints?: number;
  readonly seed?: number;
  readonly outliers?: OutlierRules;
  readonly breaker?: UpstreamBreakerRules;
  readonly startMs?: number;
}

export class Scene {
  readonly clock: FakeClock;
  readonly wheel: TimerWheel;
  readonly dial: FakeDial;
  readonly upstream: Upstream;
  /** Reasons, in order. */
  readonly closed: CloseReason[] = [];
  opened = 0;
  warmed = 0;
  doubts = 0;
  readonly waits: number[] = [];
  readonly health: (EndpointChange & { readonly endpoint: string })[] = [];
  readonly panics: boolean[] = [];
  readonly breaker: BreakerChange[] = [];
  shed = 0;
  readonly leases: Parameters<UpstreamObserver['onLeased']>[0][] = [];
  /** Names of seekers in the order in which they were served. */
  readonly served: string[] = [];

  constructor(options: SceneOptions = {}) {
    const { pool, waitMs = 3_000, endpoints = 1, seed = 1, startMs } = options;
    const { outliers = null, breaker = null } = options;
    this.clock = new FakeClock(startMs === undefined ? {} : { startMs });
    this.wheel = new TimerWheel(this.clock, { slotMs: SLOT_MS });
    this.dial = new FakeDial(this.clock);
    this.upstream = new Upstream({
      options: { ...optionsOf({ ...plainPool, ...pool }, waitMs), outliers, breaker },
      clock: this.clock,
      wheel: this.wheel,
      random: seeded(seed),
      dial: this.dial.dial,
      observer: this.#observer(),
      onAddressDoubt: () => {
        this.doubts += 1;
      },
      onWarm: () => {
        this.warmed += 1;
      },
    });
    if (endpoints > 0) this.upstream.setEndpoints(addresses(endpoints));
  }

  #observer(): UpstreamObserver {
    return {
      onOpened: () => {
        this.opened += 1;
      },
      onDialFailed: () => undefined,
      onClosed: (reason) => {
        this.closed.push(reason);
      },
      onLeased: (lease) => {
        this.leases.push(lease);
      },
      onWaitEnded: (waitedMs) => {
        this.waits.push(waitedMs);
      },
      onBytes: () => undefined,
      onRepairedResponse: () => undefined,
      onHealth: (endpoint, change) => {
        this.health.push({ endpoint, ...change });
      },
      onPanic: (isPanic) => {
        this.panics.push(isPanic);
      },
      onBreaker: (change) => {
        this.breaker.push(change);
      },
      onShed: () => {
        this.shed += 1;
      },
    };
  }

  /** Lets time pass, and what that has set in motion come to rest. */
  pass(ms: number): void {
    this.clock.advance(ms);
    this.settle();
  }

  /** Lets everything happen that needs no time. */
  settle(): void {
    for (let turns = 0; this.clock.pendingTurns > 0; turns += 1) {
      if (turns > 1_000) throw new Error('it never comes to rest');
      this.clock.runTurn();
    }
  }

  seek(name = 'seeker', terms: SeekerTerms = {}): Seeker {
    const seeker = new Seeker(this, name, terms);
    this.upstream.acquire(seeker);
    return seeker;
  }

  /** A lease that is there at once, or after dials that succeed. */
  lease(terms: { need?: LeaseNeed } = {}): Lease {
    const seeker = this.seek('lease', terms);
    const { behaviour } = this.dial;
    if (seeker.lease === null && behaviour === 'hang') this.dial.first.succeed();
    this.settle();
    if (seeker.lease === null) throw new Error('no lease was to be had');
    return seeker.lease;
  }

  /** Opens `count` connections at once and gives them back in order, each having carried a request. */
  openIdle(count: number): number[] {
    const leases = Array.from({ length: count }, () => this.lease());
    for (const lease of leases) this.exchange(lease);
    return leases.map(idOf);
  }

  wireOf(lease: Lease | number): FakeWire {
    const wire = this.dial.wires[(typeof lease === 'number' ? lease : idOf(lease)) - 1];
    if (wire === undefined) throw new Error('no such connection');
    return wire;
  }

  /** Carries a request and its response, and gives the lease back. */
  exchange(lease: Lease, response = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'): void {
    const sink = new RecordingSink();
    lease.carrier.send(request(), sink);
    this.wireOf(lease).respond(response);
    if (sink.canReuse === true) lease.giveBack();
    else lease.discard(sink.canReuse ?? 'fault');
  }

  get connections(): number {
    return this.#endpoints.reduce((sum, { connections }) => sum + connections.length, 0);
  }

  get connecting(): number {
    return this.#endpoints.reduce((sum, { connecting }) => sum + connecting, 0);
  }

  /** Identities of idle connections. */
  get idle(): number[] {
    return this.#endpoints
      .flatMap(({ connections }) => connections)
      .filter(({ state }) => state === 'idle')
      .map(({ id }) => id);
  }

  /** Leases out. */
  get active(): number {
    return this.upstream.snapshot().active;
  }

  get waiting(): number {
    return this.upstream.snapshot().waiting;
  }

  get #endpoints() {
    return this.upstream.snapshot().endpoints;
  }
}

export interface SeekerTerms {
  readonly need?: LeaseNeed;
  readonly avoid?: string | null;
  readonly canPipeline?: boolean;
}

export class Seeker implements LeaseSeeker {
  readonly name: string;
  readonly need: LeaseNeed;
  readonly avoid: string | null;
  readonly canPipeline: boolean;
  waitingSinceMs = 0;
  queuedBefore: LeaseSeeker | null = null;
  queuedAfter: LeaseSeeker | null = null;
  isQueued = false;
  lease: Lease | null = null;
  fault: Fault | null = null;
  readonly #scene: Scene;

  constructor(scene: Scene, name: string, terms: SeekerTerms) {
    this.#scene = scene;
    this.name = name;
    this.need = terms.need ?? 'any';
    this.avoid = terms.avoid ?? null;
    this.canPipeline = terms.canPipeline ?? false;
  }

  get isAnswered(): boolean {
    return this.lease !== null || this.fault !== null;
  }

  onLease(lease: Lease): void {
    if (this.isAnswered) throw new Error(`${this.name} was answered twice`);
    this.lease = lease;
    this.#scene.served.push(this.name);
  }

  onNoLease(fault: Fault): void {
    if (this.isAnswered) throw new Error(`${this.name} was answered twice`);
    this.fault = fault;
  }
}

export function idOf(lease: Lease): number {
  return (lease.carrier as H1Connection).id;
}

export function addresses(count: number): EndpointAddress[] {
  return Array.from({ length: count }, (_, index) => ({ ip: `10.0.0.${index + 1}`, port: 80 }));
}

export function request(
  overrides: Partial<Omit<OutgoingRequest, 'head'>> = {},
  lines: readonly string[] | undefined = ['GET / HTTP/1.1', 'Host: origin.example'],
): OutgoingRequest {
  return {
    head: parseRequest(...lines),
    edits: plainEdits,
    extras: { upgrade: null, plan: asReceived },
    firstByteMs: 0,
    idleMs: 0,
    ...overrides,
  };
}

function optionsOf(pool: PoolOptions, waitMs: number): UpstreamOptions {
  return {
    name: 'shop',
    url: { scheme: 'http', host: 'origin.example', port: 80, authority: 'origin.example' },
    tls: null,
    pool,
    timeouts: { connectMs: 2_000, waitMs },
    responseLimits: { headBytes: 32 * 1024, maxFields: 100 },
  };
}
