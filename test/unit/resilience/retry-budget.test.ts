import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RetryBudget } from '../../../src/resilience/retry-budget.ts';

function takeAll(budget: RetryBudget, nowMs: number): number {
  let taken = 0;
  while (budget.take(nowMs)) taken += 1;
  return taken;
}

describe('a retry budget', () => {
  it('begins with ten seconds of its floor', () => {
    expect(takeAll(new RetryBudget(0.2, 3, 0), 0)).toBe(30);
  });

  it('is spent when it is spent', () => {
    const budget = new RetryBudget(0.2, 3, 0);
    takeAll(budget, 0);
    expect(budget.take(0)).toBe(false);
    expect(budget.left(0)).toBe(0);
  });

  it('earns a share of the requests', () => {
    const budget = new RetryBudget(0.25, 0, 0);
    expect(takeAll(budget, 0)).toBe(0);
    for (let i = 0; i < 3; i += 1) budget.onRequest();
    expect(budget.take(0)).toBe(false);
    budget.onRequest();
    expect(takeAll(budget, 0)).toBe(1);
    for (let i = 0; i < 100; i += 1) budget.onRequest();
    expect(takeAll(budget, 0)).toBe(25);
  });

  it('earns its floor by time, whatever the traffic', () => {
    const budget = new RetryBudget(0, 3, 0);
    takeAll(budget, 0);
    expect(budget.take(333)).toBe(false);
    expect(budget.take(334)).toBe(true);
    expect(takeAll(budget, 2_334)).toBe(6);
  });

  it('saves no more than ten seconds of its floor, however long nothing fails', () => {
    expect(takeAll(new RetryBudget(0, 3, 0), 3_600_000)).toBe(30);
  });

  it('saves no more than 500 requests bring in', () => {
    const budget = new RetryBudget(0.2, 3, 0);
    for (let i = 0; i < 10_000; i += 1) budget.onRequest();
    expect(takeAll(budget, 0)).toBe(100);
  });

  it('is nothing at a share and floor of nothing', () => {
    const budget = new RetryBudget(0, 0, 0);
    for (let i = 0; i < 1_000; i += 1) budget.onRequest();
    expect(budget.take(1_000_000)).toBe(false);
  });

  it('does not mind a clock that stands still or steps back', () => {
    const budget = new RetryBudget(0, 3, 5_000);
    takeAll(budget, 5_000);
    expect(budget.take(4_000)).toBe(false);
    expect(budget.left(4_000)).toBe(0);
  });

  it('never gives more than its share, its floor and what it began with', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('pass'), ms: fc.integer({ min: 0, max: 5_000 }) }),
      fc.record({ kind: fc.constant('request'), ms: fc.constant(0) }),
      fc.record({ kind: fc.constant('retry'), ms: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const budget = new RetryBudget(0.2, 3, 0);
        let [nowMs, requests, retries] = [0, 0, 0];
        for (const { kind, ms } of steps) {
          nowMs += ms;
          if (kind === 'request') {
            requests += 1;
            budget.onRequest();
          } else if (kind === 'retry') {
            const left = budget.left(nowMs);
            const isTaken = budget.take(nowMs);
            expect(isTaken).toBe(left >= 1);
            if (isTaken) retries += 1;
          }
        }
        expect(retries).toBeLessThanOrEqual(30 + 0.2 * requests + 0.003 * nowMs + 1e-6);
      }),
    );
  });
});
