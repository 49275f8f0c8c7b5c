/**
 * A breaker: closed while all is well, open after failures, on probation when its time is over; trials that go well
 * close it, one that does not opens it for longer.
 *
 * The argument for its details:
 *
 * - Failures within a moment are one. Whatever ends thirty requests at once, a process that is restarted most likely, has
 *   happened once; five such moments in a row are an endpoint that does not work.
 * - It opens for a base time, and the nth time in a row for n times as long, up to a bound (Envoy's model); a time in
 *   which all was well counts one opening back. Give or take a tenth, for all sidecars of a deployment open together.
 * - On probation one exchange at a time is at risk, and rather one that could be made again.
 * - What was under way when it changed its state says nothing of the new one. So every attempt bears a ticket, and counts
 *   only if the state is still that of its ticket. Where an open breaker is not heeded, for want of anything better,
 *   what goes well closes it as trials do.
 *
 * Nothing here knows the time or chance but what it is given.
 */
import type { Random } from '../base/clock.ts';
import type { Outcome } from './outcome.ts';

export interface BreakerRules {
  /** Failures in a row that open it; 0 for never. */
  readonly consecutiveFailures: number;
  /** For how long it opens first, and at the most. Milliseconds. */
  readonly baseMs: number;
  readonly maxMs: number;
  /** Exchanges in a row that must go well to close it. */
  readonly trials: number;
}

export type BreakerState = 'closed' | 'open' | 'probation';

/** Why it opened. Label values of metrics: stable and bounded. */
export type OpenReason = 'consecutive-failures' | 'success-rate' | 'trial-failed';

/** Failures within so little time count as one. */
const MOMENT_MS = 50;
/** When no exchange that could be made again has come for so long, any other is tried. */
const PATIENCE_MS = 10_000;
/** A tenth either way. */
const JITTER = 0.1;

export class Breaker {
  readonly #rules: BreakerRules;
  readonly #random: Random;
  state: BreakerState = 'closed';
  /** Why it opened last; null while it is closed. */
  reason: OpenReason | null = null;
  /** Failures in a row. */
  failures = 0;
  /** When its open time is over; means nothing in another state. */
  untilMs = 0;
  /** Since when it is in its state. */
  sinceMs: number;
  /** Openings in a row, as far as they are not forgotten. */
  openings = 0;
  /** Openings ever. */
  opened = 0;
  /** Counts changes of state. */
  #ticket = 0;
  #successes = 0;
  #trialsOut = 0;
  #lastFailureMs = Number.NEGATIVE_INFINITY;

  constructor(rules: BreakerRules, random: Random, nowMs: number) {
    this.#rules = rules;
    this.#random = random;
    this.sinceMs = nowMs;
  }

  /** Lets its time pass. Gives whether the state has changed. */
  tick(nowMs: number): boolean {
    if (this.state !== 'open' || nowMs < this.untilMs) return false;
    this.#become('probation', nowMs);
    return true;
  }

  /** On probation: whether this exchange may be a trial. */
  mayTry(isRepeatable: boolean, nowMs: number): boolean {
    if (this.state !== 'probation' || this.#trialsOut > 0) return false;
    return isRepeatable || nowMs - this.sinceMs >= PATIENCE_MS;
  }

  /** An attempt begins. What this gives goes with all that is told of it. */
  begin(): number {
    if (this.state === 'probation') this.#trialsOut += 1;
    return this.#ticket;
  }

  /** Its answer has begun, or it is over: it is no longer at risk. Once for each attempt. */
  release(ticket: number): void {
    if (this.state === 'probation' && ticket === this.#ticket) this.#trialsOut -= 1;
  }

  /** Whether what is told of this attempt still counts. */
  isOf(ticket: number): boolean {
    return ticket === this.#ticket;
  }

  /** What became of an attempt. Gives whether the state has changed. */
  end(ticket: number, outcome: Outcome, nowMs: number): boolean {
    if (ticket !== this.#ticket || outcome === 'none') return false;
    if (this.state !== 'closed') return this.#endTrial(outcome, nowMs);
    if (outcome === 'bad') return this.#fail(nowMs);
    // Whoever gave up has seen nothing that would end a row.
    if (outcome !== 'given-up') this.failures = 0;
    return false;
  }

  #fail(nowMs: number): boolean {
    if (nowMs - this.#lastFailureMs < MOMENT_MS) return false;
    this.#lastFailureMs = nowMs;
    this.failures += 1;
    const { consecutiveFailures } = this.#rules;
    if (consecutiveFailures === 0 || this.failures < consecutiveFailures) return false;
    this.open('consecutive-failures', nowMs);
    return true;
  }

  #endTrial(outcome: Outcome, nowMs: number): boolean {
    if (outcome === 'good') {
      this.#successes += 1;
      if (this.#successes < this.#rules.trials) return false;
      this.failures = 0;
      this.reason = null;
      this.#lastFailureMs = Number.NEGATIVE_INFINITY;
      this.#become('closed', nowMs);
      return true;
    }
    this.#successes = 0;
    if (this.state === 'open') return false;
    this.open('trial-failed', nowMs);
    return true;
  }

  /** Opens it, for longer each time. */
  open(reason: OpenReason, nowMs: number): void {
    const { baseMs, maxMs } = this.#rules;
    const wellFor = this.state === 'closed' ? Math.floor((nowMs - this.sinceMs) / baseMs) : 0;
    // More openings would only take longer to be forgotten.
    const most = Math.ceil(maxMs / baseMs);
    this.openings = Math.min(most, Math.max(0, this.openings - wellFor) + 1);
    const forMs = Math.min(maxMs, baseMs * this.openings);
    this.untilMs = nowMs + forMs * (1 - JITTER + 2 * JITTER * this.#random());
    this.reason = reason;
    this.opened += 1;
    this.#become('open', nowMs);
  }

  /** The dials say that the endpoint is gone: what its connections told while it went is explained by that. */
  forgive(): void {
    if (this.state === 'closed') this.failures = 0;
  }

  #become(state: BreakerState, nowMs: number): void {
    this.state = state;
    this.sinceMs = nowMs;
    this.#ticket += 1;
    this.#successes = 0;
    this.#trialsOut = 0;
  }
}
