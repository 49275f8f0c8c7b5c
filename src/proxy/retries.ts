/** The attempts that one exchange has made again: counted, taken from the budget, and told of once their end is known. */
import type { FieldTable } from '../message/fields.ts';
import { FieldId } from '../message/fields.ts';
import { parseRetryAfter } from '../message/http-date.ts';
import { backoffMs } from '../resilience/backoff.ts';
import type { RetryReason } from '../resilience/retry-policy.ts';
import type { ExchangeContext } from './exchange-context.ts';
import type { Route } from './route.ts';

export class Retries {
  readonly #route: Route;
  readonly #context: ExchangeContext;
  /** Attempts made again after something had been sent. */
  resends = 0;
  #pending: RetryReason | null = null;

  constructor(route: Route, context: ExchangeContext) {
    this.#route = route;
    this.#context = context;
  }

  /** Takes one retry, from the budget unless nothing had been sent. False when the budget is spent. */
  take(reason: RetryReason): boolean {
    const { budget, observer } = this.#route;
    this.failed();
    if (reason !== 'not-sent') {
      if (!budget.take(this.#context.wheel.now())) {
        observer.onRetry(reason, 'budget-spent');
        return false;
      }
      this.resends += 1;
    }
    this.#pending = reason;
    return true;
  }

  succeeded(): void {
    this.#tell('succeeded');
  }

  failed(): void {
    this.#tell('failed');
  }

  #tell(outcome: 'succeeded' | 'failed'): void {
    if (this.#pending !== null) this.#route.observer.onRetry(this.#pending, outcome);
    this.#pending = null;
  }

  /** The pause before the next attempt. What was stale is repaired at once; what may be overloaded is given a moment. */
  pauseMs(reason: RetryReason): number {
    if (reason === 'reused-connection-ended' || reason === 'not-sent') return 0;
    const { backoffBaseMs: baseMs, backoffMaxMs: maxMs } = this.#route.policy.retry;
    return backoffMs(this.resends, { baseMs, maxMs }, this.#context.random);
  }

  /** The pause that Retry-After asks for; undefined if it asks for none, null if it is longer than we wait. */
  askedPauseMs(fields: FieldTable): number | undefined | null {
    const value = fields.get(FieldId.retryAfter);
    if (value === undefined) return undefined;
    const askedMs = parseRetryAfter(value, this.#context.clock.wallSeconds());
    if (askedMs === undefined) return undefined;
    return askedMs > this.#route.policy.retry.maxRetryAfterMs ? null : askedMs;
  }
}
