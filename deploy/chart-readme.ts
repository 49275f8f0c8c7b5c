/**
 * Writes the table of values in `charts/sidepool/README.md`: names and defaults from `values.yaml`, the
 * meaning from the comment above each, the types from `values.schema.json`.
 *
 *     node deploy/chart-readme.ts
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';

export interface ChartValue {
  readonly path: string;
  readonly meaning: string;
  readonly fallback: string;
}

const chart = join(import.meta.dirname, '..', 'charts', 'sidepool');
const begin = '<!-- values: made by deploy/chart-readme.ts -->';
const end = '<!-- end of values -->';

/** Every value that is not a group of others, in the order of the file. */
export function readChartValues(yaml: string): readonly ChartValue[] {
  const document = parseDocument(yaml);
  if (!isMap(document.contents)) throw new Error('values.yaml is no mapping');
  return [...valuesOf(document.contents, [])];
}

/** The README's text with the table that these values give. */
export function withTable(readme: string, values: readonly ChartValue[]): string {
  const [before, rest] = readme.split(`${begin}\n`);
  const after = rest?.split(`${end}\n`)[1];
  if (before === undefined || after === undefined)
    throw new Error(`README.md has no lines "${begin}" and "${end}"`);
  const rows = values.map(
    ({ path, fallback, meaning }) => `| \`${path}\` | ${fallback} | ${meaning} |`,
  );
  const table = ['| Value | Default | Meaning |', '|---|---|---|', ...rows];
  return [before, begin, '\n', table.join('\n'), '\n', end, '\n', after].join('');
}

function* valuesOf(map: YAMLMap, above: readonly string[]): Generator<ChartValue> {
  for (const pair of map.items as Pair[]) {
    const name = isScalar(pair.key) ? String(pair.key.value) : '';
    const path = [...above, name];
    // A mapping with a comment on it and none on its members is one value.
    if (isMap(pair.value) && pair.value.items.length > 0 && isGroup(pair.value)) {
      yield* valuesOf(pair.value, path);
    } else {
      yield { path: path.join('.'), meaning: meaningOf(pair, map), fallback: fallbackOf(pair) };
    }
  }
}

/** Whether it is known what its members are: then each has a meaning, or holds some that have. */
function isGroup(map: YAMLMap): boolean {
  return map.items.some(
    (pair) => meaningOf(pair, map) !== '' || (isMap(pair.value) && isGroup(pair.value)),
  );
}

function meaningOf(pair: Pair, map: YAMLMap): string {
  const own = isScalar(pair.key) ? pair.key.commentBefore : undefined;
  // The parser gives the comment above a first member to the mapping.
  const comment = own ?? (map.items[0] === pair ? map.commentBefore : undefined);
  return (comment ?? '').split('\n').join(' ').trim().replaceAll('|', '\\|');
}

function fallbackOf(pair: Pair): string {
  const value = (pair.value as { toJSON(): unknown } | null)?.toJSON();
  if (value === '') return '';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return `\`${text.replaceAll('|', '\\|')}\``;
}

if (import.meta.main) {
  const readme = join(chart, 'README.md');
  const values = readChartValues(readFileSync(join(chart, 'values.yaml'), 'utf8'));
  writeFileSync(readme, withTable(readFileSync(readme, 'utf8'), values));
}
