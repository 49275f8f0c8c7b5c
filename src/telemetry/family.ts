/**
 * How a metric is declared: its name, and how each of its series is read from a source's numbers.
 *
 * The text of each line up to its number is made when a family is bound to a source (an upstream, once, when it is
 * configured). A scrape only reads numbers and puts them behind it.
 */
import { faultKinds, faultSides } from './fault-labels.ts';
import type { FaultTally } from './fault-tally.ts';
import type { Histogram } from './histogram.ts';

export type Labels = { readonly [name: string]: string };

export type MetricType = 'counter' | 'gauge' | 'histogram';

/** Adds the lines of one family and one source: `name{label="value"} 1`. */
export type Collect<Source> = (source: Source, into: string[]) => void;

/** The labels of a family, each with all the values that it can have: this is what bounds the number of series. */
export type LabelValues = { readonly [name: string]: readonly string[] };

export interface Family<Source> {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  /** Left out where there are none besides those of the source. */
  readonly labels?: LabelValues;
  /** `base` are the labels that all series of the source bear. */
  bind(base: Labels): Collect<Source>;
}

/** What stands before the number of a series: `name{label="value"} `. */
function lineStart(name: string, labels: Labels): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escaped(value)}"`);
  return pairs.length === 0 ? `${name} ` : `${name}{${pairs.join(',')}} `;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

/** JavaScript writes numbers as Prometheus reads them, but for the infinite ones. */
function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}

/** A family with one series. A value of NaN stands for "not known here" and gives no line. */
export function single<Source>(
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  read: (source: Source) => number,
): Family<Source> {
  return {
    name,
    help,
    type,
    bind(base) {
      const start = lineStart(name, base);
      return (source, into) => {
        const value = read(source);
        if (!Number.isNaN(value)) into.push(start + numberText(value));
      };
    },
  };
}

/** A family with one series for each of a closed list of label sets. NaN gives no line, as with `single`. */
export function each<Source, Key extends Labels>(
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  { keys, read }: { keys: readonly Key[]; read: (source: Source, key: Key) => number },
): Family<Source> {
  return {
    name,
    help,
    type,
    labels: labelsOf(keys),
    bind(base) {
      const series = keys.map((key) => ({ key, start: lineStart(name, { ...base, ...key }) }));
      return (source, into) => {
        for (const { key, start } of series) {
          const value = read(source, key);
          if (!Number.isNaN(value)) into.push(start + numberText(value));
        }
      };
    },
  };
}

/** Label sets with one label, from the list of its values. */
export function valuesOf<Name extends string, Value extends string>(
  name: Name,
  values: readonly Value[],
): readonly { readonly [key in Name]: Value }[] {
  return values.map((value) => ({ [name]: value }) as { readonly [key in Name]: Value });
}

function labelsOf(keys: readonly Labels[]): LabelValues {
  const values: { [name: string]: string[] } = {};
  for (const key of keys) {
    for (const [name, value] of Object.entries(key)) {
      values[name] ??= [];
      if (!values[name].includes(value)) values[name].push(value);
    }
  }
  return values;
}

interface Histograms<Source, Key> {
  readonly keys: readonly Key[];
  readonly read: (source: Source, key: Key) => Histogram;
  /** How many of the histogram's units make one of the metric's: 1000 for milliseconds shown as seconds, as unless given. */
  readonly unitsEach?: number;
}

/** A family of histograms: one, or one for each of a closed list of label sets. */
export function histogram<Source, Key extends Labels>(
  name: string,
  help: string,
  { keys, read, unitsEach = 1000 }: Histograms<Source, Key>,
): Family<Source> {
  return {
    name,
    help,
    type: 'histogram',
    labels: labelsOf(keys),
    bind(base) {
      const series = keys.map((key) => {
        const labels = { ...base, ...key };
        const sumStart = lineStart(`${name}_sum`, labels);
        const countStart = lineStart(`${name}_count`, labels);
        return { key, labels, bucketStarts: [] as string[], sumStart, countStart };
      });
      return (source, into) => {
        for (const { key, labels, bucketStarts, sumStart, countStart } of series) {
          const counts = read(source, key);
          if (bucketStarts.length === 0) {
            const bounds = counts.bounds.map((bound) => String(bound / unitsEach));
            for (const le of [...bounds, '+Inf']) {
              bucketStarts.push(lineStart(`${name}_bucket`, { le, ...labels }));
            }
          }
          let total = 0;
          for (let index = 0; index < bucketStarts.length; index += 1) {
            total += counts.countAt(index);
            into.push(`${bucketStarts[index]}${total}`);
          }
          into.push(sumStart + numberText(counts.sum / unitsEach), `${countStart}${total}`);
        }
      };
    },
  };
}

/** Faults by kind and side. Of 120 possible pairs a process sees few: a series begins with its first fault. */
export function tally<Source>(
  name: string,
  help: string,
  read: (source: Source) => FaultTally,
): Family<Source> {
  return {
    name,
    help,
    type: 'counter',
    labels: { kind: faultKinds, side: faultSides },
    bind(base) {
      const bound = new Map<string, string>();
      return (source, into) => {
        read(source).each((kind, side, value) => {
          const id = `${kind} ${side}`;
          let start = bound.get(id);
          if (start === undefined) {
            start = lineStart(name, { ...base, kind, side });
            bound.set(id, start);
          }
          into.push(`${start}${value}`);
        });
      };
    },
  };
}
