/**
 * docs/metrics.md, made from the catalogues: `node deploy/metrics-page.ts > docs/metrics.md`.
 *
 * Name, type, labels and meaning are the code's own; what is added here is when to worry.
 */
import { controllerCatalogue } from '../src/controller/figures.ts';
import type { Family, LabelValues } from '../src/telemetry/family.ts';
import { processCatalogue } from '../src/telemetry/process-catalogue.ts';
import { upstreamCatalogue } from '../src/telemetry/upstream-catalogue.ts';
import { worries } from './metrics-worries.ts';

const build = { version: '0.1.0', node: '26' };

type AnyFamily = Pick<Family<never>, 'name' | 'help' | 'type' | 'labels'>;

/** Values so many and no more are written out. */
const MOST_VALUES = 16;

const sections: readonly {
  readonly title: string;
  readonly text: string;
  readonly families: readonly AnyFamily[];
  readonly shared: readonly string[];
}[] = [
  {
    title: 'Upstreams',
    text: 'One series for each upstream, besides the labels told. The label `upstream` is its name in the configuration.',
    families: upstreamCatalogue,
    shared: ['upstream'],
  },
  {
    title: 'The sidecar',
    text: 'Clients, configuration and the process.',
    families: processCatalogue(build),
    shared: [],
  },
  {
    title: 'The controller',
    text: 'At `/metrics` of its status port. [What it does](controller.md).',
    families: controllerCatalogue(build),
    shared: [],
  },
];

const OPENING = `# Metrics

<!-- Made from the code. Do not edit: run \`node deploy/metrics-page.ts > docs/metrics.md\`. -->

\`GET /metrics\` of the [admin server](operation.md#the-admin-server) has all of these, in Prometheus's text format or, where the
scraper prefers it, OpenMetrics. Nothing is counted between scrapes but by additions: a scrape with 50 upstreams takes less than
20 ms of processor time.

Units are Prometheus's base units, and stand in the name. A counter ends in \`_total\` and only rises, until the process ends. A
figure that is not known (no answer of DNS yet, a system that does not tell) has no line.

The number of series is bounded by the configuration: labels have the values listed here, and \`upstream\` those of the
configuration; never a path, an address or what a client has sent. Faults have a series from their first occurrence on.

[Dashboards](../deploy/dashboards) draw these, [alerts](runbooks.md) watch them.
`;

export function metricsPage(): string {
  const parts = sections.map(({ title, text, families, shared }) => {
    const merged = mergedByName(families);
    const rows = merged.map((family) => rowOf(family, shared));
    const table = [
      '| Name | Type, unit | Labels | Meaning | When to worry |',
      '|---|---|---|---|---|',
      ...rows,
    ];
    return `\n## ${title}\n\n${text}\n\n${table.join('\n')}\n`;
  });
  return [OPENING, ...parts].join('');
}

/** Families of one name are one metric: their labels are put together. */
function mergedByName(families: readonly AnyFamily[]): readonly AnyFamily[] {
  const byName = new Map<string, AnyFamily>();
  for (const family of families) {
    const known = byName.get(family.name);
    const labels = { ...known?.labels, ...family.labels };
    byName.set(family.name, { ...family, labels });
  }
  return [...byName.values()];
}

function rowOf({ name, type, help, labels = {} }: AnyFamily, shared: readonly string[]): string {
  const worry = worries[name];
  if (worry === undefined) throw new Error(`deploy/metrics-worries.ts has no line for ${name}`);
  const cells = [
    `\`${name}\``,
    `${type}, ${unitOf(name)}`,
    labelsText(labels, shared),
    help,
    worry,
  ];
  return `| ${cells.join(' | ')} |`;
}

function labelsText(labels: LabelValues, shared: readonly string[]): string {
  const own = Object.entries(labels).map(([label, values]) => {
    if (label === 'version' && values.length === 1) return `\`${label}\``;
    if (label === 'node') return `\`${label}\``;
    if (values.length > MOST_VALUES) return `\`${label}\` (${values.length} values)`;
    return `\`${label}\`: ${values.map((value) => `\`${value}\``).join(', ')}`;
  });
  return [...shared.map((label) => `\`${label}\``), ...own].join('; ');
}

/** Prometheus's base units stand at the end of a name. */
export function unitOf(name: string): string {
  const base = name.replace(/_total$/, '');
  if (base.endsWith('_seconds')) return 'seconds';
  if (base.endsWith('_bytes')) return 'octets';
  if (base.endsWith('_ratio') || base.endsWith('_utilization')) return '0 to 1';
  if (/_(down|panic|open|draining|success|leader|native_sidecars|info)$/.test(base))
    return '0 or 1';
  return 'number';
}

if (import.meta.main) process.stdout.write(metricsPage());
