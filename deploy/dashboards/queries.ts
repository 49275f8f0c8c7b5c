/** Expressions that several panels share. */

/** Which pods: what the variables at the top choose. */
export const pods = 'namespace=~"$namespace",pod=~"$pod"';
/** Which upstreams of these pods. */
export const upstreams = `${pods},upstream=~"$upstream"`;

/** A counter's rate, summed, by these labels. */
export function rateOf(metric: string, selector: string, by: readonly string[] = []): string {
  return `${sumBy(by)} (rate(${metric}{${selector}}[$__rate_interval]))`;
}

/** A gauge summed, by these labels. */
export function sumOf(metric: string, selector: string, by: readonly string[] = []): string {
  return `${sumBy(by)} (${metric}{${selector}})`;
}

export function quantileOf(
  share: number,
  histogram: string,
  { selector, by = [] }: { readonly selector: string; readonly by?: readonly string[] },
): string {
  return `histogram_quantile(${share}, ${rateOf(`${histogram}_bucket`, selector, ['le', ...by])})`;
}

/** The median, and what 9 of 10 and 99 of 100 stay below. */
export function spreadOf(histogram: string, selector: string): { expr: string; legend: string }[] {
  return [
    { expr: quantileOf(0.5, histogram, { selector }), legend: 'half' },
    { expr: quantileOf(0.9, histogram, { selector }), legend: '90 of 100' },
    { expr: quantileOf(0.99, histogram, { selector }), legend: '99 of 100' },
  ];
}

/** Of two rates over the same labels. */
export function shareOf(part: string, whole: string): string {
  return `${part} / ${whole}`;
}

function sumBy(by: readonly string[]): string {
  return by.length === 0 ? 'sum' : `sum by (${by.join(', ')})`;
}
