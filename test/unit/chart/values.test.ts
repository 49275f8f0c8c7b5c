/** The chart's values: what the README, the schema and the file say of them is the same. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readChartValues, withTable } from '../../../deploy/chart-readme.ts';

const chart = join(import.meta.dirname, '..', '..', '..', 'charts', 'sidepool');
const read = (name: string): string => readFileSync(join(chart, name), 'utf8');
const values = readChartValues(read('values.yaml'));

interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: unknown;
  readonly items?: Schema;
}

const schema: Schema = JSON.parse(read('values.schema.json'));

describe('README.md of the chart', () => {
  it('has the table that the values give', () => {
    const readme = read('README.md');
    expect(withTable(readme, values), 'run: node deploy/chart-readme.ts').toBe(readme);
  });

  it('tells the meaning of every value', () => {
    expect(values.filter(({ meaning }) => meaning === '')).toEqual([]);
    expect(values.length).toBeGreaterThan(50);
  });
});

describe('values.schema.json', () => {
  it('has every value, and none that the file has not', () => {
    const told = namesIn(schema).filter((name) => name !== 'global');
    expect(told).toEqual(namesOf(parse(read('values.yaml')), schema).sort());
  });

  it('lets no unknown name pass, wherever names are known', () => {
    const loose = objectsIn(schema)
      .filter(({ at }) => at.properties !== undefined)
      .filter(({ at }) => at.additionalProperties !== false);
    expect(loose.map(({ path }) => path)).toEqual([]);
  });
});

/** Paths of everything that the schema names. */
function namesIn(at: Schema, above: readonly string[] = []): string[] {
  return Object.entries(at.properties ?? {})
    .flatMap(([name, inner]) => {
      const path = [...above, name];
      const below = namesIn(inner, path);
      return below.length > 0 ? below : [path.join('.')];
    })
    .sort();
}

/** Paths of the values, as deep as the schema names them. */
function namesOf(value: unknown, at: Schema | undefined, above: readonly string[] = []): string[] {
  const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isMapping || at?.properties === undefined) return [above.join('.')];
  return Object.entries(value).flatMap(([name, inner]) =>
    namesOf(inner, at.properties?.[name], [...above, name]),
  );
}

function objectsIn(at: Schema, path = ''): { readonly path: string; readonly at: Schema }[] {
  const inner = Object.entries(at.properties ?? {}).flatMap(([name, each]) =>
    objectsIn(each, `${path}/${name}`),
  );
  const items = at.items === undefined ? [] : objectsIn(at.items, `${path}/*`);
  return [{ path, at }, ...inner, ...items];
}
