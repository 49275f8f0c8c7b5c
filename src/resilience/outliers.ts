/**
 * Which endpoints of an upstream are put aside.
 *
 * The argument. A breaker tells that an endpoint fails; whether it helps to leave it out depends on the others. One that
 * fails alone is best left out. When most of them fail it is not the endpoints: what they share has failed, or the
 * requests ask for it, and to press all that comes on the few that are left would take these down as well. So:
 *
 * - at most a share of the endpoints is put aside (half), those that failed first, and never all of them;
 * - a success rate is low only beside that of the others, and by more than chance would make of it;
 * - while too few are well (fewer than half) none is put aside: that is panic. An endpoint that cannot be reached at all
 *   counts as not well, so that one that answers badly is used rather than none.
 *
 * Time passes when somebody asks: no timer runs. While every breaker is closed an attempt costs a few additions.
 */
import type { BreakerRules, OpenReason } from './breaker.ts';
import type { EndpointHealth, HealthState } from './endpoint-health.ts';
import type { Outcome } from './outcome.ts';

export interface OutlierRules extends BreakerRules {
  /** The least share of its attempts that must go well, 0 to 1, while the others do better; 0 for none. */
  readonly successRate: number;
  readonly windowMs: number;
  /** Attempts in the window, of its own and of the others together, from which on rates are compared. */
  readonly minRequests: number;
  /** The share of endpoints that may be put aside at once, 0 to 1. */
  readonly maxEjected: number;
  /** The share of endpoints that must be well for any to be put aside, 0 to 1. */
  readonly panic: number;
  /** Response statuses that stand for no answer. */
  readonly statuses: readonly number[];
}

/** The others must fail at most this much as often for an endpoint to fail alone. */
const OTHERS_SHARE = 0.5;
/** By how many standard errors two rates must differ: chance does that once in 700 times. */
const STANDARD_ERRORS = 3;

/** Told of what has changed, for people. Nothing is to be done to the endpoints from within. */
export interface OutlierEvents {
  onHealth(health: EndpointHealth, change: HealthChange): void;
  onPanic(isPanic: boolean): void;
}

export interface HealthChange {
  readonly from: HealthState;
  readonly to: HealthState;
  /** Set once for each time that it is put aside for an opening of its breaker. */
  readonly ejectedFor: OpenReason | null;
}

/** An attempt at an endpoint: its health, and the ticket that its breaker has given. */
export interface WatchedAttempt {
  readonly health: EndpointHealth;
  readonly ticket: number;
}

export class Outliers {
  readonly #rules: OutlierRules;
  readonly #events: OutlierEvents;
  #members: readonly EndpointHealth[] = [];
  /** Those whose breaker is not closed. */
  #troubled = 0;
  isPanic = false;

  constructor(rules: OutlierRules, events: OutlierEvents) {
    this.#rules = rules;
    this.#events = events;
  }

  /** Every breaker is closed. */
  get isCalm(): boolean {
    return this.#troubled === 0;
  }

  /** How many may be put aside. */
  get most(): number {
    const count = this.#members.length;
    // The sum of a few decimal shares may fall short of the whole number that is meant.
    return Math.min(count - 1, Math.floor(count * this.#rules.maxEjected + 1e-9));
  }

  /** Takes the endpoints that there are from now on. Gives whether others may be used now than before. */
  set(members: readonly EndpointHealth[]): boolean {
    this.#members = members;
    return this.#settle();
  }

  /** What became of an attempt. Gives whether other endpoints may be used now than before. */
  end({ health, ticket }: WatchedAttempt, outcome: Outcome, nowMs: number): boolean {
    const { breaker, rate } = health;
    if (outcome === 'none' || !breaker.isOf(ticket)) return false;
    rate.add(outcome === 'good', nowMs);
    let hasChanged = breaker.end(ticket, outcome, nowMs);
    if (hasChanged) rate.forget();
    else if (outcome !== 'good' && breaker.state === 'closed' && this.#failsAlone(health, nowMs)) {
      breaker.open('success-rate', nowMs);
      rate.forget();
      hasChanged = true;
    }
    return hasChanged && this.#settle();
  }

  #failsAlone(health: EndpointHealth, nowMs: number): boolean {
    const { successRate, minRequests } = this.#rules;
    if (successRate === 0 || this.#members.length < 2) return false;
    const total = health.rate.total(nowMs);
    if (total < minRequests) return false;
    const failed = health.rate.failed(nowMs);
    if (total - failed >= total * successRate) return false;
    let others = 0;
    let othersFailed = 0;
    for (const { rate } of this.#members) {
      if (rate === health.rate) continue;
      others += rate.total(nowMs);
      othersFailed += rate.failed(nowMs);
    }
    if (others < minRequests) return false;
    const above = failed / total - othersFailed / others;
    if (othersFailed / others > (failed / total) * OTHERS_SHARE) return false;
    // The usual test of two shares, against what both are together.
    const share = (failed + othersFailed) / (total + others);
    const variance = share * (1 - share) * (1 / total + 1 / others);
    return above * above >= STANDARD_ERRORS ** 2 * variance;
  }

  /** Lets time pass, and looks who can be reached. Cheap while all is calm. Gives what `end` gives. */
  refresh(nowMs: number): boolean {
    if (this.#troubled === 0) return false;
    let hasChanged = false;
    let well = 0;
    for (const health of this.#members) {
      if (health.breaker.tick(nowMs)) hasChanged = true;
      if (health.isWell) well += 1;
    }
    return (hasChanged || this.#panics(well) !== this.isPanic) && this.#settle();
  }

  #panics(well: number): boolean {
    const count = this.#members.length;
    return count > 1 && this.#troubled > 0 && (well === 0 || well < count * this.#rules.panic);
  }

  /** Decides anew who is put aside, and tells what that has changed. */
  #settle(): boolean {
    const members = this.#members;
    let well = 0;
    this.#troubled = 0;
    for (const health of members) {
      if (health.breaker.state !== 'closed') this.#troubled += 1;
      if (health.isWell) well += 1;
    }
    const wasPanic = this.isPanic;
    this.isPanic = this.#panics(well);
    this.#putAside(this.isPanic ? 0 : this.most);
    let hasChanged = this.isPanic !== wasPanic;
    if (hasChanged) this.#events.onPanic(this.isPanic);
    for (const health of members) if (this.#tell(health)) hasChanged = true;
    return hasChanged;
  }

  /** Those that are aside stay so before others, and else those that have failed for longest. */
  #putAside(most: number): void {
    const failed = this.#members.filter(({ breaker }) => breaker.state !== 'closed');
    failed.sort(
      (a, b) => Number(b.isAside) - Number(a.isAside) || a.breaker.sinceMs - b.breaker.sinceMs,
    );
    for (const health of this.#members) health.isAside = false;
    for (const health of failed.slice(0, most)) health.isAside = true;
  }

  #tell(health: EndpointHealth): boolean {
    const { told: from, state: to, breaker } = health;
    const isNew = to === 'ejected' && breaker.opened !== health.countedOpening;
    if (from === to && !isNew) return false;
    health.told = to;
    if (isNew) health.countedOpening = breaker.opened;
    this.#events.onHealth(health, { from, to, ejectedFor: isNew ? breaker.reason : null });
    return true;
  }
}
