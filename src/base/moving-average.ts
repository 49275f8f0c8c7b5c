/** An average in which an observation's weight halves every `halfLifeMs`, however irregularly they come. */
export class MovingAverage {
  readonly #halfLifeMs: number;
  #value = 0;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(halfLifeMs: number) {
    this.#halfLifeMs = halfLifeMs;
  }

  /** The average, in the unit of what was observed; 0 before the first observation. */
  get value(): number {
    return this.#value;
  }

  observe(value: number, nowMs: number): void {
    if (this.#lastMs === Number.NEGATIVE_INFINITY) {
      this.#value = value;
    } else {
      const kept = 0.5 ** (Math.max(0, nowMs - this.#lastMs) / this.#halfLifeMs);
      // Observations of one and the same moment would otherwise not count at all.
      const weight = Math.max(1 - kept, 0.01);
      this.#value += (value - this.#value) * weight;
    }
    this.#lastMs = nowMs;
  }
}

/** The highest value of late: falls by half every `halfLifeMs`, and never below the value last observed. */
export class RecentPeak {
  readonly #halfLifeMs: number;
  #peak = 0;
  #last = 0;
  #lastMs = 0;

  constructor(halfLifeMs: number) {
    this.#halfLifeMs = halfLifeMs;
  }

  observe(value: number, nowMs: number): void {
    this.#peak = Math.max(value, this.at(nowMs));
    this.#last = value;
    this.#lastMs = nowMs;
  }

  at(nowMs: number): number {
    const fallen = this.#peak * 0.5 ** (Math.max(0, nowMs - this.#lastMs) / this.#halfLifeMs);
    return Math.max(this.#last, fallen);
  }
}
