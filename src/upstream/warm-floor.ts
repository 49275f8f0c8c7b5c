/**
 * How many idle connections to keep ready.
 *
 * At least `warm`, so that the first request after a silence finds one. Above that it follows demand: whoever needed
 * six at once a moment ago will need six again, and the handshakes are better done now than then. Never above
 * `warmMax`. With several endpoints each gets one, so that a new endpoint has its share of the requests at once.
 *
 * Where an upstream closes idle connections within a second or so there is no floor: it would be dialled again and
 * again, at rest for nobody, and under load beside connections that requests themselves keep alive.
 */

/** A peak is remembered for one to two of these. */
const WINDOW_MS = 15_000;
/** A connection that stays ready for less is not opened ahead. */
const LASTING_MS = 1_000;

export class WarmFloor {
  readonly #warm: number;
  readonly #warmMax: number;
  #peak = 0;
  #peakBefore = 0;
  #windowEndsMs = 0;

  constructor({ warm, warmMax }: { readonly warm: number; readonly warmMax: number }) {
    this.#warm = warm;
    this.#warmMax = warmMax;
  }

  /** Notes how many connections are active now. */
  onActive(active: number): void {
    if (active > this.#peak) this.#peak = active;
  }

  /** How many connections, idle and active, are no surplus. */
  get keeps(): number {
    return Math.max(this.#peak, this.#peakBefore) + this.#warm;
  }

  /** Notes that a connection is asked for while `active` are in use. */
  onAsked(active: number, nowMs: number): void {
    if (nowMs >= this.#windowEndsMs) this.#turn(active, nowMs);
  }

  /** Whether connections that stay ready for so long are opened ahead. */
  isWorth(readyForMs: number): boolean {
    return readyForMs >= LASTING_MS;
  }

  /** Idle connections that should be ready while `active` are in use. */
  wanted(active: number, endpoints: number, nowMs: number): number {
    if (this.#warm === 0) return 0;
    if (nowMs >= this.#windowEndsMs) this.#turn(active, nowMs);
    const recentPeak = Math.max(this.#peak, this.#peakBefore);
    const each = recentPeak > 0 ? endpoints : 0;
    return Math.max(this.#warm, Math.min(this.#warmMax, Math.max(recentPeak - active, each)));
  }

  #turn(active: number, nowMs: number): void {
    const isLongAgo = nowMs >= this.#windowEndsMs + WINDOW_MS;
    this.#peakBefore = isLongAgo ? 0 : this.#peak;
    this.#peak = active;
    this.#windowEndsMs = nowMs + WINDOW_MS;
  }
}
