import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SuccessRate } from '../../../src/resilience/success-rate.ts';

it('counts attempts and failures', () => {
  const rate = new SuccessRate(10_000);
  for (let i = 0; i < 10; i += 1) rate.add(i % 5 !== 0, i);
  expect([rate.total(10), rate.failed(10)]).toEqual([10, 2]);
});

it('forgets a half at a time', () => {
  const rate = new SuccessRate(10_000);
  rate.add(false, 0);
  rate.add(true, 5_000);
  expect([rate.total(9_999), rate.failed(9_999)]).toEqual([2, 1]);
  expect([rate.total(10_000), rate.failed(10_000)]).toEqual([1, 0]);
  expect(rate.total(15_000)).toBe(0);
});

it('is of the same time as that of another', () => {
  const [early, late] = [new SuccessRate(10_000), new SuccessRate(10_000)];
  early.add(true, 0);
  late.add(true, 4_900);
  expect([early.total(9_900), late.total(9_900)]).toEqual([1, 1]);
  expect([early.total(10_000), late.total(10_000)]).toEqual([0, 0]);
});

it('forgets all after a silence, and when told to', () => {
  const rate = new SuccessRate(10_000);
  rate.add(false, 0);
  expect(rate.total(60_000)).toBe(0);
  rate.add(false, 60_001);
  rate.forget();
  expect([rate.total(60_002), rate.failed(60_002)]).toEqual([0, 0]);
});

it('holds every attempt of the last half window, and none older than the window', () => {
  const attempt = fc.record({ afterMs: fc.nat(4_000), isGood: fc.boolean() });
  fc.assert(
    fc.property(fc.array(attempt, { maxLength: 200 }), (attempts) => {
      const rate = new SuccessRate(10_000);
      const seen: { atMs: number; isGood: boolean }[] = [];
      let nowMs = 0;
      for (const { afterMs, isGood } of attempts) {
        nowMs += afterMs;
        rate.add(isGood, nowMs);
        seen.push({ atMs: nowMs, isGood });
        const young = seen.filter(({ atMs }) => nowMs - atMs < 5_000);
        const known = seen.filter(({ atMs }) => nowMs - atMs < 10_000);
        expect(rate.total(nowMs)).toBeGreaterThanOrEqual(young.length);
        expect(rate.total(nowMs)).toBeLessThanOrEqual(known.length);
        expect(rate.failed(nowMs)).toBeGreaterThanOrEqual(
          young.filter((one) => !one.isGood).length,
        );
        expect(rate.failed(nowMs)).toBeLessThanOrEqual(known.filter((one) => !one.isGood).length);
      }
    }),
  );
});
