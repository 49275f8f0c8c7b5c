import { describe, expect, it } from 'vitest';
import { seeded } from '../../../src/base/clock.ts';
import { backoffMs, steadyBackoffMs } from '../../../src/resilience/backoff.ts';

const rules = { baseMs: 25, maxMs: 250 };
const most = () => 1 - Number.EPSILON;
const least = () => 0;

/** Bounds for the first failures in a row: doubled each time, up to the greatest. */
const bounds: readonly (readonly [number, number])[] = [
  [1, 25],
  [2, 50],
  [3, 100],
  [4, 200],
  [5, 250],
  [6, 250],
  [31, 250],
  [1_000, 250],
  [Number.MAX_SAFE_INTEGER, 250],
];

describe('backoff', () => {
  it.each(bounds)('with full jitter: failure %i waits from 0 up to %i ms', (failures, boundMs) => {
    expect(backoffMs(failures, rules, least)).toBe(0);
    expect(backoffMs(failures, rules, most)).toBeCloseTo(boundMs, 6);
  });

  it.each(bounds)(
    'half of it certain: failure %i waits half of %i ms at least',
    (failures, boundMs) => {
      expect(steadyBackoffMs(failures, rules, least)).toBe(boundMs / 2);
      expect(steadyBackoffMs(failures, rules, most)).toBeCloseTo(boundMs, 6);
    },
  );

  it('spreads those who failed together', () => {
    const random = seeded(3);
    const waits = Array.from({ length: 200 }, () => backoffMs(5, rules, random));
    expect(new Set(waits.map((ms) => Math.floor(ms / 25))).size).toBe(10);
    const steady = Array.from({ length: 200 }, () => steadyBackoffMs(5, rules, random));
    expect(new Set(steady.map((ms) => Math.floor(ms / 25))).size).toBe(5);
  });
});
