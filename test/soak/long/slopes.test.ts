import { describe, expect, it } from 'vitest';
import { seeded } from '../../../src/base/clock.ts';
import { byMinute, type Point, slopeOf } from './slopes.ts';

/** An hour of minutes. */
function hour(value: (hours: number, nth: number) => number): Point[] {
  return Array.from({ length: 60 }, (_, nth) => ({ hours: nth / 60, value: value(nth / 60, nth) }));
}

describe('slopeOf', () => {
  it('finds a slope in noise, and none in noise alone', () => {
    const random = seeded(1);
    const steep = slopeOf(hour((hours) => 100 + 8 * hours + 4 * (random() - 0.5)));
    expect(steep.lowPerHour).toBeGreaterThan(5);
    expect(steep.highPerHour).toBeLessThan(11);
    expect(steep.p).toBeLessThan(0.001);
    const flat = slopeOf(hour(() => 100 + 4 * (random() - 0.5)));
    expect(flat.lowPerHour).toBeLessThan(0);
    expect(flat.highPerHour).toBeGreaterThan(0);
    expect(flat.p).toBeGreaterThan(0.05);
  });

  it('has the true slope in its interval about 19 times of 20', () => {
    const random = seeded(3);
    const isIn = (): boolean => {
      const slope = slopeOf(hour((hours) => 3 * hours + random()));
      return slope.lowPerHour <= 3 && slope.highPerHour >= 3;
    };
    const hits = Array.from({ length: 200 }, isIn).filter(Boolean).length;
    expect(hits).toBeGreaterThan(180);
    // And is no wider than it must be.
    expect(hits).toBeLessThan(200);
  });

  it('is not moved by spikes', () => {
    const random = seeded(2);
    const { perHour } = slopeOf(
      hour((_, nth) => (nth > 50 ? 500 : 0) * (nth % 3 ? 0 : 1) + random()),
    );
    expect(Math.abs(perHour)).toBeLessThan(1);
  });

  it('takes a wave for no slope', () => {
    const { lowPerHour, highPerHour } = slopeOf(hour((hours) => Math.sin(hours * 11)));
    expect(lowPerHour).toBeLessThan(0);
    expect(highPerHour).toBeGreaterThan(0);
  });

  it('of what never changes is nothing, with certainty', () => {
    expect(slopeOf(hour(() => 7))).toMatchObject({ perHour: 0, lowPerHour: 0, highPerHour: 0 });
  });
});

describe('byMinute', () => {
  it('gives the median of each minute, and passes over what was not told', () => {
    const points = [1, 9, 2, Number.NaN, 5].map((value, nth) => ({ hours: nth / 120, value }));
    expect(byMinute(points).map(({ value }) => value)).toEqual([5, 2, 5]);
  });
});
