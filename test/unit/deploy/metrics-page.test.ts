/** docs/metrics.md is what the catalogues say, and the catalogues keep Prometheus's rules. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { metricsPage, unitOf } from '../../../deploy/metrics-page.ts';
import { worries } from '../../../deploy/metrics-worries.ts';
import { families } from '../../dashboards/catalogue.ts';

const docs = join(import.meta.dirname, '..', '..', '..', 'docs');

describe('docs/metrics.md', () => {
  it('is what the code says (else: node deploy/metrics-page.ts > docs/metrics.md)', () => {
    expect(readFileSync(join(docs, 'metrics.md'), 'utf8')).toBe(metricsPage());
  });

  it('says of each metric when to worry, and of none that is gone', () => {
    expect(Object.keys(worries).sort()).toEqual(
      [...new Set(families.map(({ name }) => name))].sort(),
    );
  });

  it('has each metric once, in a table whose cells hold', () => {
    const rows = metricsPage()
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    const names = rows.map((row) => row.split('`')[1]);
    expect(names.length).toBeGreaterThan(70);
    // Of both programs, and of faults with an upstream and without.
    const shared = [
      'process_cpu_seconds_total',
      'process_resident_memory_bytes',
      'sidepool_faults_total',
    ];
    const told = names.filter((name) => !shared.includes(name ?? ''));
    expect(told).toEqual([...new Set(told)]);
    for (const row of rows) expect(row.split(' | ').length, row).toBe(5);
  });

  it('leads to places that are there', () => {
    for (const [, file = '', anchor] of metricsPage().matchAll(
      /\]\(([\w-]+\.md)(?:#([\w-]+))?\)/g,
    )) {
      const text = readFileSync(join(docs, file), 'utf8');
      const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
        title
          .toLowerCase()
          .replace(/[^\w -]/g, '')
          .replaceAll(' ', '-'),
      );
      if (anchor !== undefined) expect(anchors, file).toContain(anchor);
    }
  });
});

describe('every metric', () => {
  it.each(families.map((family) => [family.name, family] as const))(
    '%s',
    (name, { type, help, labels = {} }) => {
      expect(name).toMatch(/^(sidepool|process)_[a-z0-9_]+$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      expect(name).not.toMatch(/_(ms|milliseconds|minutes|kilobytes|percent)(_|$)/);
      if (type === 'histogram') expect(unitOf(name)).toMatch(/^(seconds|number)$/);
      expect(help).toMatch(/^[A-Z].*\.$/);
      for (const [label, values] of Object.entries(labels)) {
        expect(label).toMatch(/^[a-z_]+$/);
        // Nothing that a request brings can be a value: all are known beforehand.
        expect(values.length).toBeLessThanOrEqual(50);
        expect(values).toEqual([...new Set(values)]);
      }
    },
  );
});
