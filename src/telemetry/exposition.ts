/**
 * The metrics page. The numbers live in the recorders, and are read while the page is written: so counters are exact and
 * monotonic, and an event costs an addition.
 *
 * The text is written here, and not by prom-client, which is made for metrics that it counts itself: it puts labels together
 * for each line of each page, and a scrape of 50 upstreams has 9,500 of them. A test holds the page to what it would write.
 */
import type { Collect, Family, Labels, MetricType } from './family.ts';

export interface MetricsPage {
  readonly contentType: string;
  readonly body: string;
}

type Read = (into: string[]) => void;

type Format = 'prometheus' | 'open-metrics';

const contentTypes: { readonly [format in Format]: string } = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  'open-metrics': 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

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

  /** Declares families, so that they have their place on the page before a source has them. */
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

  /** Writes the page in the format that an Accept value asks for: all in one turn, so that it is of one moment. */
  async page(accept: string): Promise<MetricsPage> {
    const format = prefersOpenMetrics(accept) ? 'open-metrics' : 'prometheus';
    for (const take of this.#takes) take();
    const lines: string[] = [];
    for (const { name, help, type, reads } of this.#groups.values()) {
      // In OpenMetrics a counter's family is named without the ending that its series has.
      const family =
        format === 'open-metrics' && type === 'counter' ? name.replace(/_total$/, '') : name;
      lines.push(`# HELP ${family} ${help}`, `# TYPE ${family} ${type}`);
      for (const read of reads) read(lines);
      if (format === 'prometheus') lines.push('');
    }
    if (format === 'open-metrics') lines.push('# EOF');
    else lines.pop();
    return { contentType: contentTypes[format], body: `${lines.join('\n')}\n` };
  }
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
