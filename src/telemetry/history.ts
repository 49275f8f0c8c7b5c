/**
 * The last ten minutes of each upstream, for the status page: a row for each ten seconds in which something happened.
 *
 * Nothing runs while nothing happens. The first exchange that ends sets an alarm; when it rings, what came since is written
 * down, and another is set only if something did come. A row has its own beginning and end, so a late alarm does no harm.
 */
import type { Cancel, Clock } from '../base/clock.ts';
import { requestBoundsMs } from './histogram.ts';

/** What happened to an upstream's exchanges between two moments of the clock. */
export interface HistoryRow {
  readonly fromMs: number;
  readonly toMs: number;
  /** Exchanges that ended. */
  readonly requests: number;
  readonly faults: number;
  readonly retries: number;
  /** From the request head to the end of the response; null if none ended. */
  readonly meanMs: number | null;
  /** What 99 of 100 took at most, as near as the histogram's bounds tell it; null if none ended. */
  readonly p99Ms: number | null;
}

/** An upstream's counters. */
export interface HistorySource {
  readonly durations: { countAt(index: number): number };
  totals(): {
    readonly requests: number;
    readonly faults: number;
    readonly retries: number;
    readonly durationMs: number;
  };
}

const ROW_MS = 10_000;
export const HISTORY_MS = 600_000;

interface Series {
  readonly source: HistorySource;
  readonly rows: HistoryRow[];
  /** The counters when the row under way began. */
  before: ReturnType<HistorySource['totals']>;
  readonly countsBefore: Float64Array;
}

export class History {
  readonly #clock: Clock;
  readonly #series = new Map<string, Series>();
  #cancel: Cancel | null = null;
  #sinceMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(name: string, source: HistorySource): void {
    const countsBefore = new Float64Array(requestBoundsMs.length + 1);
    const series = { source, rows: [], before: source.totals(), countsBefore };
    this.#series.set(name, series);
    remember(series);
  }

  drop(name: string): void {
    this.#series.delete(name);
  }

  /** An exchange has ended or failed. On the way of each request: it looks at one field. */
  wake(): void {
    if (this.#cancel === null) this.#arm();
  }

  /** Whole rows, oldest first. */
  rows(name: string): readonly HistoryRow[] {
    const oldestMs = this.#clock.now() - HISTORY_MS;
    return this.#series.get(name)?.rows.filter(({ toMs }) => toMs > oldestMs) ?? [];
  }

  /** What has come since the last whole row; null if no row is under way. */
  open(name: string): HistoryRow | null {
    const series = this.#series.get(name);
    return series === undefined || this.#cancel === null ? null : this.#rowOf(series);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #arm(): void {
    this.#sinceMs = this.#clock.now();
    this.#cancel = this.#clock.sleep(ROW_MS, () => this.#close());
  }

  #close(): void {
    this.#cancel = null;
    let isBusy = false;
    const oldestMs = this.#clock.now() - HISTORY_MS;
    for (const series of this.#series.values()) {
      const row = this.#rowOf(series);
      const { rows } = series;
      if (row.requests > 0 || row.faults > 0) {
        rows.push(row);
        isBusy = true;
      }
      while (rows[0] !== undefined && rows[0].toMs <= oldestMs) rows.shift();
      remember(series);
    }
    if (isBusy) this.#arm();
  }

  #rowOf({ source, before, countsBefore }: Series): HistoryRow {
    const now = source.totals();
    const requests = now.requests - before.requests;
    const durationMs = now.durationMs - before.durationMs;
    return {
      fromMs: Math.round(this.#sinceMs),
      toMs: Math.round(this.#clock.now()),
      requests,
      faults: now.faults - before.faults,
      retries: now.retries - before.retries,
      meanMs: requests === 0 ? null : rounded(durationMs / requests),
      p99Ms: requests === 0 ? null : rounded(quantile(0.99, source, countsBefore)),
    };
  }
}

function remember(series: Series): void {
  const { source, countsBefore } = series;
  series.before = source.totals();
  for (let index = 0; index < countsBefore.length; index += 1)
    countsBefore[index] = source.durations.countAt(index);
}

/** Within a bucket the durations are taken to lie evenly; above the last bound, at it. */
function quantile(share: number, { durations }: HistorySource, before: Float64Array): number {
  const counts = Array.from(before, (old, index) => durations.countAt(index) - old);
  const wanted = share * counts.reduce((sum, count) => sum + count, 0);
  let below = 0;
  for (const [index, boundMs] of requestBoundsMs.entries()) {
    const count = counts[index] as number;
    const lowerMs = index === 0 ? 0 : (requestBoundsMs[index - 1] as number);
    if (count > 0 && below + count >= wanted)
      return lowerMs + ((boundMs - lowerMs) * (wanted - below)) / count;
    below += count;
  }
  return requestBoundsMs.at(-1) as number;
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
