/** The PromQL that the documents show, and the places that their links lead to. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findProgram } from '../support/program.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { blocksOf, documents, repository, type Shown } from './blocks.ts';

/** A line each. */
export function queries(): Shown[] {
  return documents.flatMap(blocksOf).flatMap(({ path, line, language, text }) => {
    if (language !== 'promql') return [];
    return text.split('\n').map((each, at) => ({ path, line: line + at + 1, text: each }));
  });
}

const catalogue = [
  ...readdirSync(join(repository, 'src/telemetry'))
    .filter((name) => name.endsWith('catalogue.ts'))
    .map((name) => `src/telemetry/${name}`),
  'src/controller/figures.ts',
]
  .map((path) => readFileSync(join(repository, path), 'utf8'))
  .join('\n')
  .replace(/\$\{p\}/g, 'sidepool_upstream');

/** The metrics that it asks for and that nothing gives. */
export function unknownMetrics({ text }: Shown): string[] {
  const names = [...text.matchAll(/\b(?:sidepool|process)_[a-z0-9_]+/g)].map(([name]) => name);
  return names.filter((name) => {
    const family = name.replace(/_(bucket|sum|count)$/, '');
    return !new RegExp(`['\`](${name}|${family})['\`]`).test(catalogue);
  });
}

/** What promtool says of the queries' grammar, or null where there is none. */
export function grammar(shown: readonly Shown[]): string | null {
  const promtool = findProgram('promtool');
  if (promtool === undefined) return null;
  const dir = makeTempDir('queries');
  const rules = shown.map(({ path, line, text }, at) => ({
    record: `documents:query_${at}:shown`,
    expr: text,
    labels: { place: `${path}:${line}` },
  }));
  const file = dir.file('rules.json');
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'documents', rules }] }));
  const result = spawnSync(promtool, ['check', 'rules', file], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  dir.remove();
  return result.status === 0 ? '' : `${result.stdout}${result.stderr}`;
}

/** Links to headings that are not there. */
export function brokenAnchors(path: string): string[] {
  const text = readFileSync(join(repository, path), 'utf8').replace(/^```.*?^```/gms, '');
  const links = [...text.matchAll(/\]\(([^)\s#]*)#([^)\s]+)\)/g)];
  return links.flatMap(([, to = '', anchor = '']) => {
    if (/^https?:/.test(to)) return [];
    const target = to === '' ? path : join(dirname(path), to);
    if (!existsSync(join(repository, target))) return [`${to}#${anchor}`];
    return anchorsOf(target).has(anchor) ? [] : [`${to}#${anchor}`];
  });
}

const known = new Map<string, Set<string>>();

/** As GitHub makes them of headings. */
function anchorsOf(path: string): Set<string> {
  const found = known.get(path);
  if (found !== undefined) return found;
  const text = readFileSync(join(repository, path), 'utf8').replace(/^```.*?^```/gms, '');
  const anchors = new Set(
    [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
  known.set(path, anchors);
  return anchors;
}
