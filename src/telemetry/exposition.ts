/**
 * The metrics page. The numbers live in the recorders; prom-client's registry sees them only while it writes the page,
 * through metric objects that read them then. So counters are exact and monotonic, and an event costs an addition.
 */
import Registry from 'prom-client/lib/registry.js';
import type { Collect, Family, Labels, MetricType, Sample } from './family.ts';

export interface MetricsPage {
  readonly contentType: string;
  readonly body: string;
}

type Read = (into: Sample[]) => void;

/** Families of one name, over all sources that have it. */
interface Group {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  readonly reads: Set<Read>;
}

export class Exposition {
  readonly #groups = new Map<string, Group>();
  /** Each takes its source's reading once, for all families of the page to read. */
  readonly #takes = new Set<() => void>();
  /** Made with the first page of the format: most processes write one of the two. */
  #prometheus: Registry | null = null;
  #openMetrics: Registry | null = null;

  /** Declares families, so that they have their place on the page before a source has them. Call before the first page. */
  declare(families: readonly Family<never>[]): void {
    for (const { name, help, type } of families) {
      if (!this.#groups.has(name)) this.#groups.set(name, { name, help, type, reads: new Set() });
    }
  }

  /** Puts a source's series on the page; gives what takes them off. `take` is called once a page. */
  add<Source>(
    families: readonly Family<Source>[],
    { labels, take }: { labels: Labels; take: () => Source },
  ): () => void {
    let source: Source;
    const takes = () => {
      source = take();
    };
    const bound = families.map((family) => {
      const collect: Collect<Source> = family.bind(labels);
      const read: Read = (into) => collect(source, into);
      const group = this.#groups.get(family.name);
      if (group === undefined) throw new Error(`metric ${family.name} was not declared`);
      group.reads.add(read);
      return { group, read };
    });
    this.#takes.add(takes);
    return () => {
      this.#takes.delete(takes);
      for (const { group, read } of bound) group.reads.delete(read);
    };
  }

  /** Writes the page in the format that an Accept value asks for. */
  async page(accept: string): Promise<MetricsPage> {
    const registry = this.#registryFor(accept);
    // All in one turn: the registry reads every metric before it first waits, so that the page is of one moment.
    for (const take of this.#takes) take();
    const body = await registry.metrics();
    return { contentType: registry.contentType, body };
  }

  #registryFor(accept: string): Registry {
    if (prefersOpenMetrics(accept)) {
      this.#openMetrics ??= this.#registry(Registry.OPENMETRICS_CONTENT_TYPE);
      return this.#openMetrics;
    }
    this.#prometheus ??= this.#registry(Registry.PROMETHEUS_CONTENT_TYPE);
    return this.#prometheus;
  }

  /** A registry for each format, because prom-client renames counters in place for OpenMetrics. */
  #registry(contentType: string): Registry {
    const registry = new Registry(contentType);
    for (const group of this.#groups.values()) registry.registerMetric(metricOf(group));
    return registry;
  }
}

function metricOf({ name, help, type, reads }: Group): Registry.ScrapedMetric {
  return {
    name,
    help,
    type,
    async get() {
      const values: Sample[] = [];
      for (const read of reads) read(values);
      return { name: this.name, help, type, aggregator: 'sum', values };
    },
  };
}

/** Prometheus lists formats with weights; whoever names OpenMetrics 1.0 first or alone gets it. */
function prefersOpenMetrics(accept: string): boolean {
  let open = 0;
  let plain = 0;
  for (const range of accept.toLowerCase().split(',')) {
    const [type, ...parameters] = range.split(';').map((part) => part.trim());
    const q = parameters.find((parameter) => parameter.startsWith('q='));
    const weight = q === undefined ? 1 : Number(q.slice(2)) || 0;
    const version = parameters.find((parameter) => parameter.startsWith('version='));
    if (type === 'application/openmetrics-text') {
      if (version === undefined || version === 'version=1.0.0') open = Math.max(open, weight);
    } else if (type === 'text/plain' || type === 'text/*') plain = Math.max(plain, weight);
  }
  return open > 0 && open >= plain;
}
