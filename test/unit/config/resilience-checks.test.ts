import { describe, expect, it } from 'vitest';
import { config, mistakes, withUpstream } from './support.ts';

describe('outliers and breaker', () => {
  it.each([
    [
      'outliers: { baseEjection: 10m }',
      'outliers.baseEjection: 10m; at most maxEjection (5m) is meant',
    ],
    [
      'outliers: { consecutiveFailures: 0, successRate: 0% }',
      'outliers.consecutiveFailures: 0, and a successRate of 0%; something must count as a failure',
    ],
    ['breaker: { baseOpen: 2m }', 'breaker.baseOpen: 2m; at most maxOpen (1m) is meant'],
    [
      'breaker: { consecutiveFailures: 0, successRate: 0% }',
      'breaker.consecutiveFailures: 0, and a successRate of 0%; something must open it',
    ],
  ])('%s', (options, expected) => {
    const found = mistakes(withUpstream(options));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(expected);
  });

  it.each([
    'outliers: { baseEjection: 5m }',
    'outliers: { consecutiveFailures: 0 }',
    'outliers: { successRate: 0% }',
    'outliers: { maxEjected: 0%, panic: 0% }',
    'breaker: {}',
    'breaker: { successRate: 0% }',
  ])('%s is right', (options) => expect(mistakes(withUpstream(options))).toEqual([]));

  it('says one mistake once: what cannot be read is not compared', () => {
    expect(mistakes(withUpstream('outliers: { baseEjection: 10m, maxEjection: 5 }'))).toHaveLength(
      1,
    );
    expect(mistakes(withUpstream('breaker: { baseOpen: 10m, maxOpen: 5 }'))).toHaveLength(1);
  });

  it('puts endpoints aside by default, and refuses nobody', () => {
    const { options } = config(withUpstream('')).upstreams[0] ?? {};
    expect(options?.outliers).toMatchObject({ consecutiveFailures: 5, maxEjected: 0.5 });
    expect(options?.breaker).toBeNull();
  });
});
