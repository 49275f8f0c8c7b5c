import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seeded } from '../../../src/base/clock.ts';
import { Breaker, type BreakerRules } from '../../../src/resilience/breaker.ts';
import type { Outcome } from '../../../src/resilience/outcome.ts';

const rules: BreakerRules = { consecutiveFailures: 5, baseMs: 10_000, maxMs: 35_000, trials: 3 };
/** No jitter. */
const middle = () => 0.5;

class Scene {
  nowMs = 1_000;
  readonly breaker: Breaker;

  constructor(overrides: Partial<BreakerRules> = {}) {
    this.breaker = new Breaker({ ...rules, ...overrides }, middle, this.nowMs);
  }

  pass(ms: number): this {
    this.nowMs += ms;
    this.breaker.tick(this.nowMs);
    return this;
  }

  /** One attempt after the other, each a second long. */
  attempts(...outcomes: readonly Outcome[]): this {
    for (const outcome of outcomes) {
      const ticket = this.breaker.begin();
      this.pass(1_000);
      this.breaker.release(ticket);
      this.breaker.end(ticket, outcome, this.nowMs);
    }
    return this;
  }

  open(): this {
    return this.attempts('bad', 'bad', 'bad', 'bad', 'bad');
  }

  get openForMs(): number {
    return this.breaker.untilMs - this.nowMs;
  }
}

describe('closed', () => {
  it('opens after so many failures in a row', () => {
    const on = new Scene().attempts('bad', 'bad', 'bad', 'bad');
    expect([on.breaker.state, on.breaker.failures]).toEqual(['closed', 4]);
    on.attempts('bad');
    expect([on.breaker.state, on.breaker.reason]).toEqual(['open', 'consecutive-failures']);
    expect(on.openForMs).toBe(10_000);
  });

  it.each<[Outcome, string]>([
    ['good', 'closed'],
    ['error', 'closed'],
    ['given-up', 'open'],
    ['none', 'open'],
  ])('a row with one that is %s in it: %s', (outcome, state) => {
    const on = new Scene().attempts('bad', 'bad', 'bad', 'bad', outcome, 'bad');
    expect(on.breaker.state).toBe(state);
  });

  it('counts what fails within a moment as one', () => {
    const on = new Scene();
    const tickets = Array.from({ length: 30 }, () => on.breaker.begin());
    for (const ticket of tickets) on.breaker.end(ticket, 'bad', on.nowMs);
    expect([on.breaker.state, on.breaker.failures]).toEqual(['closed', 1]);
  });

  it('counts a stream of failures, however dense, once each moment', () => {
    const on = new Scene();
    const ticket = on.breaker.begin();
    for (let ms = 0; ms < 200; ms += 1) on.breaker.end(ticket, 'bad', on.nowMs + ms);
    expect([on.breaker.state, on.breaker.failures]).toEqual(['closed', 4]);
    on.breaker.end(ticket, 'bad', on.nowMs + 200);
    expect(on.breaker.state).toBe('open');
  });

  it('never opens for a row when none is asked for', () => {
    const on = new Scene({ consecutiveFailures: 0 }).open().open();
    expect(on.breaker.state).toBe('closed');
  });

  it('begins its row anew when the dials say that the endpoint is gone', () => {
    const on = new Scene().attempts('bad', 'bad', 'bad', 'bad');
    on.breaker.forgive();
    on.attempts('bad');
    expect(on.breaker.state).toBe('closed');
  });
});

describe('open', () => {
  it('is over when its time is', () => {
    const on = new Scene().open();
    expect(on.pass(9_999).breaker.state).toBe('open');
    expect(on.pass(1).breaker.state).toBe('probation');
  });

  it('lasts longer each time in a row, up to the most', () => {
    const on = new Scene().open();
    const times = [on.openForMs];
    for (let i = 0; i < 4; i += 1) {
      on.pass(on.openForMs).attempts('bad');
      expect([on.breaker.state, on.breaker.reason]).toEqual(['open', 'trial-failed']);
      times.push(on.openForMs);
    }
    expect(times).toEqual([10_000, 20_000, 30_000, 35_000, 35_000]);
  });

  it('forgets one opening for each base time that was well', () => {
    const on = new Scene().open();
    on.pass(10_000).attempts('bad');
    on.pass(20_000).attempts('good', 'good', 'good');
    expect(on.breaker.openings).toBe(2);
    on.pass(6_000).open();
    // Well for eleven seconds: one of two is forgotten, and this is the next.
    expect(on.openForMs).toBe(20_000);
    on.pass(20_000).attempts('good', 'good', 'good');
    on.pass(600_000).open();
    expect(on.openForMs).toBe(10_000);
  });

  it('gives or takes a tenth', () => {
    for (const [chance, ms] of [
      [0, 9_000],
      [0.75, 10_500],
      [0.999_999, 11_000],
    ] as const) {
      const breaker = new Breaker(rules, () => chance, 0);
      breaker.open('success-rate', 0);
      expect(breaker.untilMs).toBeCloseTo(ms, 1);
    }
  });

  it('does not hear of attempts from before', () => {
    const on = new Scene();
    const before = on.breaker.begin();
    on.open();
    expect(on.breaker.isOf(before)).toBe(false);
    for (let i = 0; i < 3; i += 1) on.breaker.end(before, 'good', on.nowMs);
    expect(on.breaker.state).toBe('open');
  });

  it('that is not heeded closes by what goes well', () => {
    const on = new Scene().open().attempts('good', 'good', 'bad', 'good', 'good');
    expect(on.breaker.state).toBe('open');
    on.attempts('good');
    expect([on.breaker.state, on.breaker.reason, on.breaker.failures]).toEqual(['closed', null, 0]);
  });
});

describe('probation', () => {
  const probing = () => new Scene().open().pass(10_000);

  it('closes after so many trials in a row', () => {
    const on = probing().attempts('good', 'good');
    expect(on.breaker.state).toBe('probation');
    on.attempts('good');
    expect(on.breaker.state).toBe('closed');
  });

  it.each<Outcome>(['bad', 'error', 'given-up'])('opens again on one that is %s', (outcome) => {
    expect(probing().attempts('good', 'good', outcome).breaker.state).toBe('open');
  });

  it('goes on after one that says nothing', () => {
    expect(probing().attempts('good', 'none', 'good', 'good').breaker.state).toBe('closed');
  });

  it('has one trial at a time, until its answer has begun', () => {
    const on = probing();
    expect(on.breaker.mayTry(true, on.nowMs)).toBe(true);
    const ticket = on.breaker.begin();
    expect(on.breaker.mayTry(true, on.nowMs)).toBe(false);
    on.breaker.release(ticket);
    expect(on.breaker.mayTry(true, on.nowMs)).toBe(true);
  });

  it('is not for what cannot be repeated, unless nothing else comes', () => {
    const on = probing();
    expect(on.breaker.mayTry(false, on.nowMs)).toBe(false);
    expect(on.breaker.mayTry(false, on.nowMs + 9_999)).toBe(false);
    expect(on.breaker.mayTry(false, on.nowMs + 10_000)).toBe(true);
  });

  it('is not what a closed or an open breaker has', () => {
    const on = new Scene();
    expect(on.breaker.mayTry(true, on.nowMs)).toBe(false);
    on.open();
    expect(on.breaker.mayTry(true, on.nowMs)).toBe(false);
  });

  it('is not troubled by trials of an earlier one', () => {
    const on = probing();
    const first = on.breaker.begin();
    const second = on.breaker.begin();
    on.breaker.end(first, 'bad', on.nowMs);
    on.pass(20_000);
    const trial = on.breaker.begin();
    on.breaker.release(second);
    on.breaker.end(second, 'bad', on.nowMs);
    expect([on.breaker.state, on.breaker.mayTry(true, on.nowMs)]).toEqual(['probation', false]);
    on.breaker.release(trial);
    expect(on.breaker.mayTry(true, on.nowMs)).toBe(true);
  });
});

/** Attempts under way, as an upstream has them: nobody goes where nobody may. */
class Attempts {
  readonly breaker: Breaker;
  readonly #out: { ticket: number; isTrial: boolean }[] = [];
  bad = 0;

  constructor(breaker: Breaker) {
    this.breaker = breaker;
  }

  begin(nowMs: number): void {
    const isTrial = this.breaker.state === 'probation';
    if (isTrial && !this.breaker.mayTry(true, nowMs)) return;
    this.#out.push({ ticket: this.breaker.begin(), isTrial });
  }

  end(which: number, outcome: Outcome, nowMs: number): void {
    const [ended] = this.#out.splice(which % Math.max(1, this.#out.length), 1);
    if (ended === undefined) return;
    const { breaker } = this;
    const before = breaker.state;
    const isCounted = breaker.isOf(ended.ticket);
    breaker.release(ended.ticket);
    const hasChanged = breaker.end(ended.ticket, outcome, nowMs);
    expect(hasChanged).toBe(breaker.state !== before);
    if (!isCounted) expect(breaker.state).toBe(before);
    if (outcome === 'bad') this.bad += 1;
  }

  endAllWell(nowMs: number): void {
    while (this.#out.length > 0) this.end(0, 'good', nowMs);
  }

  get trials(): number {
    return this.#out.filter(({ ticket, isTrial }) => isTrial && this.breaker.isOf(ticket)).length;
  }
}

function checkBounds({ breaker, bad, trials }: Attempts, nowMs: number): void {
  // Open for no longer than the most, and a tenth; then on probation as soon as somebody asks.
  if (breaker.state === 'open') {
    expect(breaker.untilMs - breaker.sinceMs).toBeLessThanOrEqual(35_000 * 1.1);
    expect(breaker.untilMs - breaker.sinceMs).toBeGreaterThanOrEqual(9_000);
  }
  expect(breaker.failures).toBeLessThanOrEqual(Math.min(5, bad));
  expect(breaker.openings).toBeLessThanOrEqual(4);
  expect(breaker.openings).toBeLessThanOrEqual(breaker.opened);
  expect(breaker.reason === null).toBe(breaker.state === 'closed');
  expect(trials).toBeLessThanOrEqual(1);
  expect(breaker.mayTry(true, nowMs)).toBe(breaker.state === 'probation' && trials === 0);
}

describe('whatever happens', () => {
  const outcome = fc.constantFrom<Outcome>('good', 'error', 'given-up', 'bad', 'none');
  const step = fc.oneof(
    fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 20_000 }) }),
    fc.record({ kind: fc.constant('begin' as const) }),
    fc.record({ kind: fc.constant('end' as const), which: fc.nat(50), outcome }),
    fc.record({ kind: fc.constant('low rate' as const) }),
  );

  it('keeps its bounds, and closes on what is well', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), fc.integer(), (steps, seed) => {
        const breaker = new Breaker(rules, seeded(seed), 0);
        const attempts = new Attempts(breaker);
        let nowMs = 0;
        for (const one of steps) {
          if (one.kind === 'pass') nowMs += one.ms;
          breaker.tick(nowMs);
          if (one.kind === 'begin') attempts.begin(nowMs);
          else if (one.kind === 'end') attempts.end(one.which, one.outcome, nowMs);
          else if (one.kind === 'low rate' && breaker.state === 'closed')
            breaker.open('success-rate', nowMs);
          checkBounds(attempts, nowMs);
        }
        nowMs += 40_000;
        breaker.tick(nowMs);
        attempts.endAllWell(nowMs);
        for (let i = 0; i < 3; i += 1) {
          attempts.begin(nowMs);
          attempts.endAllWell(nowMs);
        }
        expect(breaker.state).toBe('closed');
      }),
    );
  });
});
