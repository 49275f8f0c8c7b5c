import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/load.ts';
import { EXAMPLE, renderReference } from '../../../src/config/reference.ts';
import { fileSchema } from '../../../src/config/schema.ts';
import type { AnySchema } from '../../../src/config/schema-options.ts';
import { describe } from '../../../src/config/walk.ts';

const page = new URL('../../../docs/configuration.md', import.meta.url);

it('is what stands in docs/configuration.md', () => {
  expect(
    readFileSync(page, 'utf8'),
    'the schema has changed: run `node src/config/reference.ts > docs/configuration.md`',
  ).toBe(renderReference());
});

it('begins with an example that can be run', () => {
  const parsed = parseConfig(EXAMPLE, {
    source: '/etc/sidepool/sidepool.yaml',
    env: {},
    readFile: () => 'token\n',
  });
  expect(parsed).toMatchObject({ ok: true, warnings: [], secretFiles: ['/run/secrets/api/token'] });
});

it('says something of every option', () => {
  const silent: string[] = [];
  const visit = (schema: AnySchema, path: string): void => {
    const { shape } = describe(schema);
    if (shape.kind === 'list') visit(shape.item, `${path}[]`);
    if (shape.kind === 'record') visit(shape.value, `${path}.<name>`);
    if (shape.kind === 'leaf' && shape.notation === '') silent.push(path);
    if (shape.kind !== 'mapping') return;
    for (const [key, entry] of Object.entries(shape.entries)) {
      if (describe(entry).meaning === '') silent.push(`${path}.${key}`);
      visit(entry, `${path}.${key}`);
    }
  };
  visit(fileSchema, '');
  expect(silent).toEqual([]);
});
