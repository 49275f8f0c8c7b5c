/** What a sample looks like: its quantiles, and enough of its curve to draw it. */

export interface Distribution {
  readonly count: number;
  readonly p50Us: number;
  readonly p90Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
  /** Pairs of a share and the quantile there, for a drawing: dense where it is steep, in the tail. */
  readonly curve: readonly (readonly [number, number])[];
}

const curveShares = [
  ...Array.from({ length: 50 }, (_, nth) => nth / 50),
  ...Array.from({ length: 20 }, (_, nth) => 0.98 + nth / 1_000),
  1,
];

export function distributionOf(values: readonly number[]): Distribution {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => quantile(sorted, share);
  return {
    count: sorted.length,
    p50Us: at(0.5),
    p90Us: at(0.9),
    p99Us: at(0.99),
    p999Us: at(0.999),
    maxUs: at(1),
    curve: curveShares.map((share) => [share, at(share)] as const),
  };
}

/** The least value that at least this share of the sample does not exceed: always one that was measured. */
export function quantile(sorted: readonly number[], share: number): number {
  const nth = Math.ceil(share * sorted.length) - 1;
  return sorted[Math.min(sorted.length - 1, Math.max(0, nth))] ?? Number.NaN;
}
