/** The attempts that one exchange has made again: counted, taken from the budget, and told of once their end is known. */
import type { Fault } from '../base/fault.ts';
import type { FieldTable } from '../message/fields.ts';
import { FieldId } from '../message/fields.ts';
import { parseRetryAfter } from '../message/http-date.ts';
import { backoffMs, steadyBackoffMs } from '../resilience/backoff.ts';
import type { RetryReason } from '../resilience/retry-policy.ts';
import type { Leasable, Lease } from '../upstream/carrier.ts';
import type { ExchangeContext } from './exchange-context.ts';
import { isStale } from './faults.ts';
import type { Route } from './route.ts';

/** No server of good sense closes a connection that has been idle for less. */
const STALE_IDLE_MS = 1_000;
/** A connection that was closed already ends a request within a round trip. */
const STALE_LASTED_MS = 10;

export class Retries {
  readonly #route: Route;
  readonly #context: ExchangeContext;
  /** Attempts made again after something had been sent. */
  resends = 0;
  #pending: RetryReason | null = null;
  /** A reused connection that ended under this request. */
  #stale: Leasable | null = null;
  /** Whether the last attempt ended as it does on a connection that was closed before. */
  #wasStale = false;

  constructor(route: Route, context: ExchangeContext) {
    this.#route = route;
    this.#context = context;
  }

  /** An attempt has failed that was sent at `sentAtMs`. */
  onFault(failure: Fault, { carrier, isReused }: Lease, sentAtMs: number): void {
    if (!isReused || !isStale(failure)) return;
    this.#route.observer.onStale();
    this.#stale = carrier;
    const lastedMs = this.#context.wheel.now() - sentAtMs;
    this.#wasStale = carrier.lastIdleMs >= STALE_IDLE_MS && lastedMs < STALE_LASTED_MS;
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

  /** A response has come that is passed on. */
  answered(status: number): void {
    const { policy, upstream } = this.#route;
    const isNoBetter = this.#pending === 'status' && policy.retry.statuses.includes(status);
    this.#tell(isNoBetter ? 'failed' : 'succeeded');
    if (this.#stale === null) return;
    // It was the connection and not the request: the same request has now been answered on a new one.
    const { endpoint, lastIdleMs } = this.#stale;
    this.#stale = null;
    upstream.onStale(endpoint, lastIdleMs);
  }

  failed(): void {
    this.#tell('failed');
  }

  #tell(outcome: 'succeeded' | 'failed'): void {
    if (this.#pending !== null) this.#route.observer.onRetry(this.#pending, outcome);
    this.#pending = null;
  }

  /**
   * The pause before the next attempt. What was stale is repaired at once; what may be overloaded is given a moment.
   *
   * A connection that ends under a request without having been idle for long was not stale: its server has died. One
   * that is killed closes its connections before the queue of its listening socket, so that a dial at this moment
   * still gets a connection, from nobody, and loses the one resend on it. A moment later it is refused, and waits.
   */
  pauseMs(reason: RetryReason): number {
    const { backoffBaseMs: baseMs, backoffMaxMs: maxMs } = this.#route.policy.retry;
    const rules = { baseMs, maxMs };
    const { random } = this.#context;
    switch (reason) {
      case 'not-sent':
        return 0;
      case 'reused-connection-ended':
        return this.#wasStale ? 0 : steadyBackoffMs(this.resends, rules, random);
      case 'new-connection-ended':
        return steadyBackoffMs(this.resends, rules, random);
      default:
        return backoffMs(this.resends, rules, random);
    }
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
