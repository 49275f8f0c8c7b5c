import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../../src/resilience/outcome.ts';
import {
  type BreakerChange,
  UpstreamBreaker,
  type UpstreamBreakerRules,
} from '../../../src/resilience/upstream-breaker.ts';

const rules: UpstreamBreakerRules = {
  consecutiveFailures: 3,
  statuses: [502, 503, 504],
  successRate: 0.5,
  windowMs: 10_000,
  minRequests: 10,
  baseMs: 5_000,
  maxMs: 60_000,
  trials: 2,
};
const plain = { isRepeatable: true, isAwaited: false };

class Scene {
  nowMs = 0;
  readonly changes: BreakerChange[] = [];
  readonly breaker: UpstreamBreaker;

  constructor(overrides: Partial<UpstreamBreakerRules> = {}) {
    this.breaker = new UpstreamBreaker(
      { ...rules, ...overrides },
      { random: () => 0.5, nowMs: 0, onChange: (change) => this.changes.push(change) },
    );
  }

  answer(...statuses: readonly number[]): this {
    for (const status of statuses) this.#end('good', status);
    return this;
  }

  fault(outcome: Outcome): this {
    this.#end(outcome, 0);
    return this;
  }

  #end(outcome: Outcome, status: number): void {
    const ticket = this.breaker.begin();
    this.nowMs += 100;
    this.breaker.release(ticket);
    this.breaker.end({ upstreamTicket: ticket, status }, outcome, this.nowMs);
  }

  get refuses(): number | null {
    return this.breaker.refusesForMs(plain, this.nowMs);
  }
}

describe('the breaker of an upstream', () => {
  it('opens after failures in a row, says for how long, and closes after trials', () => {
    const on = new Scene().answer(503, 200, 502);
    expect(on.refuses).toBeNull();
    on.fault('bad').answer(504);
    expect(on.refuses).toBe(5_000);
    on.nowMs += 5_000;
    expect(on.refuses).toBeNull();
    on.answer(200, 404);
    expect(on.refuses).toBeNull();
    expect(on.changes).toEqual([
      { from: 'closed', to: 'open', reason: 'consecutive-failures', openMs: 5_000 },
      { from: 'open', to: 'probation', reason: 'consecutive-failures', openMs: null },
      { from: 'probation', to: 'closed', reason: null, openMs: null },
    ]);
  });

  it('takes a status that is not listed for an answer', () => {
    const on = new Scene();
    for (let i = 0; i < 40; i += 1) on.answer(500);
    expect([on.refuses, on.changes]).toEqual([null, []]);
    const strict = new Scene({ statuses: [500] }).answer(500, 500, 500);
    expect(strict.refuses).toBe(5_000);
  });

  it('opens when too few go well, however they are mixed', () => {
    const on = new Scene();
    for (let i = 0; i < 5; i += 1) on.answer(200, 503);
    expect(on.refuses).toBeNull();
    on.answer(503);
    expect(on.changes.map(({ reason }) => reason)).toEqual(['success-rate']);
  });

  it('needs so many attempts for a rate, and none where none is asked for', () => {
    const few = new Scene().answer(200, 503, 503, 200, 503, 503, 200, 503, 503);
    expect(few.refuses).toBeNull();
    const off = new Scene({ successRate: 0 });
    for (let i = 0; i < 30; i += 1) off.answer(200, 503, 503);
    expect(off.refuses).toBeNull();
  });

  it('on probation lets one in at a time, and nobody past one who waits', () => {
    const on = new Scene().answer(503, 503, 503);
    on.nowMs += 5_000;
    expect(on.breaker.refusesForMs({ ...plain, isAwaited: true }, on.nowMs)).toBe(0);
    expect(on.breaker.refusesForMs({ ...plain, isRepeatable: false }, on.nowMs)).toBe(0);
    expect(on.refuses).toBeNull();
    const ticket = on.breaker.begin();
    expect(on.refuses).toBe(0);
    on.breaker.release(ticket);
    on.breaker.end({ upstreamTicket: ticket, status: 503 }, 'good', on.nowMs);
    // For twice as long.
    expect(on.refuses).toBe(10_000);
  });

  it('hears nothing from attempts that say nothing of the upstream', () => {
    const on = new Scene().fault('none').fault('none').fault('none');
    expect(on.breaker.snapshot(on.nowMs)).toMatchObject({ requests: 0, successRate: null });
  });

  it('shows what it knows', () => {
    const on = new Scene().answer(200, 503);
    expect(on.breaker.snapshot(on.nowMs)).toEqual({
      state: 'closed',
      reason: null,
      forMs: 200,
      endsInMs: null,
      consecutiveFailures: 1,
      requests: 2,
      successRate: 0.5,
    });
    on.answer(503, 503);
    expect(on.breaker.snapshot(on.nowMs + 1_000)).toMatchObject({
      state: 'open',
      reason: 'consecutive-failures',
      forMs: 1_000,
      endsInMs: 4_000,
    });
  });
});
