/**
 * The alerts: Prometheus understands them, each metric that they ask for is one that there is, each has a runbook, and each
 * is tested for firing and for staying quiet.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { alertFiles, alertsFolder, metricNames, readRules } from '../../dashboards/catalogue.ts';
import { metricsIn } from '../../dashboards/read-dashboard.ts';
import { runToEnd } from '../../support/process.ts';
import { findProgram, requireProgram, skipReason, titled } from '../../support/program.ts';

const repository = join(import.meta.dirname, '..', '..', '..');
const casesFolder = join(repository, 'test', 'dashboards', 'alerts');
const runbooks = readFileSync(join(repository, 'docs', 'runbooks.md'), 'utf8');
const page = 'https://github.com/sidepool/sidepool/blob/main/docs/runbooks.md';

interface Case {
  readonly promql_expr_test: readonly {
    readonly expr: string;
    readonly exp_samples: readonly { readonly labels: string }[];
  }[];
}

describe.each(alertFiles)('%s', (file) => {
  const rules = readRules(file);
  const alerts = rules.flatMap((rule) => (rule.alert === undefined ? [] : [rule.alert]));

  it.each(rules.map((rule) => [rule.alert ?? rule.record ?? '', rule] as const))(
    '%s asks for what there is',
    (name, rule) => {
      const asked = metricsIn(rule.expr);
      expect(asked.length).toBeGreaterThan(0);
      expect(asked.filter((metric) => !metricNames.has(metric))).toEqual([]);
      if (rule.alert === undefined) return;
      expect(Object.keys(rule.annotations ?? {})).toEqual([
        'summary',
        'description',
        'runbook_url',
      ]);
      const { severity } = rule.labels ?? {};
      const { runbook_url } = rule.annotations ?? {};
      expect(['info', 'warning', 'critical']).toContain(severity);
      expect(runbook_url).toBe(`${page}#${name.toLowerCase()}`);
      expect(runbooks).toContain(`\n### ${name}\n`);
    },
  );

  it('each fires in a case of its own, and there are as many in which nothing does', () => {
    const { tests } = parse(readFileSync(join(casesFolder, file), 'utf8')) as {
      readonly tests: readonly Case[];
    };
    const fired = tests.flatMap(({ promql_expr_test }) =>
      promql_expr_test
        .slice(0, 1)
        .map(({ exp_samples }) => exp_samples.map(({ labels }) => labels)),
    );
    for (const alert of alerts) expect(fired).toContainEqual([`{alertname="${alert}"}`]);
    expect(fired.filter((labels) => labels.length === 0).length).toBeGreaterThanOrEqual(
      alerts.length,
    );
  });

  const reason = skipReason('promtool');
  it.skipIf(findProgram('promtool') === undefined)(
    titled('is understood by Prometheus, and does what its cases say', reason),
    async () => {
      const command = requireProgram('promtool');
      const checked = await runToEnd({
        command,
        args: ['check', 'rules', join(alertsFolder, file)],
      });
      expect(checked.stdout + checked.stderr).toContain(`SUCCESS: ${rules.length} rules found`);
      const tested = await runToEnd({
        command,
        args: ['test', 'rules', join(casesFolder, file)],
        timeoutMs: 60_000,
      });
      expect(tested.stdout + tested.stderr).toMatch(/^ {2}SUCCESS$/m);
    },
  );
});

it('no runbook is left of an alert that is gone', () => {
  const names = [...runbooks.matchAll(/^### (\w+)$/gm)].map(([, name]) => name);
  const alerts = alertFiles.flatMap(readRules).flatMap(({ alert }) => alert ?? []);
  expect(names.sort()).toEqual(alerts.sort());
});
