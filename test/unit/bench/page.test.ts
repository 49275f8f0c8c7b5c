import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { caseSection, writePage } from '../../bench/page.ts';
import { type CaseResult, type LoadRound, readResults, writeResult } from '../../bench/result.ts';
import { makeTempDir, type TempDir } from '../../support/temp-dir.ts';

let dir: TempDir;
beforeEach(() => {
  dir = makeTempDir('bench-page');
});
afterEach(() => dir.remove());

function round(processorUs: number, more: Partial<LoadRound> = {}): LoadRound {
  return {
    requests: 10_000,
    requestsPerSecond: 5_000,
    processorUs,
    medianMs: 1.5,
    p99Ms: 9,
    errors: 0,
    originConnections: 20,
    ...more,
  };
}

function result(rounds: Record<string, readonly LoadRound[]>, more: Partial<CaseResult> = {}) {
  const whole: CaseResult = {
    case: 'keep-alive',
    title: 'Keep-alive clients',
    about: 'What is done.',
    base: 'nginx',
    circumstances: {
      date: '2026-01-02T03:04:05.678Z',
      processors: 2,
      processor: 'Some processor',
      memoryGiB: 24,
      kernel: '6.1.0',
      commit: '0123456789abcdef0123',
      rounds: 3,
      loadAverage: 0.1,
      tools: { wrk: 'wrk 4', ab: 'ab 2.3' },
    },
    peers: Object.keys(rounds).map((name) => ({
      name,
      title: `the ${name}`,
      version: `${name} 1.0`,
      settings: 'none',
    })),
    missing: [{ name: 'Envoy', reason: 'not installed' }],
    loads: [{ name: 'load', title: '64 clients', seconds: 2, rounds }],
    figures: [],
    ...more,
  };
  return whole;
}

function row(section: string, title: string): string[] {
  const line = section.split('\n').find((each) => each.startsWith(`| ${title} |`)) ?? '';
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

describe('a case on the page', () => {
  test('takes a ratio within each round, and not of the medians', () => {
    // Disturbed together: the medians' ratio would be 2.5, the rounds say 2.
    const section = caseSection(
      result({
        nginx: [round(10), round(20), round(30)],
        sidepool: [round(20), round(50), round(60)],
      }),
    );
    expect(row(section, 'the sidepool').slice(1, 3)).toEqual([
      '50.0 (20.0 to 60.0)',
      '2.00 (2.00 to 2.50)',
    ]);
  });

  test('shows every error, and connections to the origin for 1,000 requests', () => {
    const section = caseSection(
      result({
        nginx: [round(10)],
        sidepool: [round(10, { errors: 3, originConnections: 5_000 })],
      }),
    );
    expect(row(section, 'the sidepool').slice(-2)).toEqual(['500.0', '**3** of 10000']);
    expect(row(section, 'the nginx').at(-1)).toBe('0');
  });

  test('names who was not measured, and shows no ratio when it is the one to compare with', () => {
    const section = caseSection(result({ sidepool: [round(10)] }));
    expect(section).toContain('not measured: Envoy: not installed');
    expect(row(section, 'the sidepool')[2]).toBe('-');
  });

  test('has no processor time where there was no proxy, also when it has been through a file', () => {
    writeResult(dir.path, result({ nginx: [round(10)], direct: [round(Number.NaN)] }));
    const [read] = readResults(dir.path, []);
    const section = caseSection(read as CaseResult);
    expect(row(section, 'the direct').slice(1, 4)).toEqual(['-', '-', '5000 (5000 to 5000)']);
  });
});

describe('the page', () => {
  test('keeps the cases of earlier runs, in the order that is asked for', () => {
    writeResult(dir.path, result({ nginx: [round(10)] }, { case: 'b', title: 'Second' }));
    writeResult(dir.path, result({ nginx: [round(10)] }, { case: 'a', title: 'First' }));
    writePage(dir.path, ['a', 'b']);
    writeResult(dir.path, result({ nginx: [round(10)] }, { case: 'b', title: 'Second, again' }));
    writePage(dir.path, ['a', 'b']);
    const page = readFileSync(dir.file('README.md'), 'utf8');
    const headings = [...page.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
    expect(headings.slice(0, 3)).toEqual(['At a glance', 'First', 'Second, again']);
    expect(existsSync(dir.file('case-a.svg'))).toBe(true);
  });

  test('leads to the other pages beside it, and leaves their files alone', () => {
    mkdirSync(dir.path, { recursive: true });
    writeFileSync(dir.file('link-delay.md'), '# Over a slow link\n');
    writeFileSync(dir.file('link-delay.json'), '{}');
    writePage(dir.path, []);
    expect(readFileSync(dir.file('README.md'), 'utf8')).toContain(
      '[Over a slow link](link-delay.md)',
    );
    expect(readFileSync(dir.file('link-delay.json'), 'utf8')).toBe('{}');
  });
});
