/** The short form: all that can be looked at at once, and the first commands that anybody tries. `run.ts` runs them all. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificate } from '../../src/cli/demo/certificate.ts';
import { documents } from './blocks.ts';
import { allPlanned, plannedOf } from './plan.ts';
import { run } from './runner.ts';
import { type Scene, setScene } from './scene.ts';
import { brokenAnchors, grammar, queries, unknownMetrics } from './shown-queries.ts';
import { check, configurations, inject, manifests } from './shown-yaml.ts';

const place = ({ path, line }: { path: string; line: number }): string => `${path}:${line}`;

describe('what the documents show', () => {
  it('is all known: each command is run, or not run for a reason', () => {
    const planned = allPlanned();
    expect(planned.filter(({ plan }) => plan.kind === 'unknown').map(place)).toEqual([]);
    const toRun = planned.filter(({ plan }) => plan.kind !== 'not-run').length;
    expect(toRun).toBeGreaterThan(20);
    console.warn(
      `documents: ${toRun} commands and programs that run.ts runs, ${planned.length - toRun} that it does not`,
    );
  });

  it('has configurations that are right', async () => {
    const { authority } = await makeCertificate();
    const all = configurations();
    expect(all.length).toBeGreaterThan(5);
    for (const shown of all) expect(check(shown, authority), place(shown)).toBe('');
  });

  it('has manifests whose pods are injected', () => {
    const all = manifests();
    expect(all.length).toBeGreaterThan(8);
    for (const shown of all) expect(inject(shown), place(shown)).toBe('');
  });

  it('asks Prometheus for metrics that there are, in its own grammar', () => {
    const all = queries();
    expect(all.length).toBeGreaterThan(15);
    for (const shown of all) expect(unknownMetrics(shown), place(shown)).toEqual([]);
    expect(grammar(all) ?? '').toBe('');
  });

  it.each(documents)('%s leads to headings that are there', (path) => {
    expect(brokenAnchors(path)).toEqual([]);
  });
});

describe('the first commands of README.md', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await setScene();
  }, 120_000);
  afterAll(() => scene.end());

  const first = plannedOf('README.md').filter(
    ({ text, plan }) => plan.kind === 'ends' && text.includes('127.0.0.1:15101'),
  );

  it.each(first.map((shown) => [shown.text, shown] as const))(
    '%s',
    async (_, shown) => {
      expect(await run(shown, scene)).toBe('');
    },
    120_000,
  );
});
