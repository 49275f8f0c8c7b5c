/**
 * The breaker of an upstream as a whole: while it is open, requests are refused at once.
 *
 * The argument for its being off unless configured. To leave out one endpoint costs nobody a request; to refuse all of
 * them costs every caller, and one address most often stands for many servers (a ClusterIP, a load balancer), of which
 * the failing one is left out by others. What it gives in return is for those who know their upstream: one that drowns
 * gets air, and callers with few workers (PHP-FPM) do not all hang in it until their time is out.
 *
 * It is about answers. Connections that cannot be made do not open it, nor does it refuse anybody who waits for one.
 */
import type { Random } from '../base/clock.ts';
import { Breaker, type BreakerRules, type BreakerState, type OpenReason } from './breaker.ts';
import { type Outcome, outcomeOfStatus } from './outcome.ts';
import { SuccessRate } from './success-rate.ts';

export interface UpstreamBreakerRules extends BreakerRules {
  /** The least share of attempts that must go well, 0 to 1; 0 for none. */
  readonly successRate: number;
  readonly windowMs: number;
  /** Attempts in the window from which on there is a rate. */
  readonly minRequests: number;
  /** Response statuses that stand for no answer. */
  readonly statuses: readonly number[];
}

export interface BreakerChange {
  readonly from: BreakerState;
  readonly to: BreakerState;
  /** Why it opened last; null once it is closed. */
  readonly reason: OpenReason | null;
  /** For how long it stays open; null unless it has opened. */
  readonly openMs: number | null;
}

export class UpstreamBreaker {
  readonly #rules: UpstreamBreakerRules;
  readonly #breaker: Breaker;
  readonly #rate: SuccessRate;
  readonly #onChange: (change: BreakerChange) => void;
  #told: BreakerState = 'closed';

  constructor(
    rules: UpstreamBreakerRules,
    parts: {
      readonly random: Random;
      readonly nowMs: number;
      readonly onChange: (change: BreakerChange) => void;
    },
  ) {
    this.#rules = rules;
    this.#breaker = new Breaker(rules, parts.random, parts.nowMs);
    this.#rate = new SuccessRate(rules.windowMs);
    this.#onChange = parts.onChange;
  }

  /**
   * How long a request that comes now should stay away, or null if it may come in. `isAwaited`: somebody waits for a
   * connection already, and will be the trial.
   */
  refusesForMs(
    request: { readonly isRepeatable: boolean; readonly isAwaited: boolean },
    nowMs: number,
  ): number | null {
    const breaker = this.#breaker;
    if (breaker.state === 'closed') return null;
    if (breaker.tick(nowMs)) this.#tell(nowMs);
    if (breaker.state === 'open') return breaker.untilMs - nowMs;
    const mayTry = !request.isAwaited && breaker.mayTry(request.isRepeatable, nowMs);
    return mayTry ? null : 0;
  }

  get isClosed(): boolean {
    return this.#breaker.state === 'closed';
  }

  get isOnTrial(): boolean {
    return this.#breaker.state === 'probation';
  }

  begin(): number {
    return this.#breaker.begin();
  }

  release(ticket: number): void {
    this.#breaker.release(ticket);
  }

  /** What became of an attempt; `status` is that of its response, 0 without one. */
  end(
    {
      upstreamTicket: ticket,
      status,
    }: { readonly upstreamTicket: number; readonly status: number },
    outcome: Outcome,
    nowMs: number,
  ): void {
    const breaker = this.#breaker;
    const judged = outcome === 'good' ? outcomeOfStatus(status, this.#rules.statuses) : outcome;
    if (judged === 'none' || !breaker.isOf(ticket)) return;
    // With nothing to compare it to, an answer is an answer.
    const counted = judged === 'error' ? 'good' : judged;
    this.#rate.add(counted === 'good', nowMs);
    if (breaker.end(ticket, counted, nowMs)) this.#rate.forget();
    else if (breaker.state === 'closed' && this.#isRateLow(nowMs)) {
      breaker.open('success-rate', nowMs);
      this.#rate.forget();
    }
    this.#tell(nowMs);
  }

  #isRateLow(nowMs: number): boolean {
    const total = this.#rate.total(nowMs);
    if (total < this.#rules.minRequests) return false;
    return total - this.#rate.failed(nowMs) < total * this.#rules.successRate;
  }

  #tell(nowMs: number): void {
    const { state: to, reason, untilMs } = this.#breaker;
    const from = this.#told;
    if (from === to) return;
    this.#told = to;
    this.#onChange({ from, to, reason, openMs: to === 'open' ? untilMs - nowMs : null });
  }

  snapshot(nowMs: number): BreakerSnapshot {
    const { state, reason, sinceMs, untilMs, failures } = this.#breaker;
    const requests = this.#rate.total(nowMs);
    return {
      state,
      reason,
      forMs: nowMs - sinceMs,
      endsInMs: state === 'open' ? Math.max(0, untilMs - nowMs) : null,
      consecutiveFailures: failures,
      requests,
      successRate: requests === 0 ? null : 1 - this.#rate.failed(nowMs) / requests,
    };
  }
}

export interface BreakerSnapshot {
  readonly state: BreakerState;
  /** Why it opened; null while it is closed. */
  readonly reason: OpenReason | null;
  readonly forMs: number;
  /** When its open time is over; null unless it is open. */
  readonly endsInMs: number | null;
  readonly consecutiveFailures: number;
  /** Attempts in the window, and the share of them that went well; null if there were none. */
  readonly requests: number;
  readonly successRate: number | null;
}
