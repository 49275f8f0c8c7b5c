/**
 * How a metric is declared: its name, and how each of its series is read from a source's numbers.
 *
 * Label sets are made when a family is bound to a source (an upstream, once, when it is configured). A scrape only
 * reads numbers; prom-client keeps the text of each label set by its identity.
 */
import { faultKinds, faultSides } from './fault-labels.ts';
import type { FaultTally } from './fault-tally.ts';
import type { Histogram } from './histogram.ts';

export type Labels = { readonly [name: string]: string };

/** One line of the page, as prom-client's registry takes it. */
export interface Sample {
  readonly metricName?: string;
  readonly labels: Labels;
  readonly sharedLabels: Labels;
  readonly value: number;
}

export type MetricType = 'counter' | 'gauge' | 'histogram';

/** Adds the lines of one family and one source. */
export type Collect<Source> = (source: Source, into: Sample[]) => void;

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

const none: Labels = {};

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
    bind: (base) => (source, into) => {
      const value = read(source);
      if (!Number.isNaN(value)) into.push({ labels: none, sharedLabels: base, value });
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
      const series = keys.map((key) => ({ key, sharedLabels: { ...base, ...key } }));
      return (source, into) => {
        for (const { key, sharedLabels } of series) {
          const value = read(source, key);
          if (!Number.isNaN(value)) into.push({ labels: none, sharedLabels, value });
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
  const bucketName = `${name}_bucket`;
  const sumName = `${name}_sum`;
  const countName = `${name}_count`;
  return {
    name,
    help,
    type: 'histogram',
    labels: labelsOf(keys),
    bind(base) {
      const series = keys.map((key) => ({ key, sharedLabels: { ...base, ...key } }));
      return (source, into) => {
        for (const { key, sharedLabels } of series) {
          const counts = read(source, key);
          let total = 0;
          for (let index = 0; index < counts.bounds.length; index += 1) {
            total += counts.countAt(index);
            const labels = { le: String((counts.bounds[index] as number) / unitsEach) };
            into.push({ metricName: bucketName, labels, sharedLabels, value: total });
          }
          total += counts.countAt(counts.bounds.length);
          const labels = { le: '+Inf' };
          into.push({ metricName: bucketName, labels, sharedLabels, value: total });
          const value = counts.sum / unitsEach;
          into.push({ metricName: sumName, labels: none, sharedLabels, value });
          into.push({ metricName: countName, labels: none, sharedLabels, value: total });
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
      const bound = new Map<string, Labels>();
      return (source, into) => {
        read(source).each((kind, side, value) => {
          const id = `${kind} ${side}`;
          let sharedLabels = bound.get(id);
          if (sharedLabels === undefined) {
            sharedLabels = { ...base, kind, side };
            bound.set(id, sharedLabels);
          }
          into.push({ labels: none, sharedLabels, value });
        });
      };
    },
  };
}
