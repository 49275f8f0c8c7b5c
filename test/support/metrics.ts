/** Reads the Prometheus text format, as far as tests need it. */

/** From `name{a="1",b="2"}`, labels in alphabetical order, to the value. */
export type Metrics = ReadonlyMap<string, number>;

export function parseMetrics(text: string): Metrics {
  const metrics = new Map<string, number>();
  for (const line of text.split('\n')) {
    const read = /^([a-zA-Z_:][\w:]*)(\{.*\})? (\S+)/.exec(line);
    if (read === null) continue;
    const [, name = '', labels = '', value = ''] = read;
    metrics.set(metricKey(name, readLabels(labels)), readValue(value));
  }
  return metrics;
}

/** The key of one sample in the map. */
export function metricKey(name: string, labels: Readonly<Record<string, string>> = {}): string {
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  if (pairs.length === 0) return name;
  return `${name}{${pairs.map(([label, value]) => `${label}="${value}"`).join(',')}}`;
}

/** The sum of all samples of this name that have at least these labels; 0 when there is none. */
export function sumOf(
  metrics: Metrics,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  let sum = 0;
  for (const [key, value] of metrics) {
    if (key !== name && !key.startsWith(`${name}{`)) continue;
    const has = readLabels(key.slice(name.length));
    if (Object.entries(labels).every(([label, wanted]) => has[label] === wanted)) sum += value;
  }
  return sum;
}

function readLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [, label = '', value = ''] of text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g))
    labels[label] = value;
  return labels;
}

function readValue(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  return Number(text);
}
