/** The dashboards as files: what is committed is what the code renders, and each panel says what it shows. */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dashboards, folder, textOf } from '../../deploy/dashboards/render.ts';
import { metricNames } from './catalogue.ts';
import { metricsIn, panelsOf, queriesOf, readDashboard } from './read-dashboard.ts';

const links = join(import.meta.dirname, '..', '..', 'deploy', 'dashboards');

it('in the chart, no more and no fewer', () => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  expect(files.sort()).toEqual(Object.keys(dashboards).sort());
});

describe.each(Object.entries(dashboards))('%s', (file, make) => {
  const path = join(folder, file);
  const dashboard = readDashboard(path);

  it('is what the code renders (else: node deploy/dashboards/render.ts)', () => {
    expect(readFileSync(path, 'utf8')).toBe(textOf(make()));
    expect(textOf(make())).toBe(textOf(make()));
  });

  it('is linked from deploy/dashboards', () => {
    expect(existsSync(join(links, file))).toBe(true);
    expect(realpathSync(join(links, file))).toBe(realpathSync(path));
  });

  it('each panel has a title of its own, a description, a unit, a place and a query', () => {
    const panels = panelsOf(dashboard);
    expect(panels.length).toBeGreaterThan(10);
    for (const { title, description, fieldConfig, targets, gridPos } of panels) {
      expect(description, title).toMatch(/^[A-Z].{15,}\.$/s);
      expect(fieldConfig.defaults.unit, title).not.toBe('');
      expect(targets.length, title).toBeGreaterThan(0);
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
    }
    const titles = panels.map(({ title }) => title);
    expect(titles).toEqual([...new Set(titles)]);
    const places = panels.map(({ gridPos: { x, y } }) => `${x} ${y}`);
    expect(places).toEqual([...new Set(places)]);
  });

  it('has variables, links to the others, and marks for what changes', () => {
    const names = dashboard.templating.list.map(({ name }) => name);
    expect(names.slice(0, 3)).toEqual(['datasource', 'namespace', 'pod']);
    expect(dashboard.links.map(({ tags }) => tags)).toEqual([['sidepool']]);
    expect(dashboard.tags).toEqual(['sidepool']);
    expect(dashboard.annotations.list.map(({ name }) => name)).toContain('Drain');
    // No source but the one chosen at the top, so that it can be imported anywhere.
    const uids = [...JSON.stringify(dashboard).matchAll(/"uid":"([^"]*)"/g)].map(([, uid]) => uid);
    expect(new Set(uids)).toEqual(new Set([dashboard.uid, `$${'{datasource}'}`]));
  });

  it('asks for metrics that there are', () => {
    const queries = queriesOf(dashboard);
    expect(queries.length).toBeGreaterThan(10);
    for (const { where, expr } of queries) {
      const asked = metricsIn(expr);
      expect(asked.length, `${where}: ${expr}`).toBeGreaterThan(0);
      expect(
        asked.filter((name) => !metricNames.has(name)),
        where,
      ).toEqual([]);
    }
  });
});

it('each metric of a sidecar that is about an upstream is on a dashboard', () => {
  const asked = new Set(
    Object.keys(dashboards).flatMap((file) =>
      queriesOf(readDashboard(join(folder, file))).flatMap(({ expr }) => metricsIn(expr)),
    ),
  );
  const without = [...metricNames].filter(
    (name) => /^sidepool_(upstream|dns)_/.test(name) && !/_(bucket|sum|count)$/.test(name),
  );
  const isAsked = (name: string) => asked.has(name) || asked.has(`${name}_bucket`);
  expect(without.filter((name) => !isAsked(name))).toEqual([
    // One in a million: the log and the metric are enough.
    'sidepool_upstream_responses_repaired_total',
  ]);
});
