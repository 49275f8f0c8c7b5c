import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  annotationNames,
  annotations,
  PREFIX,
} from '../../../../src/controller/injection/annotations.ts';
import { defaultKeys, readDefaults } from '../../../../src/controller/injection/defaults.ts';
import { inject } from '../../../../src/controller/injection/inject.ts';
import { renderInjection } from '../../../../src/controller/injection/reference.ts';
import { sampleDefaults } from '../../../support/injection.ts';

describe('docs/injection.md', () => {
  it('is what the code renders', () => {
    const page = readFileSync(
      join(import.meta.dirname, '..', '..', '..', '..', 'docs', 'injection.md'),
      'utf8',
    );
    expect(page).toBe(renderInjection());
  });

  it('has examples that are right, all together on one pod', () => {
    const lines = annotationNames.map((name) => `${PREFIX}${name}: ${annotations[name].example}`);
    const outcome = inject(
      {
        metadata: { annotations: parse(lines.join('\n')) },
        spec: {
          terminationGracePeriodSeconds: 60,
          containers: [{ name: 'shop' }, { name: 'log-shipper' }],
        },
      },
      { defaults: sampleDefaults, isNativePossible: true },
    );
    expect(outcome).toMatchObject({ kind: 'injected', warnings: [] });
  });

  it('shows defaults that are what the code takes for an empty file', () => {
    const text = defaultKeys
      .filter(({ name, fallback }) => fallback !== undefined && !name.includes('.'))
      .map(({ name, fallback }) => `${name}: ${JSON.stringify(fallback)}`);
    const written = readDefaults(['image: a', ...text].join('\n'));
    expect(written).toEqual(readDefaults('image: a'));
  });
});
