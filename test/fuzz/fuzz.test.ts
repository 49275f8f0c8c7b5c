/** The fuzzer itself, its seeds, and everything that it once found. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { seeded } from '../../src/base/clock.ts';
import { TempDir } from '../support/temp-dir.ts';
import { bundleTarget } from './engine/bundle-target.ts';
import { explore, minimise } from './engine/explore.ts';
import { instrument } from './engine/instrument.ts';
import { supervise } from './engine/supervise.ts';
import { Finding, type FuzzTarget } from './engine/target.ts';
import { targets } from './targets.ts';

const toEnd: (() => void)[] = [];
afterEach(() => {
  for (const end of toEnd.splice(0)) end();
});

describe.each(targets)('$target.name: $target.promise', ({ target }) => {
  it('holds for every seed', () => {
    const seeds = target.seeds();
    expect(seeds.length).toBeGreaterThan(2);
    for (const seed of seeds) target.run(Buffer.from(seed));
  });

  it('holds for all that was found once', () => {
    const folder = join(import.meta.dirname, 'corpus', target.name);
    const files = existsSync(folder) ? readdirSync(folder) : [];
    for (const file of files)
      expect(() => target.run(readFileSync(join(folder, file))), file).not.toThrow();
  });

  it('holds for nothing at all, and for octets of any value', () => {
    target.run(Buffer.alloc(0));
    target.run(Buffer.from(Array.from({ length: 256 }, (_, octet) => octet)));
  });
});

const maze = `
  export function maze(data: Buffer): void {
    const text = data.toString('latin1');
    if (text.startsWith('a')) {
      if (text.length > 3 && text[1] === 'q') {
        for (let at = 2; at < text.length; at += 1) if (text[at] === '~' && text[at + 1] === '^') throw new Error('out of the maze');
      }
    }
  }
`;

/** The same function, counted and not. */
async function mazeWith(counters: Uint32Array): Promise<{ guided: FuzzTarget; counted: number }> {
  const directory = new TempDir('maze');
  toEnd.push(() => directory.remove());
  const { code, counters: counted } = instrument('maze.ts', maze, 0);
  const file = directory.file('maze.ts');
  writeFileSync(file, code.replace('export', 'const __c = globalThis.mazeCounters;\nexport'));
  Object.assign(globalThis, { mazeCounters: counters });
  const { maze: run } = (await import(/* @vite-ignore */ file)) as { maze: (data: Buffer) => void };
  const guided = { name: 'maze', promise: 'nobody gets out', seeds: () => [Buffer.from('x')], run };
  return { guided, counted };
}

describe('npm run fuzz', () => {
  const run = (...words: string[]) =>
    spawnSync(process.execPath, [join(import.meta.dirname, 'run.ts'), ...words], {
      encoding: 'utf8',
      cwd: join(import.meta.dirname, '..', '..'),
    });

  it('prints a line for each target, and ends well when nothing was found', () => {
    const { status, stdout } = run('--seconds', '0.4', '--only', 'units,names', '--seed', '1');
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^units +\d+ +\d+ +\d+\/\d+ /m)]);
    expect(stdout).toMatch(/^\d+ executions of 2 targets in 0.4 s with seed 1: 0 findings$/m);
  }, 120_000);

  it('says what there is to be named', () => {
    const { status, stderr } = run('--only', 'everything');
    expect([status, stderr]).toEqual([2, expect.stringContaining('targets: request, response')]);
  }, 120_000);

  it('goes on without counters where they cannot be had, and says so', async () => {
    const directory = new TempDir('blind');
    toEnd.push(() => directory.remove());
    const made = { module: 'targets/units.ts', exported: 'unitsTarget' };
    const blind = await bundleTarget({ ...made, outfile: directory.file('b.cjs'), isBlind: true });
    expect(blind).toMatchObject({ counters: 0, blind: 'it was asked for' });
    const seeing = await bundleTarget({ ...made, outfile: directory.file('s.cjs') });
    expect(seeing).toMatchObject({
      counters: expect.toSatisfy((count) => count > 100),
      blind: null,
    });
    expect(seeing.literals).toContain('number');
  });

  it('refuses a bug to be seeded whose place is not there', async () => {
    const directory = new TempDir('patch');
    toEnd.push(() => directory.remove());
    const made = {
      module: 'targets/units.ts',
      exported: 'unitsTarget',
      outfile: directory.file('b.cjs'),
    };
    const patch = { file: 'src/config/units.ts', from: 'no such words', to: '' };
    await expect(bundleTarget({ ...made, patch })).rejects.toThrow('write the bug anew');
  });
});

describe('the search', () => {
  const common = { seeds: [Buffer.from('x')], morsels: ['zzz'] };
  const most = 60_000;
  const isOver = (executions: number): boolean => executions >= most;

  it('gets by the counters where chance alone does not, and gives the shortest way there', async () => {
    const counters = new Uint32Array(64);
    const { guided, counted } = await mazeWith(counters);
    expect(counted).toBeGreaterThan(6);
    // Seeded: these are the same trials on any machine.
    const random = seeded(5);
    const found = explore({ ...common, target: guided, counters, random, isOver });
    expect(found.found?.sort).toContain('out of the maze');
    expect(found.edges).toBeGreaterThan(4);
    const blind = explore({
      ...common,
      target: guided,
      counters: new Uint32Array(0),
      random: seeded(5),
      isOver,
    });
    expect([blind.found, blind.executions]).toEqual([null, most]);
    if (found.found === null) throw new Error('nothing was found');
    expect(minimise(found.found, guided, () => false).toString()).toBe('aq~^');
  });

  it('leaves what a source does as it was', () => {
    const source = `
      let trace = '';
      const f = (a) => a ? (b) => ({ a, b }) : null;
      function* g(n) { for (let i = 0; i < n; i++) yield i; }
      class A { #x = 1; get x() { return this.#x ?? 2; } static make() { return new A(); } }
      outer: for (const i of g(5)) { if (i === 1) continue; else if (i === 3) break outer; trace += i; }
      switch (trace) { case '02': trace += 's'; case 'never': trace += 'f'; break; default: trace = ''; }
      let n = 3; while (n) n--; do n++; while (n < 2);
      try { null.x } catch { trace += 'c'; }
      if (n) if (n > 5) trace += 'x'; else trace += 'e';
      trace += f(1)(2).b + A.make().x + (n && 7) + (null ?? 'd') + (n > 1 ? 'y' : 'n');
      trace;
    `;
    const { code, counters } = instrument('plain.js', source, 3);
    const run = (text: string, counts: Uint32Array): unknown =>
      new Function('__c', `return eval(${JSON.stringify(text)})`)(counts);
    const counts = new Uint32Array(3 + counters);
    expect(run(code, counts)).toBe(run(source, counts));
    expect(run(source, counts)).toBe('02sfce10dy');
    expect(counts.slice(0, 3)).toEqual(new Uint32Array(3));
    expect(counts.some((count) => count > 1)).toBe(true);
  });

  it('notices a trial that is slow, and one that never ends', async () => {
    const directory = new TempDir('hang');
    toEnd.push(() => directory.remove());
    const bundle = directory.file('hang.cjs');
    const script = `exports.target = { name: 'hang', run(data) { if (data.length > 2) for (;;); } };`;
    writeFileSync(bundle, script);
    const task = { bundle, counters: 0, literals: [], seed: 1, milliseconds: 600_000 };
    const seeds = [Buffer.from('ab'), Buffer.from('abc')];
    const outcome = await supervise({ ...task, seeds }, 1500);
    expect(outcome).toMatchObject({ kind: 'lost', why: 'hang: a trial did not end in 1.5 s' });
    expect(outcome.kind === 'lost' && outcome.input.toString()).toBe('abc');
  });

  it('ends with what was thrown when it is no Error', () => {
    const thrower: FuzzTarget = {
      name: 'thrower',
      promise: '',
      seeds: () => [],
      run: () => {
        throw new Finding('first line\nsecond');
      },
    };
    const counters = new Uint32Array(0);
    const explored = explore({ ...common, target: thrower, counters, random: seeded(1), isOver });
    expect(explored.found).toMatchObject({ sort: 'Finding: first line', input: Buffer.from('x') });
    expect(explored.executions).toBe(1);
  });
});
