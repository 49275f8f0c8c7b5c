/**
 * Writes the dashboards as Grafana takes them: `node deploy/dashboards/render.ts`.
 *
 * The files lie in the chart, which puts them into ConfigMaps; beside this file are links to them. A test fails when they
 * are not what is rendered.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { controller } from './controller.ts';
import { overview } from './overview.ts';
import { pool } from './pool.ts';

export const dashboards: { readonly [file: string]: () => Dashboard } = {
  'overview.json': overview,
  'pool.json': pool,
  'controller.json': controller,
};

export const folder = join(import.meta.dirname, '..', '..', 'charts', 'sidepool', 'dashboards');

/** The same text for the same code: nothing in it is of now or of chance. */
export function textOf(dashboard: Dashboard): string {
  const text = JSON.stringify(numbered(dashboard), null, 2);
  // A short list on one line, as the project's formatter wants it.
  const lists = /\[\n\s+("[^"\n]*"(?:,\n\s+"[^"\n]*")*)\n\s+\]/g;
  return `${text.replace(lists, (_, items: string) => `[${items.replace(/\n\s+/g, ' ')}]`)}\n`;
}

/** Panels get numbers in their order: Grafana would give them itself, and links to one panel need them. */
function numbered(dashboard: Dashboard): Dashboard {
  const panels = dashboard.panels?.map((panel, at) => ({ ...panel, id: at + 1 }));
  return panels === undefined ? dashboard : ({ ...dashboard, panels } as Dashboard);
}

if (import.meta.main) {
  for (const [file, make] of Object.entries(dashboards)) {
    writeFileSync(join(folder, file), textOf(make()));
  }
}
