import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Histogram } from '../../../src/telemetry/histogram.ts';

describe('Histogram', () => {
  it('puts each duration under the first bound that it does not exceed', () => {
    const durations = fc.array(fc.double({ min: 0, max: 200, noNaN: true }));
    const property = fc.property(durations, (values) => {
      const histogram = new Histogram([0, 1, 10, 100]);
      for (const value of values) histogram.observe(value);
      const within = (low: number, high: number) =>
        values.filter((value) => value > low && value <= high).length;
      const counts = [0, 1, 2, 3, 4].map((index) => histogram.countAt(index));
      expect(counts).toEqual([
        within(-1, 0),
        within(0, 1),
        within(1, 10),
        within(10, 100),
        within(100, 200),
      ]);
      expect(histogram.count).toBe(values.length);
      expect(histogram.sum).toBeCloseTo(
        values.reduce((sum, value) => sum + value, 0),
        6,
      );
    });
    fc.assert(property);
  });

  it('takes what is no duration as none', () => {
    const histogram = new Histogram([1]);
    histogram.observe(Number.NaN);
    histogram.observe(-5);
    expect([histogram.countAt(0), histogram.sum]).toEqual([2, 0]);
  });
});
