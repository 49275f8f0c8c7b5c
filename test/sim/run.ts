/**
 * Drives the gateway's state machines through schedules that chance has made, and shrinks the first that breaks a rule.
 *
 *   node test/sim/run.ts --steps 1000000 [--from 1] [--bug NAME] [--counts]
 *   node test/sim/run.ts --seed 42 [--bug NAME] [--whole]
 *
 * `--from` is the first seed, `--seed` the only one; `--whole` tells the whole run instead of the shrunk one. `--bug`
 * puts a defect in on purpose (see bugs.ts); `--counts` says how often what has happened. Ends with 1 if there are findings.
 */
import { parseArgs } from 'node:util';
import { bugNames, isBugName, withBug } from './bugs.ts';
import { campaign } from './campaign.ts';
import { reportOf } from './report.ts';
import { planOf, runPlan } from './run-world.ts';

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '200000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    bug: { type: 'string' },
    whole: { type: 'boolean', default: false },
    counts: { type: 'boolean', default: false },
  },
});
const { bug: asked = '' } = values;
const bug = isBugName(asked) ? asked : null;
if (bug === null && asked !== '') {
  console.error(`no bug "${asked}": choose one of ${bugNames.join(', ')}`);
  process.exit(2);
}

withBug(bug, () => {
  if (values.seed === undefined) runMany();
  else runOne(Number(values.seed));
});

function runOne(seed: number): void {
  const plan = planOf(seed);
  const outcome = runPlan(plan, values.whole ? (line) => console.log(line) : null);
  if (outcome.failure === null) {
    console.log(`seed ${seed}: ${outcome.steps} steps, ending ${plan.ending}: nothing found`);
    return;
  }
  const { rule, message } = outcome.failure;
  console.log(values.whole ? `${rule}: ${message}` : reportOf(plan, rule, bug).text);
  process.exitCode = 1;
}

function runMany(): void {
  const done = campaign({
    steps: Number(values.steps),
    from: Number(values.from),
    bug,
    onFinding: ({ text }) => console.log(`${text}\n`),
  });
  const { steps, seeds, exchanges, attempts, resends, pipelined, findings, seconds } = done;
  console.log(
    `${steps} steps in ${seeds} seeds (${values.from} to ${Number(values.from) + seeds - 1}), ${seconds.toFixed(1)} s: ${exchanges} exchanges, ${attempts} attempts, ${resends} resends, ${pipelined} pipelined, ${findings.length} sorts of findings`,
  );
  if (values.counts) {
    for (const [what, count] of [...done.counts].sort()) console.log(`${count} ${what}`);
  }
  if (findings.length > 0) process.exitCode = 1;
}
