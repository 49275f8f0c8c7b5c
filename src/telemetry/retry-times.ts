/** When an attempt was last made again, by reason. Noting one writes a number and allocates nothing. */
import type { Clock } from '../base/clock.ts';
import type { RetryOutcome } from '../proxy/observer.ts';
import type { RetryReason } from '../resilience/retry-policy.ts';

export interface RetryTotals {
  readonly reason: RetryReason;
  readonly succeeded: number;
  readonly failed: number;
  /** Wanted, and not made because the budget was spent. */
  readonly budgetSpent: number;
  /** ISO 8601, by the wall clock: when its outcome was known. */
  readonly lastTime: string;
}

type Counts = {
  readonly [reason in RetryReason]: { readonly [outcome in RetryOutcome]: number };
};

const places: { readonly [reason in RetryReason]: number } = {
  'not-sent': 0,
  'pipeline-ended': 1,
  rescued: 2,
  'reused-connection-ended': 3,
  'new-connection-ended': 4,
  status: 5,
  'try-timeout': 6,
};

export class RetryTimes {
  readonly #clock: Clock;
  readonly #lastWallSeconds = new Float64Array(Object.keys(places).length);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(reason: RetryReason): void {
    this.#lastWallSeconds[places[reason]] = this.#clock.wallSeconds();
  }

  /** Of those that have occurred, the latest first. */
  totals(counts: Counts): readonly RetryTotals[] {
    const all: RetryTotals[] = [];
    for (const [reason, outcomes] of Object.entries(counts) as [RetryReason, Counts['status']][]) {
      const wallSeconds = this.#lastWallSeconds[places[reason]] as number;
      if (wallSeconds === 0) continue;
      all.push({
        reason,
        succeeded: outcomes.succeeded,
        failed: outcomes.failed,
        budgetSpent: outcomes['budget-spent'],
        lastTime: new Date(wallSeconds * 1000).toISOString(),
      });
    }
    return all.sort((a, b) => (a.lastTime < b.lastTime ? 1 : -1));
  }
}
