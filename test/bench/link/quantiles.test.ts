import { expect, test } from 'vitest';
import { distributionOf, quantile } from './quantiles.ts';

test('a quantile is a value of the sample: the least that the share does not exceed', () => {
  const sorted = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  expect(quantile(sorted, 0.5)).toBe(5);
  expect(quantile(sorted, 0.51)).toBe(6);
  expect(quantile(sorted, 0.99)).toBe(10);
  expect(quantile(sorted, 0)).toBe(1);
  expect(quantile([], 0.5)).toBeNaN();
});

test('a distribution does not depend on the order, and sorts by number', () => {
  const { count, p50Us, p99Us, maxUs } = distributionOf([100, 9, 20, 10]);
  expect({ count, p50Us, p99Us, maxUs }).toEqual({ count: 4, p50Us: 10, p99Us: 100, maxUs: 100 });
});
