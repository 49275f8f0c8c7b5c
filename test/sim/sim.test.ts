/**
 * The simulator in short: it finds nothing wrong with the program, over fixed seeds, and finds each defect that is put in
 * on purpose. For longer runs see run.ts.
 */
import { describe, expect, it } from 'vitest';
import { type BugName, withBug } from './bugs.ts';
import { campaign } from './campaign.ts';
import { planOf, runPlan } from './run-world.ts';

/** About 4 s of one core; how long it takes binds nothing. */
const STEPS = 400_000;
/** Within so many each defect is found. */
const BUG_STEPS = 200_000;

describe('state machines under random schedules', () => {
  it('break no rule', { timeout: 120_000 }, () => {
    const { findings, steps } = campaign({ steps: STEPS, from: 1, bug: null });
    expect(findings.map(({ text }) => text)).toEqual([]);
    expect(steps).toBeGreaterThanOrEqual(STEPS);
  });

  it('run the same way again from the same seed', () => {
    const lines: string[][] = [];
    for (let times = 0; times < 2; times += 1) {
      const told: string[] = [];
      runPlan(planOf(7), (line) => told.push(line));
      lines.push(told);
    }
    expect(lines[0]).toEqual(lines[1]);
    expect(lines[0]?.length).toBeGreaterThan(50);
  });
});

/** The rule that it is there to break; on the way to it others may be. */
const bugs: readonly [BugName, string][] = [
  ['lease-returned-twice', 'settled-twice'],
  ['post-sent-twice', 'resent-unsafe'],
  ['leftover-ignored', 'reused-with-leftover'],
  ['waiter-lost', 'counter-waiting'],
  ['waiting-without-end', 'waited-too-long'],
  ['count-not-lowered', 'counter-active'],
  ['limit-without-dials', 'too-many'],
  ['answer-to-the-next', 'crossed'],
  ['buffer-used-again', 'response-body'],
  ['body-held-for-ever', 'held-bytes'],
  ['timer-left', 'left-over'],
  ['told-unsent', 'told-untrue'],
  ['cut-looks-whole', 'cut-looks-whole'],
];

describe('a defect that is put in on purpose is found, shrunk and told', () => {
  it.each(bugs)('%s', { timeout: 120_000 }, (bug, rule) => {
    const { findings } = withBug(bug, () =>
      campaign({ steps: BUG_STEPS, from: 1, bug, isEnough: (finding) => finding.rule === rule }),
    );
    expect(findings.map((finding) => finding.rule)).toContain(rule);
    const text = findings.at(-1)?.text ?? '';
    expect(text).toMatch(new RegExp(`replay: node test/sim/run.ts --seed \\d+ --bug ${bug}$`));
    const told = text.split('\n').filter((line) => /^ +\d+ /.test(line));
    expect(told.length).toBeGreaterThan(0);
    expect(told.length).toBeLessThan(60);
  });
});
