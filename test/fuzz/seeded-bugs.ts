/**
 * How good the fuzzer is: puts each bug of `bugs.ts` into a bundle and measures how long it takes to be found, guided by
 * coverage and by chance alone.
 *
 *   node test/fuzz/seeded-bugs.ts [--seconds 60] [--seed 1]
 *
 * Ends with 1 if a bug is not found by the guided search.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bugs, type SeededBug } from './bugs.ts';
import { bundleTarget } from './engine/bundle-target.ts';
import { supervise } from './engine/supervise.ts';
import { targets } from './targets.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
  },
});
const milliseconds = Number(values.seconds) * 1000;
const folder = mkdtempSync(join(tmpdir(), 'sidepool-bugs-'));
let missed = 0;
console.log(`${'bug'.padEnd(72)} ${'target'.padEnd(9)} ${'guided'.padEnd(22)} by chance`);
try {
  for (const bug of bugs) {
    const guided = await find(bug, false);
    const blind = await find(bug, true);
    if (!guided.isFound) missed += 1;
    console.log(
      `${bug.name.padEnd(72)} ${bug.target.padEnd(9)} ${guided.text.padEnd(22)} ${blind.text}`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${bugs.length - missed} of ${bugs.length} found within ${values.seconds} s each`);
process.exitCode = missed === 0 ? 0 : 1;

async function find(bug: SeededBug, isBlind: boolean): Promise<{ isFound: boolean; text: string }> {
  const listed = targets.find(({ target }) => target.name === bug.target);
  if (listed === undefined) throw new Error(`no target "${bug.target}"`);
  const { target, module, exported } = listed;
  const outfile = join(folder, `${isBlind}.cjs`);
  const { counters, literals } = await bundleTarget({
    module,
    exported,
    alsoInstrument: target.alsoInstrument,
    outfile,
    patch: bug,
    isBlind,
  });
  const seeds = [...target.seeds()];
  const seed = Number(values.seed);
  const outcome = await supervise({
    bundle: outfile,
    counters,
    literals,
    seed,
    milliseconds,
    seeds,
  });
  if (outcome.kind === 'lost') return { isFound: true, text: outcome.why };
  const { found, seconds, executions } = outcome.result;
  return found === null
    ? { isFound: false, text: `not in ${executions}` }
    : { isFound: true, text: `${seconds.toFixed(2)} s, ${executions} tried` };
}
