/**
 * What becomes of attempts, and what follows from it: which endpoints are used, and whether any request is let in.
 *
 * It comes after all that concerns connections. Dials that fail, a restart, a request that waits for one of the two: the
 * upstream and its dials have dealt with these before an attempt has anything to tell.
 */
import type { Random } from '../base/clock.ts';
import type { Fault } from '../base/fault.ts';
import type { TimerWheel } from '../base/timer-wheel.ts';
import { EndpointHealth } from '../resilience/endpoint-health.ts';
import { type Outcome, outcomeOfStatus } from '../resilience/outcome.ts';
import { Outliers, type WatchedAttempt } from '../resilience/outliers.ts';
import { type BreakerSnapshot, UpstreamBreaker } from '../resilience/upstream-breaker.ts';
import type { Lease, LeaseSeeker } from './carrier.ts';
import type { EndpointPool } from './endpoint-pool.ts';
import { breakerOpen } from './faults.ts';
import type { UpstreamObserver } from './observer.ts';
import type { UpstreamOptions } from './options.ts';

export interface OutcomeWatchParts {
  readonly options: UpstreamOptions;
  readonly random: Random;
  readonly wheel: TimerWheel;
  readonly observer: UpstreamObserver;
}

export class OutcomeWatch {
  readonly #parts: OutcomeWatchParts;
  readonly #outliers: Outliers | null;
  readonly #breaker: UpstreamBreaker | null;
  /** Statuses that stand for no answer of an endpoint's. */
  readonly #failing: readonly number[];

  constructor(parts: OutcomeWatchParts) {
    this.#parts = parts;
    const { options, random, wheel, observer } = parts;
    const { outliers = null, breaker = null } = options;
    this.#failing = outliers?.statuses ?? [];
    this.#outliers =
      outliers === null
        ? null
        : new Outliers(outliers, {
            onHealth: (health, change) =>
              observer.onHealth(health.name, { ...change, health: health.snapshot(wheel.now()) }),
            onPanic: (isPanic) => observer.onPanic(isPanic),
          });
    this.#breaker =
      breaker === null
        ? null
        : new UpstreamBreaker(breaker, {
            random,
            nowMs: wheel.now(),
            onChange: (change) => observer.onBreaker(change),
          });
  }

  /** Every endpoint is as it should be. */
  get isCalm(): boolean {
    return this.#outliers === null || this.#outliers.isCalm;
  }

  get isPanic(): boolean {
    return this.#outliers?.isPanic ?? false;
  }

  /** These are the endpoints from now on. Those that it knows keep what is known of them. True: one may be used again. */
  adopt(pools: readonly EndpointPool[]): boolean {
    const { options, random, wheel } = this.#parts;
    const { outliers: rules = null } = options;
    if (rules === null || this.#outliers === null) return false;
    const nowMs = wheel.now();
    const members = pools.map((pool) => {
      pool.health ??= new EndpointHealth(pool.target.address, {
        rules,
        random,
        nowMs,
        isUnreachable: () => pool.isUnreachable,
      });
      return pool.health;
    });
    return this.#outliers.set(members);
  }

  /** Why this request is not let in, or null. `waiting`: how many wait for a connection already. */
  refusal(seeker: LeaseSeeker, waiting: number): Fault | null {
    if (this.#breaker === null || this.#breaker.isClosed) return null;
    const { options, observer, wheel } = this.#parts;
    const request = { isRepeatable: seeker.need === 'any', isAwaited: waiting > 0 };
    const forMs = this.#breaker.refusesForMs(request, wheel.now());
    if (forMs === null) return null;
    observer.onShed();
    return breakerOpen(options.name, forMs);
  }

  // ---- An attempt

  begin(lease: Lease, { health }: EndpointPool): void {
    if (health !== null) {
      lease.health = health;
      lease.ticket = health.breaker.begin();
      lease.isTrial = health.breaker.state === 'probation';
    }
    if (this.#breaker === null) return;
    lease.upstreamTicket = this.#breaker.begin();
    if (this.#breaker.isOnTrial) lease.isTrial = true;
  }

  /** The answer to a trial has begun. */
  release({ health, ticket, upstreamTicket }: Lease): void {
    health?.breaker.release(ticket);
    this.#breaker?.release(upstreamTicket);
  }

  /** Gives whether other endpoints may be used now than before. */
  end(lease: Lease, outcome: Outcome): boolean {
    const nowMs = this.#parts.wheel.now();
    this.#breaker?.end(lease, outcome, nowMs);
    if (this.#outliers === null || !isWatched(lease)) return false;
    const judged = outcome === 'good' ? outcomeOfStatus(lease.status, this.#failing) : outcome;
    return this.#outliers.end(lease, judged, nowMs);
  }

  /** Lets time pass, and looks who can be reached. Gives what `end` gives. */
  refresh(): boolean {
    return this.#outliers?.refresh(this.#parts.wheel.now()) ?? false;
  }

  snapshot(): BreakerSnapshot | null {
    return this.#breaker?.snapshot(this.#parts.wheel.now()) ?? null;
  }
}

function isWatched(lease: Lease): lease is Lease & WatchedAttempt {
  return lease.health !== null;
}
