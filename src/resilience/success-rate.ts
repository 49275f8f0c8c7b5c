/**
 * How many of the last attempts went well, over a window of time that moves on in halves: two counters and no list, so
 * that an attempt costs two additions. What is older than the window is forgotten; at its youngest it holds half of it.
 *
 * The halves begin at the same moments for all, so that two rates are of the same time: when something begins to fail
 * for everybody, it does so in the same share of every window.
 */
export class SuccessRate {
  readonly #halfMs: number;
  /** Which half of all time is counted now. */
  #half = 0;
  #total = 0;
  #failed = 0;
  #totalBefore = 0;
  #failedBefore = 0;

  constructor(windowMs: number) {
    this.#halfMs = windowMs / 2;
  }

  add(isGood: boolean, nowMs: number): void {
    this.#turn(nowMs);
    this.#total += 1;
    if (!isGood) this.#failed += 1;
  }

  /** Attempts in the window. */
  total(nowMs: number): number {
    this.#turn(nowMs);
    return this.#total + this.#totalBefore;
  }

  /** Those of them that failed. */
  failed(nowMs: number): number {
    this.#turn(nowMs);
    return this.#failed + this.#failedBefore;
  }

  forget(): void {
    this.#total = 0;
    this.#failed = 0;
    this.#totalBefore = 0;
    this.#failedBefore = 0;
  }

  #turn(nowMs: number): void {
    const half = Math.floor(nowMs / this.#halfMs);
    if (half === this.#half) return;
    const isNext = half === this.#half + 1;
    this.#totalBefore = isNext ? this.#total : 0;
    this.#failedBefore = isNext ? this.#failed : 0;
    this.#total = 0;
    this.#failed = 0;
    this.#half = half;
  }
}
