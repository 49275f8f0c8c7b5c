import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seeded } from '../../../src/base/clock.ts';
import { EndpointHealth } from '../../../src/resilience/endpoint-health.ts';
import type { Outcome } from '../../../src/resilience/outcome.ts';
import { type OutlierRules, Outliers } from '../../../src/resilience/outliers.ts';

const rules: OutlierRules = {
  consecutiveFailures: 3,
  statuses: [503],
  successRate: 0.5,
  windowMs: 10_000,
  minRequests: 10,
  baseMs: 10_000,
  maxMs: 60_000,
  trials: 2,
  maxEjected: 0.5,
  panic: 0.5,
};

class Scene {
  nowMs = 0;
  readonly outliers: Outliers;
  readonly endpoints: EndpointHealth[];
  readonly unreachable = new Set<string>();
  readonly told: string[] = [];
  ejections = 0;
  readonly #rules: OutlierRules;

  constructor(count: number, overrides: Partial<OutlierRules> = {}) {
    this.#rules = { ...rules, ...overrides };
    this.outliers = new Outliers(this.#rules, {
      onHealth: ({ name }, { from, to, ejectedFor }) => {
        this.told.push(`${name}: ${from} to ${to}${ejectedFor === null ? '' : ` (${ejectedFor})`}`);
        if (ejectedFor !== null) this.ejections += 1;
      },
      onPanic: (isPanic) => this.told.push(isPanic ? 'panic' : 'no panic'),
    });
    this.endpoints = Array.from({ length: count }, (_, index) => this.make(`e${index + 1}`));
    this.outliers.set(this.endpoints);
  }

  make(name: string): EndpointHealth {
    return new EndpointHealth(name, {
      rules: this.#rules,
      random: () => 0.5,
      nowMs: this.nowMs,
      isUnreachable: () => this.unreachable.has(name),
    });
  }

  of(number: number): EndpointHealth {
    const found = this.endpoints[number - 1];
    if (found === undefined) throw new Error('no such endpoint');
    return found;
  }

  pass(ms: number): this {
    this.nowMs += ms;
    this.outliers.refresh(this.nowMs);
    return this;
  }

  attempt(number: number, outcome: Outcome): boolean {
    const health = this.of(number);
    const ticket = health.breaker.begin();
    this.nowMs += 100;
    health.breaker.release(ticket);
    return this.outliers.end({ health, ticket }, outcome, this.nowMs);
  }

  fail(...numbers: readonly number[]): this {
    for (const number of numbers) {
      for (let i = 0; i < 3; i += 1) this.attempt(number, 'bad');
    }
    return this;
  }

  get states(): string {
    return this.endpoints.map(({ state }) => state).join(' ');
  }
}

describe('an endpoint that fails alone', () => {
  it('is put aside, tried, and used again', () => {
    const on = new Scene(3);
    expect(on.outliers.isCalm).toBe(true);
    on.fail(2);
    expect(on.states).toBe('healthy ejected healthy');
    expect(on.of(2).takes(true, on.nowMs)).toBe(false);
    on.pass(10_000);
    expect(on.states).toBe('healthy probation healthy');
    expect(on.of(2).takes(true, on.nowMs)).toBe(true);
    expect(on.attempt(2, 'good')).toBe(false);
    expect(on.attempt(2, 'good')).toBe(true);
    expect([on.states, on.outliers.isCalm]).toEqual(['healthy healthy healthy', true]);
    expect(on.told).toEqual([
      'e2: healthy to ejected (consecutive-failures)',
      'e2: ejected to probation',
      'e2: probation to healthy',
    ]);
  });

  it('is put aside for longer after a trial that failed, and counted again', () => {
    const on = new Scene(2).fail(1).pass(10_000);
    on.attempt(1, 'bad');
    expect(on.told.at(-1)).toBe('e1: probation to ejected (trial-failed)');
    expect(on.pass(19_999).states).toBe('ejected healthy');
    expect(on.pass(1).states).toBe('probation healthy');
    expect(on.ejections).toBe(2);
  });
});

describe('a success rate', () => {
  /** Attempts in turn, so that no row of failures opens anything. */
  const mixed = (on: Scene, number: number, failures: number, of: number) => {
    for (let i = 0; i < of; i += 1) on.attempt(number, i < failures ? 'error' : 'good');
  };

  it('far below the others’ puts an endpoint aside', () => {
    const on = new Scene(3, { windowMs: 60_000 });
    mixed(on, 1, 0, 10);
    mixed(on, 2, 1, 10);
    for (let i = 0; i < 9; i += 1) on.attempt(3, 'error');
    expect(on.states).toBe('healthy healthy healthy');
    on.attempt(3, 'error');
    expect(on.states).toBe('healthy healthy ejected');
    expect(on.told).toEqual(['e3: healthy to ejected (success-rate)']);
  });

  it('low everywhere puts none aside: it is what was asked', () => {
    const on = new Scene(3, { windowMs: 60_000 });
    for (let i = 0; i < 30; i += 1) for (const number of [1, 2, 3]) on.attempt(number, 'error');
    expect(on.states).toBe('healthy healthy healthy');
    expect(on.told).toEqual([]);
  });

  it('needs attempts at the others to be low beside them', () => {
    const on = new Scene(2, { windowMs: 60_000 });
    mixed(on, 2, 0, 9);
    mixed(on, 1, 20, 20);
    expect(on.states).toBe('healthy healthy');
    on.attempt(2, 'good');
    on.attempt(1, 'error');
    expect(on.states).toBe('ejected healthy');
  });

  it('of half is not less than half', () => {
    const on = new Scene(2, { windowMs: 60_000 });
    mixed(on, 2, 0, 20);
    for (let i = 0; i < 20; i += 1) on.attempt(1, i % 2 === 0 ? 'good' : 'error');
    expect(on.states).toBe('healthy healthy');
    on.attempt(1, 'given-up');
    expect(on.states).toBe('ejected healthy');
  });

  it('a little lower than the others’ may be chance', () => {
    const on = new Scene(3, { windowMs: 600_000, minRequests: 20 });
    for (const number of [2, 3]) mixed(on, number, 3, 12);
    // 11 of 20 failed here, 6 of 24 there: that is two standard errors apart.
    for (let i = 0; i < 20; i += 1) on.attempt(1, i < 9 ? 'good' : 'error');
    expect(on.states).toBe('healthy healthy healthy');
    for (let i = 0; i < 12; i += 1) on.attempt(1, 'error');
    expect(on.states).toBe('ejected healthy healthy');
  });

  it('that falls for all at once puts none aside, however unlike their shares of the load', () => {
    const on = new Scene(3, { windowMs: 60_000 });
    // One gets ten times what another does.
    const round = (outcome: Outcome) => {
      for (let i = 0; i < 11; i += 1) on.attempt(i === 0 ? 1 : 2 + (i % 2), outcome);
    };
    for (let i = 0; i < 20; i += 1) round('good');
    for (let i = 0; i < 100; i += 1) round('error');
    expect(on.told).toEqual([]);
  });

  it('is not compared when 0 is asked for', () => {
    const on = new Scene(2, { windowMs: 60_000, successRate: 0 });
    mixed(on, 2, 0, 20);
    mixed(on, 1, 40, 40);
    expect(on.states).toBe('healthy healthy');
  });
});

describe('how many are put aside', () => {
  it.each([
    [1, 0],
    [2, 1],
    [3, 1],
    [4, 2],
    [5, 2],
    [10, 5],
  ])('of %i: %i at most', (count, most) => expect(new Scene(count).outliers.most).toBe(most));

  it.each([
    [1, 4, 3],
    [0.3, 10, 3],
    [0, 4, 0],
    [0.29, 100, 29],
  ])('with a share of %d, of %i: %i', (maxEjected, count, most) => {
    expect(new Scene(count, { maxEjected }).outliers.most).toBe(most);
  });

  it('one alone is failing, and used', () => {
    const on = new Scene(1).fail(1);
    expect([on.states, on.of(1).takes(false, on.nowMs)]).toEqual(['failing', true]);
    expect(on.told).toEqual(['e1: healthy to failing']);
    on.attempt(1, 'good');
    on.attempt(1, 'good');
    expect(on.states).toBe('healthy');
    expect(on.ejections).toBe(0);
  });

  it('with no panic asked for: the first that failed, and another when one is back', () => {
    const on = new Scene(3, { panic: 0 }).fail(3, 1);
    expect(on.states).toBe('failing healthy ejected');
    on.pass(9_700).attempt(3, 'good');
    on.attempt(3, 'good');
    expect(on.told.slice(-2)).toEqual([
      'e1: failing to ejected (consecutive-failures)',
      'e3: probation to healthy',
    ]);
    expect(on.states).toBe('ejected healthy healthy');
  });
});

describe('panic', () => {
  it('uses all when fewer than half are well, and ends when enough are', () => {
    const on = new Scene(4).fail(1, 2);
    expect(on.states).toBe('ejected ejected healthy healthy');
    on.fail(3);
    expect([on.states, on.outliers.isPanic]).toEqual(['failing failing failing healthy', true]);
    // Every endpoint is used, so that one that is well is seen at once; what still fails is put aside.
    for (let i = 0; i < 2; i += 1) on.attempt(1, 'good');
    expect([on.states, on.outliers.isPanic]).toEqual(['healthy ejected ejected healthy', false]);
    expect(on.told.filter((line) => line.includes('panic'))).toEqual(['panic', 'no panic']);
    // Of the three openings each was counted, the third when it was put aside for it, and none twice.
    expect(on.ejections).toBe(3);
  });

  it('comes when the others cannot be reached, and goes when they can', () => {
    const on = new Scene(2).fail(1);
    expect(on.states).toBe('ejected healthy');
    on.unreachable.add('e2');
    expect(on.pass(1).states).toBe('failing healthy');
    on.unreachable.clear();
    expect(on.pass(1).states).toBe('ejected healthy');
    // It was put aside once.
    expect(on.ejections).toBe(1);
  });

  it('is not for those that cannot be reached alone: they are the dials’ affair', () => {
    const on = new Scene(2);
    on.unreachable.add('e1').add('e2');
    expect([on.pass(1).outliers.isPanic, on.told]).toEqual([false, []]);
  });

  it('comes when none is well, even where none is asked for', () => {
    const on = new Scene(2, { panic: 0 }).fail(1);
    on.unreachable.add('e2');
    expect([on.pass(1).states, on.outliers.isPanic]).toEqual(['failing healthy', true]);
  });
});

describe('endpoints that come and go', () => {
  it('those that stay keep their state, and those that come are well', () => {
    const on = new Scene(3).fail(2);
    on.outliers.set([on.of(1), on.of(2), on.make('e4')]);
    expect(on.of(2).state).toBe('ejected');
  });

  it('one put aside is used when there are too few beside it', () => {
    const on = new Scene(2).fail(1);
    expect(on.outliers.set([on.of(1)])).toBe(true);
    expect([on.of(1).state, on.of(1).takes(false, on.nowMs)]).toEqual(['failing', true]);
  });

  it('trouble that has gone away is no trouble', () => {
    const on = new Scene(2).fail(1);
    on.outliers.set([on.of(2)]);
    expect(on.outliers.isCalm).toBe(true);
  });
});

/** One attempt at an endpoint, if it may be used: as an upstream does. */
function tryOne(on: Scene, health: EndpointHealth, attempt: { outcome: Outcome; isSafe: boolean }) {
  if (!health.takes(attempt.isSafe, on.nowMs)) return;
  const ticket = health.breaker.begin();
  on.nowMs += 60;
  health.breaker.release(ticket);
  on.outliers.end({ health, ticket }, attempt.outcome, on.nowMs);
}

function checkBounds(
  { outliers }: Scene,
  members: readonly EndpointHealth[],
  { maxEjected, panic }: { maxEjected: number; panic: number },
): void {
  const aside = members.filter(({ isAside }) => isAside);
  expect(aside.length).toBeLessThanOrEqual(Math.floor(members.length * maxEjected + 1e-9));
  expect(aside.length).toBeLessThan(members.length);
  for (const { breaker } of aside) expect(breaker.state).not.toBe('closed');
  const well = members.filter(({ isWell }) => isWell);
  const isTroubled = members.some(({ breaker }) => breaker.state !== 'closed');
  const isFew = well.length === 0 || well.length < members.length * panic;
  expect(outliers.isPanic).toBe(members.length > 1 && isTroubled && isFew);
  if (outliers.isPanic) expect(aside).toEqual([]);
  expect(outliers.isCalm).toBe(!isTroubled);
  for (const one of members) expect(one.told).toBe(one.state);
}

/** All can be reached and answer well, for as long as it takes. */
function recover(on: Scene, members: readonly EndpointHealth[]): void {
  on.unreachable.clear();
  for (let round = 0; round < 3; round += 1) {
    on.pass(70_000);
    for (const health of [...members, ...members])
      tryOne(on, health, { outcome: 'good', isSafe: true });
  }
}

describe('whatever happens', () => {
  const outcome = fc.constantFrom<Outcome>(
    'good',
    'good',
    'error',
    'bad',
    'bad',
    'given-up',
    'none',
  );
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.tuple(fc.constant('attempt' as const), fc.nat(9), outcome) },
    { weight: 2, arbitrary: fc.tuple(fc.constant('pass' as const), fc.nat(15_000), outcome) },
    { weight: 1, arbitrary: fc.tuple(fc.constant('reach' as const), fc.nat(9), outcome) },
    { weight: 1, arbitrary: fc.tuple(fc.constant('set' as const), fc.nat(9), outcome) },
  );
  const share = fc.constantFrom(0, 0.3, 0.5, 0.75, 1);
  const shares = fc.record({ maxEjected: share, panic: share });

  it('never more than the share are aside, one always stays, and all that is well is used again', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10 }),
        shares,
        fc.array(step, { maxLength: 300 }),
        fc.integer(),
        (count, bounds, steps, seed) => {
          const on = new Scene(count, bounds);
          const random = seeded(seed);
          let members = on.endpoints;
          for (const [kind, number, result] of steps) {
            const health = members[number % members.length] as EndpointHealth;
            if (kind === 'attempt') tryOne(on, health, { outcome: result, isSafe: random() < 0.5 });
            else if (kind === 'set') {
              members = on.endpoints.filter((_, index) => index === 0 || random() < 0.7);
              on.outliers.set(members);
            } else if (kind === 'reach' && !on.unreachable.delete(health.name)) {
              on.unreachable.add(health.name);
            }
            on.pass(kind === 'pass' ? number : 0);
            checkBounds(on, members, bounds);
          }
          recover(on, members);
          expect(members.map(({ state }) => state)).toEqual(members.map(() => 'healthy'));
        },
      ),
    );
  });
});
