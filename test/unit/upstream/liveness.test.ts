import { describe, expect, it } from 'vitest';
import { Liveness } from '../../../src/upstream/liveness.ts';

const CONFIGURED_MS = 60_000;

function learner() {
  return new Liveness(CONFIGURED_MS, { learns: true });
}

/** Closes at these ages, far enough apart to be events of their own. */
function closedAt(...agesMs: number[]) {
  const liveness = learner();
  let nowMs = 0;
  for (const ageMs of agesMs) {
    nowMs += 100;
    liveness.onIdleClosed(ageMs, nowMs);
  }
  return { liveness, nowMs };
}

describe('the idle limit', () => {
  it('is the configured one as long as nothing else is known', () => {
    expect(learner().limitMs(0)).toBe(CONFIGURED_MS);
    expect(learner().learnedMs).toBeNull();
  });

  it('for what could not be sent again is three quarters of it', () => {
    expect(learner().steadyMs(0)).toBe(45_000);
  });

  it.each([
    [5, 4_500],
    [9, 8_100],
    [20, 19_000],
    [59, 58_000],
    [600, CONFIGURED_MS],
    [0, 0],
  ])('told as %i s it is %i ms: a tenth or a second below, never above', (seconds, limitMs) => {
    const liveness = learner();
    liveness.onTold(seconds);
    expect(liveness.limitMs(0)).toBe(limitMs);
  });

  it('told anew counts anew', () => {
    const liveness = learner();
    liveness.onTold(5);
    liveness.onTold(20);
    expect(liveness.limitMs(0)).toBe(19_000);
  });

  it('is the least of what was configured, told and learned', () => {
    const { liveness, nowMs } = closedAt(30_000, 30_000);
    expect(liveness.limitMs(nowMs)).toBe(29_000);
    liveness.onTold(10);
    expect(liveness.limitMs(nowMs)).toBe(9_000);
  });
});

describe('what is learned from closes', () => {
  it('is nothing from one: it may have been anything', () => {
    const { liveness, nowMs } = closedAt(5_000);
    expect([liveness.learnedMs, liveness.limitMs(nowMs)]).toEqual([null, CONFIGURED_MS]);
  });

  it('is the age at which it closes, less a margin, from two', () => {
    const { liveness, nowMs } = closedAt(5_000, 5_010);
    expect(liveness.learnedMs).toBe(5_010);
    expect(liveness.limitMs(nowMs)).toBeCloseTo(4_509);
  });

  it('is the middle one: a few outliers do not decide', () => {
    expect(closedAt(20_000, 3, 20_100, 20_050).liveness.learnedMs).toBe(20_050);
    expect(closedAt(20_000, 3, 20_100, 4, 20_050, 59_000, 20_020).liveness.learnedMs).toBe(20_020);
  });

  it('is one event from a burst of about one age, which counts with the greatest', () => {
    const liveness = learner();
    for (const [index, ageMs] of [5_000, 4_000, 4_900].entries())
      liveness.onIdleClosed(ageMs, 1_000 + 40 * index);
    expect(liveness.learnedMs).toBeNull();
    liveness.onIdleClosed(5_500, 90_000);
    expect(liveness.learnedMs).toBe(5_500);
  });

  it('is nothing from a burst of ages far apart: a restart', () => {
    const liveness = learner();
    for (const [index, ageMs] of [10, 30_000, 500, 2_000, 44].entries())
      liveness.onIdleClosed(ageMs, 1_000 + 10 * index);
    liveness.onIdleClosed(40_000, 90_000);
    expect(liveness.learnedMs).toBeNull();
    liveness.onIdleClosed(41_000, 150_000);
    expect(liveness.learnedMs).toBe(41_000);
  });

  it('is nothing from a close that is soon followed by a dial that fails', () => {
    const { liveness, nowMs } = closedAt(5_000, 5_010);
    liveness.onDialFailed(nowMs + 1_900);
    expect(liveness.learnedMs).toBeNull();
    liveness.onDialFailed(nowMs + 2_100);
    liveness.onIdleClosed(5_020, nowMs + 9_000);
    expect(liveness.learnedMs).toBe(5_020);
  });

  it('is not undone by a dial that fails a good while later', () => {
    const { liveness, nowMs } = closedAt(5_000, 5_010);
    liveness.onDialFailed(nowMs + 2_000);
    expect(liveness.learnedMs).toBe(5_010);
  });

  it('does not outlast a use with success after a longer time', () => {
    const { liveness, nowMs } = closedAt(5_000, 5_100);
    liveness.onSurvived(5_050, nowMs);
    expect(liveness.learnedMs).toBeNull();
    const other = closedAt(5_000, 5_100, 20_000);
    other.liveness.onSurvived(6_000, other.nowMs);
    expect(other.liveness.learnedMs).toBeNull();
  });

  it('outlasts a use after a shorter time, which proves nothing', () => {
    const { liveness, nowMs } = closedAt(5_000, 5_100);
    liveness.onSurvived(4_900, nowMs);
    expect(liveness.learnedMs).toBe(5_100);
  });

  it('rises slowly, so that a raised limit is found out', () => {
    const { liveness, nowMs } = closedAt(5_000, 5_000);
    expect(liveness.limitMs(nowMs + 9_999)).toBe(4_500);
    expect(liveness.limitMs(nowMs + 10_000)).toBeCloseTo(4_545);
    const doubledMs = liveness.limitMs(nowMs + 12 * 60_000);
    expect(doubledMs).toBeGreaterThan(8_500);
    expect(doubledMs).toBeLessThan(9_700);
  });

  it('rises alike however often it is looked at', () => {
    const often = closedAt(5_000, 5_000);
    const once = closedAt(5_000, 5_000);
    for (let ms = 0; ms <= 600_000; ms += 700) often.liveness.limitMs(often.nowMs + ms);
    const atMs = once.nowMs + 600_000;
    expect(often.liveness.limitMs(atMs) / once.liveness.limitMs(atMs)).toBeCloseTo(1, 1);
  });

  it('is forgotten when it has risen past what is configured', () => {
    const { liveness, nowMs } = closedAt(5_000, 5_000);
    expect(liveness.limitMs(nowMs + 24 * 3_600_000)).toBe(CONFIGURED_MS);
    expect(liveness.learnedMs).toBeNull();
  });

  it('is bounded in what it remembers: old closes give way to new ones', () => {
    const { liveness } = closedAt(1_000, 1_000, ...Array.from({ length: 8 }, () => 30_000));
    expect(liveness.learnedMs).toBe(30_000);
  });

  it('is nothing where it is switched off', () => {
    const liveness = new Liveness(CONFIGURED_MS, { learns: false });
    for (let i = 1; i < 9; i += 1) liveness.onIdleClosed(5_000, i * 1_000);
    liveness.onSurvived(1, 9_000);
    expect([liveness.learnedMs, liveness.limitMs(9_000)]).toEqual([null, CONFIGURED_MS]);
    liveness.onTold(5);
    expect(liveness.limitMs(9_000)).toBe(4_500);
  });
});
