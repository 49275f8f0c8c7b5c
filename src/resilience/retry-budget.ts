/**
 * How many retries an upstream may be given.
 *
 * The argument for a budget and not a count per request: when an upstream fails for everybody, a count of one doubles
 * its load at the worst moment. A share of the requests lets single failures be repaired and leaves a general one as
 * it is. A floor by time keeps a quiet upstream, whose share would be nothing, from losing the repair.
 */
export class RetryBudget {
  readonly #ratio: number;
  readonly #floorPerMs: number;
  readonly #most: number;
  #balance: number;
  #lastMs: number;

  /** `ratio`: retries for each request, 0 to 1. `floorPerSecond`: retries a second that are allowed in any case. */
  constructor(ratio: number, floorPerSecond: number, nowMs: number) {
    this.#ratio = ratio;
    this.#floorPerMs = floorPerSecond / 1000;
    // Ten seconds of the floor, or what 500 requests bring in: enough for all that is in flight when a server restarts.
    this.#most = Math.max(floorPerSecond * 10, ratio * 500);
    this.#balance = floorPerSecond * 10;
    this.#lastMs = nowMs;
  }

  onRequest(): void {
    this.#balance = Math.min(this.#most, this.#balance + this.#ratio);
  }

  /** Takes one retry. False when the budget is spent. */
  take(nowMs: number): boolean {
    this.#refill(nowMs);
    if (this.#balance < 1) return false;
    this.#balance -= 1;
    return true;
  }

  /** Whole retries left. */
  left(nowMs: number): number {
    this.#refill(nowMs);
    return Math.floor(this.#balance);
  }

  #refill(nowMs: number): void {
    const earned = Math.max(0, nowMs - this.#lastMs) * this.#floorPerMs;
    this.#balance = Math.min(this.#most, this.#balance + earned);
    this.#lastMs = nowMs;
  }
}
