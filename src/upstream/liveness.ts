/**
 * How long a connection of one endpoint may be idle and still be trusted.
 *
 * The argument. A server closes idle connections after a time of its own, and a request that is sent as it does is
 * lost: the one that could be sent again costs a round trip, the other an error. The time can be told (`Keep-Alive:
 * timeout`), configured, or learned: from the ages at which the server closed idle connections. Two traps:
 *
 * - A restart closes connections of every age at once. So closes within a moment are one event, which counts with the
 *   greatest age among them, or not at all when the ages are far apart or a dial fails soon after; and one event alone
 *   teaches nothing.
 * - A connection that was used with success after a longer time proves a shorter limit wrong. Such use clears the
 *   events that it contradicts.
 *
 * What was learned rises again slowly, so that a server whose limit was raised is found out.
 */

/** Closes so close together are one event. */
const EVENT_SPAN_MS = 50;
const MAX_EVENTS = 8;
/** An idle limit closes connections of about one age, even where it is looked after only now and then. */
const LIKE_SHARE = 0.5;
/** An upstream that takes no connection so soon after an event was going away. */
const GONE_MS = 2_000;
/** Margin below a limit that was told or learned: a tenth, and a second at most. */
const MARGIN_SHARE = 0.1;
const MAX_MARGIN_MS = 1_000;
/** A request that cannot be sent again keeps this far inside the limit. */
export const STEADY_SHARE = 0.75;
/** What was learned grows by a hundredth every so often: doubled within twelve minutes or so. */
const RECOVERY_STEP_MS = 10_000;
const RECOVERY_FACTOR = 1.01;

interface CloseEvent {
  atMs: number;
  /** The greatest age. */
  ageMs: number;
  leastMs: number;
}

const LEAST_AGE_MS = 1;
const LEAST_STALE_MS = 5;

export class Liveness {
  readonly #configuredMs: number;
  readonly #learns: boolean;
  #toldMs = Number.POSITIVE_INFINITY;
  #events: CloseEvent[] = [];
  #learnedMs = Number.POSITIVE_INFINITY;
  #learnedAtMs = 0;
  #limitMs: number;

  constructor(configuredMs: number, options: { readonly learns: boolean }) {
    this.#configuredMs = configuredMs;
    this.#learns = options.learns;
    this.#limitMs = configuredMs;
  }

  /** Milliseconds that a connection may be idle and be used for a request that can be sent again. */
  limitMs(nowMs: number): number {
    if (this.#learnedMs !== Number.POSITIVE_INFINITY) this.#recover(nowMs);
    return this.#limitMs;
  }

  /** The same for a request that cannot be sent again. */
  steadyMs(nowMs: number): number {
    return this.limitMs(nowMs) * STEADY_SHARE;
  }

  /** What was learned, or null. */
  get learnedMs(): number | null {
    return this.#learnedMs === Number.POSITIVE_INFINITY ? null : this.#learnedMs;
  }

  /** The upstream said how long it keeps an idle connection (`Keep-Alive: timeout=5`). */
  onTold(seconds: number): void {
    const toldMs = seconds * 1000;
    if (toldMs === this.#toldMs) return;
    this.#toldMs = toldMs;
    this.#update();
  }

  /** The upstream closed a connection that had been idle for `idleMs`, or that long when a request was sent in vain. */
  onIdleClosed(idleMs: number, nowMs: number): void {
    if (!this.#learns) return;
    // Of 0 nothing could ever recover.
    const ageMs = Math.max(LEAST_AGE_MS, idleMs);
    const last = this.#events.at(-1);
    if (last !== undefined && nowMs - last.atMs < EVENT_SPAN_MS) {
      last.ageMs = Math.max(last.ageMs, ageMs);
      last.leastMs = Math.min(last.leastMs, ageMs);
      last.atMs = nowMs;
    } else {
      // Kept until now, so that it took in all that belonged to it.
      if (last !== undefined && !isOfOneAge(last)) this.#events.pop();
      this.#events.push({ atMs: nowMs, ageMs, leastMs: ageMs });
      if (this.#events.length > MAX_EVENTS) this.#events.shift();
    }
    this.#learn(nowMs);
  }

  /** A connection that had been idle for `idleMs` ended under a request. */
  onStale(idleMs: number, nowMs: number): void {
    // One that ends as soon as it is free says nothing of how long it may be idle.
    if (idleMs >= LEAST_STALE_MS) this.onIdleClosed(idleMs, nowMs);
  }

  /** A dial failed: what was closed a moment ago was closed by an upstream that went away. */
  onDialFailed(nowMs: number): void {
    const last = this.#events.at(-1);
    if (last === undefined || nowMs - last.atMs >= GONE_MS) return;
    this.#events.pop();
    this.#learn(nowMs);
  }

  /** A connection was used with success after `idleMs`: no limit below that is in force. */
  onSurvived(idleMs: number, nowMs: number): void {
    if (this.#events.length === 0) return;
    const kept = this.#events.filter((event) => event.ageMs > idleMs);
    if (kept.length === this.#events.length) return;
    this.#events = kept;
    this.#learn(nowMs);
  }

  #learn(nowMs: number): void {
    // The middle one, of two the greater. A single connection that a load balancer dropped does not decide, nor do the
    // few ages that came out short because a response was read late: below the true limit nothing is closed by the
    // upstream any more, so that what is too low would stay for long.
    const ages = this.#events.filter(isOfOneAge).map((event) => event.ageMs);
    const middle = ages.sort((a, b) => a - b)[ages.length >> 1];
    this.#learnedMs = ages.length < 2 || middle === undefined ? Number.POSITIVE_INFINITY : middle;
    this.#learnedAtMs = nowMs;
    this.#update();
  }

  #recover(nowMs: number): void {
    if (nowMs - this.#learnedAtMs < RECOVERY_STEP_MS) return;
    const steps = (nowMs - this.#learnedAtMs) / RECOVERY_STEP_MS;
    const factor = RECOVERY_FACTOR ** steps;
    this.#learnedAtMs = nowMs;
    for (const event of this.#events) {
      event.ageMs *= factor;
      event.leastMs *= factor;
    }
    this.#learnedMs *= factor;
    if (lessMargin(this.#learnedMs) >= this.#configuredMs) {
      this.#learnedMs = Number.POSITIVE_INFINITY;
      this.#events = [];
    }
    this.#update();
  }

  #update(): void {
    this.#limitMs = Math.min(
      this.#configuredMs,
      lessMargin(this.#toldMs),
      lessMargin(this.#learnedMs),
    );
  }
}

function isOfOneAge({ ageMs, leastMs }: CloseEvent): boolean {
  return leastMs >= ageMs * LIKE_SHARE;
}

function lessMargin(limitMs: number): number {
  if (limitMs === Number.POSITIVE_INFINITY) return limitMs;
  return Math.max(0, limitMs - Math.min(MAX_MARGIN_MS, limitMs * MARGIN_SHARE));
}
