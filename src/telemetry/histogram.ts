/**
 * Counts by size: of durations in milliseconds, or of plain numbers. Observing adds to two numbers and allocates nothing;
 * what Prometheus wants to see (seconds, cumulative buckets) is made when it asks.
 */
export class Histogram {
  /** Upper bounds, rising; in milliseconds where it counts durations. */
  readonly bounds: readonly number[];
  /** One count for each bound, one for what is above the last, and the sum: an array, so that adding never boxes. */
  readonly #counts: Float64Array;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 2);
  }

  observe(amount: number): void {
    // A clock's oddity must not turn the sum into NaN for the rest of the process's life.
    const value = amount > 0 ? amount : 0;
    const bounds = this.bounds;
    const counts = this.#counts;
    let index = 0;
    while (index < bounds.length && value > (bounds[index] as number)) index += 1;
    counts[index] = (counts[index] as number) + 1;
    const last = counts.length - 1;
    counts[last] = (counts[last] as number) + value;
  }

  /** Observations that fell between the bound before `index` and that one; `bounds.length` is above them all. */
  countAt(index: number): number {
    return this.#counts[index] as number;
  }

  get count(): number {
    let total = 0;
    for (let index = 0; index <= this.bounds.length; index += 1) total += this.countAt(index);
    return total;
  }

  get sum(): number {
    return this.#counts[this.#counts.length - 1] as number;
  }
}

/** From a cache hit on the same node to a report that takes a minute. */
export const requestBoundsMs: readonly number[] = [
  1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000,
];

/** Dials end with `timeouts.connect`, 2 s unless configured. */
export const connectBoundsMs: readonly number[] = [
  0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500,
];

/** Waiting ends with `timeouts.wait`, 3 s unless configured. The first bucket is "did not wait". */
export const waitBoundsMs: readonly number[] = [0, 1, 5, 10, 50, 100, 500, 1000, 3000, 10_000];

/** From a connection that carried one request to one that lasted a day. */
export const ageBoundsMs: readonly number[] = [
  100, 1000, 5000, 15_000, 60_000, 300_000, 600_000, 1_800_000, 3_600_000, 86_400_000,
];

/** Requests that one connection carried. The first bucket is "opened for nothing". */
export const requestsBounds: readonly number[] = [0, 1, 2, 5, 10, 50, 100, 500, 1000, 10_000];

/** From a name server on the node to one that is asked until its time is over. */
export const resolveBoundsMs: readonly number[] = [1, 5, 10, 50, 100, 500, 1000, 5000];
