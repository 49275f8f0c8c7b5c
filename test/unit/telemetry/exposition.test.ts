/** The page is the one that prom-client's registry would write of the same samples. */
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { Exposition } from '../../../src/telemetry/exposition.ts';
import { each, histogram, single, valuesOf } from '../../../src/telemetry/family.ts';
import { Histogram } from '../../../src/telemetry/histogram.ts';

interface Registry {
  registerMetric(metric: object): void;
  metrics(): Promise<string>;
  readonly contentType: string;
}
const { Registry: PromRegistry } = createRequire(import.meta.url)('prom-client') as {
  readonly Registry: (new (
    contentType: string,
  ) => Registry) & {
    readonly PROMETHEUS_CONTENT_TYPE: string;
    readonly OPENMETRICS_CONTENT_TYPE: string;
  };
};

const upstream = 'odd "name" with \\ in\nit';
const numbers = [0, 1, 2.5, 1e21, 1e-7, -3, 0.1 + 0.2, Number.POSITIVE_INFINITY];
const directions = valuesOf('direction', ['sent', 'received'] as const);

function ours(): Exposition {
  const times = new Histogram([1, 2.5, 1000]);
  for (const ms of [0.5, 1, 2, 900, 5000]) times.observe(ms);
  const families = [
    ...numbers.map((value, at) => single('gauge', `gauge_${at}`, 'A gauge.', () => value)),
    single('gauge', 'unknown', 'Not known.', () => Number.NaN),
    each('counter', 'octets_total', 'Octets.', {
      keys: directions,
      read: (_: object, { direction }) => direction.length,
    }),
    histogram('taken_seconds', 'Time taken.', { keys: [{}], read: () => times }),
  ];
  const exposition = new Exposition();
  exposition.declare(families);
  exposition.add(families, { labels: { upstream }, take: () => ({}) });
  return exposition;
}

/** The same samples as prom-client has them. */
function theirs(contentType: string): Registry {
  const registry = new PromRegistry(contentType);
  const add = (name: string, help: string, type: string, values: readonly object[]) =>
    registry.registerMetric({
      name,
      help,
      type,
      // It renames counters in place.
      get(this: { readonly name: string }) {
        return Promise.resolve({ name: this.name, help, type, aggregator: 'sum', values });
      },
    });
  const sharedLabels = { upstream };
  for (const [at, value] of numbers.entries()) {
    add(`gauge_${at}`, 'A gauge.', 'gauge', [{ labels: {}, sharedLabels, value }]);
  }
  add('unknown', 'Not known.', 'gauge', []);
  const octets = directions.map(({ direction }) => ({
    labels: {},
    sharedLabels: { upstream, direction },
    value: direction.length,
  }));
  add('octets_total', 'Octets.', 'counter', octets);
  const buckets = [2, 3, 4, 5].map((value, at) => ({
    metricName: 'taken_seconds_bucket',
    labels: { le: ['0.001', '0.0025', '1', '+Inf'][at] },
    sharedLabels,
    value,
  }));
  add('taken_seconds', 'Time taken.', 'histogram', [
    ...buckets,
    { metricName: 'taken_seconds_sum', labels: {}, sharedLabels, value: 5.9035 },
    { metricName: 'taken_seconds_count', labels: {}, sharedLabels, value: 5 },
  ]);
  return registry;
}

describe('the page', () => {
  it.each([
    ['text/plain', PromRegistry.PROMETHEUS_CONTENT_TYPE],
    ['application/openmetrics-text;version=1.0.0', PromRegistry.OPENMETRICS_CONTENT_TYPE],
  ])('as %s', async (accept, type) => {
    const registry = theirs(type);
    const { contentType, body } = await ours().page(accept);
    expect(contentType).toBe(registry.contentType);
    expect(body).toBe(await registry.metrics());
  });
});
