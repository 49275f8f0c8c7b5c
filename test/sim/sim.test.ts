/**
 * The simulator in short: it finds nothing wrong with the program, over fixed seeds, and finds each defect that is put in
 * on purpose. For longer runs see run.ts.
 */
import { describe, expect, it } from 'vitest';
import { type BugName, withBug } from './bugs.ts';
import { campaign } from './campaign.ts';
import { planOf, runPlan } from './run-world.ts';

/** A few seconds of one core; how long it takes binds nothing. */
const STEPS = 150_000;
/** Within so many each defect is found. */
const BUG_STEPS = 1_000_000;

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
    expect(lines[0]?.length).toBeGreaterThan(10);
  });
});

/** The rule that it is there to break, and a seed from which on it does soon. */
const bugs: readonly [BugName, string, number][] = [
  ['lease-returned-twice', 'settled-twice', 1],
  ['post-sent-twice', 'resent-unsafe', 1],
  ['leftover-ignored', 'reused-with-leftover', 170],
  ['waiter-lost', 'counter-waiting', 1],
  ['waiting-without-end', 'waited-too-long', 1],
  ['count-not-lowered', 'counter-active', 1],
  ['limit-without-dials', 'too-many', 1],
  ['idle-limit-ignored', 'leased-too-old', 1],
  ['turn-not-awaited', 'sent-into-end', 165],
  ['answer-to-the-next', 'crossed', 80],
  ['buffer-used-again', 'response-body', 1],
  ['body-held-for-ever', 'held-bytes', 1],
  ['timer-left', 'left-over', 1],
  ['told-unsent', 'told-untrue', 1],
  ['cut-looks-whole', 'cut-looks-whole', 798],
];

describe('a defect that is put in on purpose is found, shrunk and told', () => {
  it.each(bugs)('%s', { timeout: 120_000 }, (bug, rule, from) => {
    const { findings } = withBug(bug, () => campaign({ steps: BUG_STEPS, from, bug, until: rule }));
    const [found] = findings;
    expect(found?.rule).toBe(rule);
    expect(found?.text).toContain(
      `replay: node test/sim/run.ts --seed ${found?.seed} --bug ${bug}`,
    );
    const told = found?.text.split('\n').filter((line) => /^ +\d+ /.test(line)) ?? [];
    expect(told.length).toBeGreaterThan(0);
    expect(told.length).toBeLessThan(150);
  });
});
