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
import type { Leasable, LeaseSeeker } from '../../src/upstream/carrier.ts';
import type { Dial, DialResult, DialTarget } from '../../src/upstream/dialer.ts';
import type { UpstreamObserver } from '../../src/upstream/observer.ts';
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
    const { beginningId } = this.#parts.ledger;
    if (beginningId === null) this.#wrong('acquired-late', 'a seeker came that nobody began');
    this.#known.set(seeker, beginningId);
    const onLease = seeker.onLease.bind(seeker);
    const onNoLease = seeker.onNoLease.bind(seeker);
    seeker.onLease = (lease) => {
      this.#granted += 1;
      if (this.#leased.has(lease.carrier)) this.#wrong('leased-twice', 'a slot was given to two');
      this.#leased.set(lease.carrier, seeker);
      if (!this.waiting.delete(seeker))
        this.#wrong('served-unasked', 'nobody asked for this lease');
      onLease(lease);
    };
    seeker.onNoLease = (failure) => {
      if (!this.waiting.delete(seeker)) this.#wrong('refused-unasked', 'nobody asked for a lease');
      onNoLease(failure);
    };
  }

  /** By whoever holds it: the exchange, or what reads the rest of its response. */
  #settle(leased: Leasable): void {
    const seeker = this.#leased.get(leased);
    if (seeker === undefined) this.#wrong('settled-twice', 'a lease was settled twice');
    this.#leased.delete(leased);
    const connection = this.connections.get(idOf(leased));
    const id = this.#known.get(seeker);
    if (connection !== undefined && id !== undefined) {
      this.#parts.ledger.onSettled(id, connection);
    }
  }

  #observer(): UpstreamObserver {
    return quiet<UpstreamObserver>({
      onOpened: () => {
        this.opened += 1;
      },
      onClosed: () => {
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
