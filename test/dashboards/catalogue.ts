/** The names of all series that there are: of sidecars, controllers, and what the recording rules make of them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { controllerCatalogue } from '../../src/controller/figures.ts';
import { processCatalogue } from '../../src/telemetry/process-catalogue.ts';
import { upstreamCatalogue } from '../../src/telemetry/upstream-catalogue.ts';

const build = { version: '0', node: '0' };

export const families = [
  ...upstreamCatalogue,
  ...processCatalogue(build),
  ...controllerCatalogue(build),
];

export interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface RuleGroup {
  readonly name: string;
  readonly rules: readonly Rule[];
}

export const alertsFolder = join(import.meta.dirname, '..', '..', 'charts', 'sidepool', 'alerts');

export const alertFiles: readonly string[] = readdirSync(alertsFolder)
  .filter((name) => name.endsWith('.yaml'))
  .sort();

export function readRules(file: string): readonly Rule[] {
  const { groups } = parse(readFileSync(join(alertsFolder, file), 'utf8')) as {
    readonly groups: readonly RuleGroup[];
  };
  return groups.flatMap(({ rules }) => rules);
}

const recorded = alertFiles.flatMap(readRules).flatMap(({ record }) => record ?? []);

export const metricNames: ReadonlySet<string> = new Set([
  ...families.flatMap(({ name, type }) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`, name] : [name],
  ),
  ...recorded,
]);
