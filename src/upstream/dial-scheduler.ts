/**
 * When to dial, and which endpoint: a bounded number at a time, with backoff where dials fail.
 *
 * While every dial fails one at a time is enough to find out when that ends; more would only be a flood at the moment
 * when the upstream comes back.
 *
 * Of several endpoints one that is dead or a black hole must not keep the others from being dialled: its dials are not
 * counted as those that somebody waits for, and beside good ones it is tried only once at a time.
 */
import type { Random } from '../base/clock.ts';
import type { Fault } from '../base/fault.ts';
import { Deadline, type TimerWheel } from '../base/timer-wheel.ts';
import type { Dial } from './dialer.ts';
import type { EndpointPool } from './endpoint-pool.ts';
import type { EndpointSet } from './endpoint-set.ts';
import type { ConnectPhases } from './observer.ts';
import type { UpstreamOptions } from './options.ts';
import type { Wire } from './wire.ts';

/** What a dial told longer ago than this says nothing of now: twice the longest pause between dials. */
const FORGET_MS = 10_000;

export interface DialDemand {
  /** Connections that are missing: for those who wait and for the warm floor. */
  readonly missing: number;
  /** Some are missing because an endpoint has none, and not because there are too few. */
  readonly hasBare: boolean;
  readonly hasWaiters: boolean;
  /** The endpoint that the first who waits would rather not have. */
  readonly avoid: string | null;
}

/** What a dial has brought. */
export interface Dialled {
  readonly wire: Wire;
  readonly phases: ConnectPhases;
  /** When it began. */
  readonly dialledAtMs: number;
}

export interface DialSchedulerParts {
  readonly options: UpstreamOptions;
  readonly wheel: TimerWheel;
  readonly random: Random;
  readonly dial: Dial;
  readonly endpoints: EndpointSet;
  /** Asked again whenever something may have changed. */
  readonly demand: () => DialDemand;
  /** Closes an idle connection that others can do without, if there is one. */
  readonly makeRoom: () => void;
  readonly onConnected: (pool: EndpointPool, dialled: Dialled) => void;
  readonly onFailed: (failure: Fault) => void;
}

export class DialScheduler {
  readonly #parts: DialSchedulerParts;
  readonly #again = new Deadline(() => this.run());
  readonly #underWay = new Set<Begun>();
  /** Since when no dial has succeeded, or null while none has failed. */
  failingSinceMs: number | null = null;
  lastFault: Fault | null = null;
  #lastFailedMs = 0;
  #aliveMs = 0;
  #wantsProbe = false;
  #isStopped = false;

  constructor(parts: DialSchedulerParts) {
    this.#parts = parts;
  }

  /**
   * Dials have failed for longer than anybody waits, and nothing else has shown life. A single failure is none, however
   * long ago: it must be failures that lie so far apart, the last of them of late.
   */
  isDown(nowMs: number): boolean {
    if (this.failingSinceMs === null) return false;
    const isOld = nowMs - this.#lastFailedMs > FORGET_MS;
    if (isOld && this.#parts.endpoints.connecting === 0) {
      this.#forgetFailures();
      return false;
    }
    const sinceMs = Math.max(this.failingSinceMs, this.#aliveMs);
    return this.#lastFailedMs - sinceMs > this.#parts.options.timeouts.waitMs;
  }

  /** A response was had. An upstream that answers is not down though it takes no more connections. */
  onAlive(nowMs: number): void {
    this.#aliveMs = nowMs;
  }

  #forgetFailures(): void {
    this.failingSinceMs = null;
    this.lastFault = null;
  }

  /** Somebody was refused because the upstream is down: look for its recovery though nobody waits. */
  probe(): void {
    this.#wantsProbe = true;
    this.run();
  }

  /** Opens what is missing, as far as limits and backoff allow. Cheap when nothing is. */
  run(): void {
    const { options, endpoints, wheel } = this.#parts;
    this.#dialTrial();
    while (!this.#isStopped && !endpoints.isEmpty) {
      const demand = this.#parts.demand();
      const wanted = this.#wantsProbe ? Math.max(demand.missing, 1) : demand.missing;
      if (wanted <= 0 || endpoints.connecting >= options.pool.maxDials) return;
      const isFull = () => endpoints.total >= options.pool.maxConnections;
      if (isFull() && !demand.hasBare) return;
      // Those who are refused would have waited: recovery is looked for as often as for them.
      const hasWaiters = demand.hasWaiters || this.#wantsProbe;
      const nowMs = wheel.now();
      const moment = { nowMs, hasWaiters, avoid: demand.avoid };
      const isFailing = this.failingSinceMs !== null && !endpoints.hasGood(nowMs);
      const most = isFailing ? 1 : options.pool.maxDials;
      const isEnough = Math.min(wanted, most) <= endpoints.hopefulDials(nowMs);
      const choice = isEnough ? endpoints.chooseToRecover(moment) : endpoints.chooseToDial(moment);
      if (choice === null || typeof choice === 'number') {
        this.#runAgainAt(
          Math.min(choice ?? Number.POSITIVE_INFINITY, endpoints.nextSlowAtMs(nowMs)),
        );
        return;
      }
      // A pool that the other endpoints fill would leave this one without requests for as long as they last.
      if (isFull() && choice.size === 0) this.#parts.makeRoom();
      if (isFull()) return;
      this.#dial(choice);
    }
  }

  /** Whom nobody else may use has no demand of its own. */
  #dialTrial(): void {
    const { options, endpoints, wheel } = this.#parts;
    const { maxDials, maxConnections } = options.pool;
    const trial = this.#isStopped ? null : endpoints.trialToDial(wheel.now());
    if (trial === null) return;
    if (endpoints.connecting < maxDials && endpoints.total < maxConnections) this.#dial(trial);
  }

  #runAgainAt(atMs: number): void {
    const { wheel } = this.#parts;
    if (atMs !== Number.POSITIVE_INFINITY) wheel.set(this.#again, atMs - wheel.now());
  }

  #dial(pool: EndpointPool): void {
    const { endpoints, wheel } = this.#parts;
    this.#wantsProbe = false;
    const dialledAtMs = wheel.now();
    endpoints.onDialBegan(pool, dialledAtMs);
    const begun: Begun = { pool, dialledAtMs, callOff: null };
    this.#underWay.add(begun);
    const over = (): void => {
      this.#underWay.delete(begun);
      endpoints.onDialEnded(pool, dialledAtMs);
    };
    begun.callOff = this.#parts.dial(pool.target, {
      onConnected: (wire, phases) => {
        over();
        pool.onDialled();
        this.#forgetFailures();
        this.#parts.onConnected(pool, { wire, phases, dialledAtMs });
      },
      onFailed: (failure) => {
        over();
        const nowMs = wheel.now();
        pool.onDialFailed(nowMs);
        this.failingSinceMs ??= nowMs;
        this.#lastFailedMs = nowMs;
        this.lastFault = failure;
        endpoints.dropGone();
        this.#parts.onFailed(failure);
      },
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#parts.wheel.clear(this.#again);
    for (const { pool, dialledAtMs, callOff } of this.#underWay) {
      callOff?.();
      this.#parts.endpoints.onDialEnded(pool, dialledAtMs);
    }
    this.#underWay.clear();
  }
}

/** A dial under way. What calls it off is there once the dial has returned, by when it may be over. */
interface Begun {
  readonly pool: EndpointPool;
  readonly dialledAtMs: number;
  callOff: (() => void) | null;
}
