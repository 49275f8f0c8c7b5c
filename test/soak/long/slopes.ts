/**
 * Whether a figure grows: the slope by Theil and Sen with its confidence interval, and the trend by Mann and Kendall.
 *
 * Both look at the order of values alone, so that a single spike, of which a long run has many, moves neither. Samples that
 * follow each other closely resemble each other; the variance of the trend is widened for that (Yue and Wang 2004), or
 * every wave would look like a slope.
 */

export interface Slope {
  /** Change in an hour: the median of the slopes of all pairs. */
  readonly perHour: number;
  /** Between these it lies with a confidence of 95 %. */
  readonly lowPerHour: number;
  readonly highPerHour: number;
  /** Of the hypothesis that there is no trend, two-sided. */
  readonly p: number;
  readonly samples: number;
}

export interface Point {
  readonly hours: number;
  readonly value: number;
}

const z95 = 1.959964;

export function slopeOf(points: readonly Point[]): Slope {
  const slopes: number[] = [];
  let score = 0;
  for (const [nth, a] of points.entries()) {
    for (let later = nth + 1; later < points.length; later += 1) {
      const b = points[later] as Point;
      slopes.push((b.value - a.value) / (b.hours - a.hours));
      score += Math.sign(b.value - a.value);
    }
  }
  slopes.sort((a, b) => a - b);
  const perHour = median(slopes);
  const deviation = Math.sqrt(scoreVariance(points) * likeness(points, perHour));
  // Continuity: the score moves in steps of two.
  const z = deviation === 0 ? 0 : (score - Math.sign(score)) / deviation;
  const reach = z95 * deviation;
  const at = (index: number): number =>
    slopes[Math.min(slopes.length - 1, Math.max(0, index))] ?? Number.NaN;
  return {
    perHour,
    lowPerHour: at(Math.floor((slopes.length - reach) / 2) - 1),
    highPerHour: at(Math.ceil((slopes.length + reach) / 2)),
    p: 2 * (1 - normal(Math.abs(z))),
    samples: points.length,
  };
}

/** Of Mann and Kendall's score when there is no trend; equal values make it smaller. */
function scoreVariance(points: readonly Point[]): number {
  const counts = new Map<number, number>();
  for (const { value } of points) counts.set(value, (counts.get(value) ?? 0) + 1);
  const term = (n: number): number => n * (n - 1) * (2 * n + 5);
  let sum = term(points.length);
  for (const count of counts.values()) sum -= term(count);
  return sum / 18;
}

/** How much wider the variance is because neighbours resemble each other: (1 + r) / (1 - r) for the first lag's r. */
function likeness(points: readonly Point[], perHour: number): number {
  const rest = points.map(({ hours, value }) => value - perHour * hours);
  const mean = rest.reduce((sum, each) => sum + each, 0) / rest.length;
  let own = 0;
  let lagged = 0;
  for (const [nth, each] of rest.entries()) {
    own += (each - mean) ** 2;
    if (nth > 0) lagged += (each - mean) * ((rest[nth - 1] as number) - mean);
  }
  const r = own === 0 ? 0 : Math.min(0.95, Math.max(0, lagged / own));
  return (1 + r) / (1 - r);
}

export function median(sorted: readonly number[]): number {
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** One point for each minute: the median of its samples. Points without a value are left out. */
export function byMinute(points: readonly Point[]): Point[] {
  const minutes = new Map<number, Point[]>();
  for (const point of points) {
    if (!Number.isFinite(point.value)) continue;
    const minute = Math.floor(point.hours * 60);
    minutes.set(minute, [...(minutes.get(minute) ?? []), point]);
  }
  return [...minutes].map(([minute, own]) => ({
    hours: (minute + 0.5) / 60,
    value: median(own.map(({ value }) => value).sort((a, b) => a - b)),
  }));
}

/** The normal distribution's share below z (Abramowitz and Stegun 26.2.17; off by less than 1e-7). */
function normal(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const series =
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return 1 - (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series;
}
