/** What is known of how one endpoint answers: its breaker, its share of answers that were good, and whether it is put aside. */
import type { Random } from '../base/clock.ts';
import { Breaker, type OpenReason } from './breaker.ts';
import type { OutlierRules } from './outliers.ts';
import { SuccessRate } from './success-rate.ts';

/** Label values of `sidepool_upstream_endpoint_health`: stable and bounded. */
export type HealthState =
  | 'healthy'
  /** It has failed, and gets nothing. */
  | 'ejected'
  /** Its time is over: it gets one exchange at a time. */
  | 'probation'
  /** It has failed, and is used all the same: it is the only one, or too many others have failed. */
  | 'failing';

export class EndpointHealth {
  /** Address and port, for people. */
  readonly name: string;
  readonly breaker: Breaker;
  readonly rate: SuccessRate;
  readonly #isUnreachable: () => boolean;
  /** Written by `Outliers`: gets nothing, or trials alone. */
  isAside = false;
  /** Written by `Outliers`: what was last told of it. */
  told: HealthState = 'healthy';
  /** Written by `Outliers`: the opening for which it was counted as ejected. */
  countedOpening = 0;

  constructor(
    name: string,
    parts: {
      readonly rules: OutlierRules;
      readonly random: Random;
      readonly nowMs: number;
      /** No connection, and none can be had. */
      readonly isUnreachable: () => boolean;
    },
  ) {
    this.name = name;
    this.breaker = new Breaker(parts.rules, parts.random, parts.nowMs);
    this.rate = new SuccessRate(parts.rules.windowMs);
    this.#isUnreachable = parts.isUnreachable;
  }

  get isWell(): boolean {
    return this.breaker.state === 'closed' && !this.#isUnreachable();
  }

  get state(): HealthState {
    const { state } = this.breaker;
    if (state === 'closed') return 'healthy';
    if (!this.isAside) return 'failing';
    return state === 'open' ? 'ejected' : 'probation';
  }

  /** Whether an exchange may go to it. `isRepeatable`: it could be made again. */
  takes(isRepeatable: boolean, nowMs: number): boolean {
    return !this.isAside || this.breaker.mayTry(isRepeatable, nowMs);
  }

  snapshot(nowMs: number): HealthSnapshot {
    const { breaker, rate, state } = this;
    const requests = rate.total(nowMs);
    return {
      state,
      reason: breaker.reason,
      forMs: nowMs - breaker.sinceMs,
      endsInMs: breaker.state === 'open' ? Math.max(0, breaker.untilMs - nowMs) : null,
      consecutiveFailures: breaker.failures,
      requests,
      successRate: requests === 0 ? null : 1 - rate.failed(nowMs) / requests,
    };
  }
}

export interface HealthSnapshot {
  readonly state: HealthState;
  /** Why its breaker opened; null while it is closed. */
  readonly reason: OpenReason | null;
  /** For how long its breaker has been in its state. */
  readonly forMs: number;
  /** When its open time is over; null unless its breaker is open. */
  readonly endsInMs: number | null;
  readonly consecutiveFailures: number;
  /** Attempts in the window, and the share of them that went well; null if there were none. */
  readonly requests: number;
  readonly successRate: number | null;
}
