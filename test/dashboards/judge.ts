/** Asks a Prometheus all that the dashboards and the rules ask, and says what has no answer. */
import { join } from 'node:path';
import { dashboards, folder } from '../../deploy/dashboards/render.ts';
import { alertFiles, metricNames, type Rule, readRules } from './catalogue.ts';
import type { Prometheus, Series } from './prometheus.ts';
import {
  type Asked,
  filledIn,
  metricsIn,
  panelsOf,
  queriesOf,
  readDashboard,
} from './read-dashboard.ts';

/** Queries that may be without an answer here, each with the reason. */
const mayBeEmpty: { readonly [where: string]: string } = {
  'controller.json mark "Drain"': 'the controller of this scene does not end before it is over',
  'controller.json mark "Rotation"': 'certificates are replaced at two thirds of their life',
};

export interface Verdict {
  readonly panels: number;
  readonly queries: number;
  readonly rules: number;
  readonly alerts: number;
  /** Alerts whose condition held at some time. */
  readonly held: readonly string[];
  /** What has no answer though it should, and what is not in the catalogue. */
  readonly empty: readonly string[];
  readonly excused: readonly string[];
  readonly unknown: readonly string[];
}

export interface Span {
  /** In seconds since 1970. */
  readonly start: number;
  readonly end: number;
}

/** Whether an expression has an answer at some time. */
type Has = (expr: string) => Promise<boolean>;

export async function judge(prometheus: Prometheus, { start, end }: Span): Promise<Verdict> {
  const has: Has = async (expr) => (await prometheus.range(expr, start, end)).some(isTold);
  const rules = alertFiles.flatMap(readRules);
  const boards = Object.keys(dashboards).map((file) => ({
    file,
    dashboard: readDashboard(join(folder, file)),
  }));
  const asked = boards.flatMap(({ file, dashboard }) =>
    queriesOf(dashboard).map((query) => ({ ...query, where: `${file} ${query.where}` })),
  );
  const without = await unanswered(asked, { has, range: `${Math.ceil(end - start)}s` });
  const expressions = [...asked, ...rules].flatMap(({ expr }) => metricsIn(expr));
  const held: string[] = [];
  for (const { alert, expr } of rules) {
    if (alert !== undefined && (await has(expr))) held.push(alert);
  }
  return {
    panels: boards.reduce((sum, { dashboard }) => sum + panelsOf(dashboard).length, 0),
    queries: asked.length,
    rules: rules.length,
    alerts: rules.filter(({ alert }) => alert !== undefined).length,
    held,
    empty: [
      ...without
        .filter(({ where }) => mayBeEmpty[where] === undefined)
        .map(({ where, expr }) => `${where}: ${expr}`),
      ...(await aboutNothing(rules, has)),
    ],
    excused: without.flatMap(({ where }) => {
      const reason = mayBeEmpty[where];
      return reason === undefined ? [] : [`${where}: ${reason}`];
    }),
    unknown: [...new Set(expressions.filter((name) => !metricNames.has(name)))],
  };
}

/** Queries of dashboards without an answer, as they were asked. */
async function unanswered(
  asked: readonly Asked[],
  { has, range }: { readonly has: Has; readonly range: string },
): Promise<readonly Asked[]> {
  const filled = asked.map(({ where, kind, expr }) => {
    const query = filledIn(expr, { rate: '5s', range });
    return { where, kind, expr: kind === 'variable' ? valuesQuery(query) : query };
  });
  const answers = await Promise.all(filled.map(({ expr }) => has(expr)));
  return filled.filter((_, at) => answers[at] === false);
}

/** A condition that does not hold has no answer; but what it is about must have one, and so must what is recorded. */
async function aboutNothing(rules: readonly Rule[], has: Has): Promise<readonly string[]> {
  const parts = rules.flatMap(({ alert, record, expr }) =>
    [...selectorsIn(expr), ...(record === undefined ? [] : [record])].map((part) => ({
      name: `${alert ?? record}: ${part}`,
      part,
    })),
  );
  const answers = await Promise.all(parts.map(({ part }) => has(part)));
  return parts.filter((_, at) => answers[at] === false).map(({ name }) => name);
}

/** Whether a series says anything: 0 / 0 does not. */
function isTold({ values }: Series): boolean {
  return values.some(([, value]) => Number.isFinite(Number(value)));
}

/** `label_values(metric{...}, label)` as an expression that has an answer if the list is not empty. */
function valuesQuery(list: string): string {
  const [, selector = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(list) ?? [];
  const labelled = selector.includes('{')
    ? selector.replace(/\}$/, `,${label}!=""}`)
    : `${selector}{${label}!=""}`;
  return `count by (${label}) (${labelled})`;
}

/** The metrics of an expression, each with the labels that it is asked for with. */
function selectorsIn(expr: string): readonly string[] {
  const names = metricsIn(expr);
  const found = expr.matchAll(/([a-z_]+(?::[a-z0-9_]+)*)(\{[^}]*\})?/g);
  return [...found].flatMap(([whole, name = '']) => (names.includes(name) ? [whole] : []));
}
