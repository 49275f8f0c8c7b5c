/** The attempts that one exchange has made again: counted, taken from the budget, and told of once their end is known. */
import type { Fault } from '../base/fault.ts';
import type { FieldTable } from '../message/fields.ts';
import { FieldId } from '../message/fields.ts';
import type { RequestHead, ResponseHead } from '../message/head.ts';
import { parseRetryAfter } from '../message/http-date.ts';
import { backoffMs, steadyBackoffMs } from '../resilience/backoff.ts';
import {
  firstByteLimitMs,
  mayRetryStatus,
  type RequestState,
  type RetryReason,
  retryReason,
} from '../resilience/retry-policy.ts';
import { type Leasable, type Lease, STALE_IDLE_MS } from '../upstream/carrier.ts';
import type { ExchangeContext } from './exchange-context.ts';
import { isStale } from './faults.ts';
import { isPromisedIdempotent } from './request-traits.ts';
import type { Route } from './route.ts';

/** A connection that was closed already ends a request within a round trip. */
const STALE_LASTED_MS = 10;

/** What is sent again, as far as it decides whether it may be. */
export interface Resendable {
  readonly head: RequestHead;
  /** Null for a request without one. */
  readonly body: { readonly canReplay: boolean } | null;
  readonly client: { readonly hasResponded: boolean };
}

export class Retries {
  readonly #route: Route;
  readonly #context: ExchangeContext;
  readonly #request: Resendable;
  /** Attempts made again after something had been sent. */
  resends = 0;
  /** An attempt before this one may have been seen by an upstream. */
  wasSent = false;
  #pending: RetryReason | null = null;
  /** A connection that was idle before and ended under this request. */
  #stale: Leasable | null = null;
  /** Whether the last attempt ended as it does on a connection that was closed before. */
  #wasStale = false;

  constructor(route: Route, context: ExchangeContext, request: Resendable) {
    this.#route = route;
    this.#context = context;
    this.#request = request;
  }

  /**
   * An attempt has failed that was sent at `sentAtMs`. Gives why it is made again, taken from the budget, or null when it
   * is not.
   */
  afterFault(
    failure: Fault,
    { lease, sentAtMs }: { readonly lease: Lease; readonly sentAtMs: number },
  ): RetryReason | null {
    this.#noteStale(failure, lease, sentAtMs);
    const { retry } = this.#route.policy;
    const reason = retryReason(failure, lease.mayBeStale, this.#state, retry);
    return reason !== null && this.#take(reason) ? reason : null;
  }

  /** The pause before this response is asked for again, or null when it is passed on. */
  afterStatus(head: ResponseHead): number | null {
    const { retry } = this.#route.policy;
    if (!mayRetryStatus(head.status, this.#state, retry)) return null;
    const askedMs = this.#askedPauseMs(head.fields);
    if (askedMs === null || !this.#take('status')) return null;
    return askedMs ?? this.pauseMs('status');
  }

  /** How long the first octet of the response to the next attempt may take; 0 for no limit. */
  get firstByteMs(): number {
    const { retry, timeouts } = this.#route.policy;
    return firstByteLimitMs(this.#state, retry, timeouts.firstByteMs);
  }

  get #state(): RequestState {
    const { head, body, client } = this.#request;
    return {
      method: head.method,
      isPromisedIdempotent: isPromisedIdempotent(head, this.#route.policy.retry),
      isBodyHeld: body?.canReplay ?? true,
      resends: this.resends,
      hasResponded: client.hasResponded,
    };
  }

  #noteStale(failure: Fault, { carrier, mayBeStale }: Lease, sentAtMs: number): void {
    if (!mayBeStale || failure.behind !== undefined || !isStale(failure)) return;
    this.#route.observer.onStale();
    this.#stale = carrier;
    const lastedMs = this.#context.wheel.now() - sentAtMs;
    this.#wasStale = carrier.lastIdleMs >= STALE_IDLE_MS && lastedMs < STALE_LASTED_MS;
  }

  /** Takes one retry, from the budget unless nothing had been sent. False when the budget is spent. */
  #take(reason: RetryReason): boolean {
    const { budget, observer } = this.#route;
    this.failed();
    if (reason === 'pipeline-ended' || reason === 'rescued') this.wasSent = true;
    else if (reason !== 'not-sent') {
      this.wasSent = true;
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
      case 'pipeline-ended':
      case 'rescued':
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
  #askedPauseMs(fields: FieldTable): number | undefined | null {
    const value = fields.get(FieldId.retryAfter);
    if (value === undefined) return undefined;
    const askedMs = parseRetryAfter(value, this.#context.clock.wallSeconds());
    if (askedMs === undefined) return undefined;
    return askedMs > this.#route.policy.retry.maxRetryAfterMs ? null : askedMs;
  }
}
