import { describe, expect, it } from 'vitest';
import { MovingAverage, RecentPeak } from '../../../src/base/moving-average.ts';

describe('MovingAverage', () => {
  it('is 0 before the first observation and then that observation', () => {
    const average = new MovingAverage(1_000);
    expect(average.value).toBe(0);
    average.observe(40, 5_000);
    expect(average.value).toBe(40);
  });

  it('gives a new value half the weight after one half-life', () => {
    const average = new MovingAverage(1_000);
    average.observe(0, 0);
    average.observe(100, 1_000);
    expect(average.value).toBeCloseTo(50);
    average.observe(100, 3_000);
    expect(average.value).toBeCloseTo(87.5);
  });

  it('counts observations of the same moment a little, and a clock that goes back like none', () => {
    const average = new MovingAverage(1_000);
    average.observe(0, 1_000);
    average.observe(100, 1_000);
    expect(average.value).toBeCloseTo(1);
    average.observe(100, 500);
    expect(average.value).toBeCloseTo(1.99);
  });

  it('stays within what was observed', () => {
    const average = new MovingAverage(10);
    for (let at = 0; at < 1_000; at += 7) average.observe(at % 2 === 0 ? 10 : 20, at);
    expect(average.value).toBeGreaterThanOrEqual(10);
    expect(average.value).toBeLessThanOrEqual(20);
  });
});

describe('RecentPeak', () => {
  it('rises at once and falls by half every half-life', () => {
    const peak = new RecentPeak(1_000);
    expect(peak.at(0)).toBe(0);
    peak.observe(8, 0);
    peak.observe(0, 0);
    expect([peak.at(0), peak.at(1_000), peak.at(2_000)]).toEqual([8, 4, 2]);
  });

  it('does not fall below the value last observed, however long that stands', () => {
    const peak = new RecentPeak(1_000);
    peak.observe(8, 0);
    peak.observe(3, 1_000);
    // It stood at 8 until this moment.
    expect([peak.at(1_000), peak.at(2_000)]).toEqual([8, 4]);
    expect(peak.at(60_000)).toBe(3);
  });

  it('is not forgotten by lower observations', () => {
    const peak = new RecentPeak(1_000);
    peak.observe(8, 0);
    for (let at = 0; at <= 1_000; at += 100) peak.observe(0, at);
    expect(peak.at(1_000)).toBeCloseTo(4);
  });
});
