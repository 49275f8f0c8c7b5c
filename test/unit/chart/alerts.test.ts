/** The alerts: Prometheus understands them, and each metric that they ask for is one that there is. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { controllerCatalogue } from '../../../src/controller/figures.ts';
import { processCatalogue } from '../../../src/telemetry/process-catalogue.ts';
import { upstreamCatalogue } from '../../../src/telemetry/upstream-catalogue.ts';
import { runToEnd } from '../../support/process.ts';
import { findProgram, requireProgram, skipReason, titled } from '../../support/program.ts';

const folder = join(import.meta.dirname, '..', '..', '..', 'charts', 'sidepool', 'alerts');
const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
const build = { version: '0', node: '0' };
const metrics = new Set(
  [...upstreamCatalogue, ...processCatalogue(build), ...controllerCatalogue(build)].map(
    ({ name }) => name,
  ),
);

interface Group {
  readonly rules: readonly {
    readonly alert: string;
    readonly expr: string;
    readonly annotations: Readonly<Record<string, string>>;
  }[];
}

describe.each(files)('%s', (file) => {
  const { groups }: { groups: readonly Group[] } = parse(readFileSync(join(folder, file), 'utf8'));
  const rules = groups.flatMap((group) => group.rules);

  it.each(rules.map((rule) => [rule.alert, rule] as const))(
    '%s asks for what there is',
    (_, rule) => {
      const asked = rule.expr.match(/sidepool_\w+/g) ?? [];
      expect(asked.length).toBeGreaterThan(0);
      expect(asked.filter((name) => !metrics.has(name))).toEqual([]);
      expect(Object.keys(rule.annotations)).toEqual(['summary', 'description']);
    },
  );

  const reason = skipReason('promtool');
  it.skipIf(findProgram('promtool') === undefined)(
    titled('is understood by Prometheus', reason),
    async () => {
      const command = requireProgram('promtool');
      const checked = await runToEnd({ command, args: ['check', 'rules', join(folder, file)] });
      expect(checked.stdout + checked.stderr).toContain(`SUCCESS: ${rules.length} rules found`);
    },
  );
});
