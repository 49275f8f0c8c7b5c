/**
 * How many of the last attempts went well, over a window of time that moves on in halves: two counters and no list, so
 * that an attempt costs two additions. What is older than the window is forgotten; at its youngest it holds half of it.
 */
export class SuccessRate {
  readonly #halfMs: number;
  #endsMs = Number.NEGATIVE_INFINITY;
  #total = 0;
  #failed = 0;
  #totalBefore = 0;
  #failedBefore = 0;

  constructor(windowMs: number) {
    this.#halfMs = windowMs / 2;
  }

  add(isGood: boolean, nowMs: number): void {
    if (nowMs >= this.#endsMs) this.#turn(nowMs);
    this.#total += 1;
    if (!isGood) this.#failed += 1;
  }

  /** Attempts in the window. */
  total(nowMs: number): number {
    if (nowMs >= this.#endsMs) this.#turn(nowMs);
    return this.#total + this.#totalBefore;
  }

  /** Those of them that failed. */
  failed(nowMs: number): number {
    if (nowMs >= this.#endsMs) this.#turn(nowMs);
    return this.#failed + this.#failedBefore;
  }

  forget(): void {
    this.#total = 0;
    this.#failed = 0;
    this.#totalBefore = 0;
    this.#failedBefore = 0;
  }

  #turn(nowMs: number): void {
    const isLongAgo = nowMs >= this.#endsMs + this.#halfMs;
    this.#totalBefore = isLongAgo ? 0 : this.#total;
    this.#failedBefore = isLongAgo ? 0 : this.#failed;
    this.#total = 0;
    this.#failed = 0;
    this.#endsMs = (isLongAgo ? nowMs : this.#endsMs) + this.#halfMs;
  }
}
