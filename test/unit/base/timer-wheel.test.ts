import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Deadline, TimerWheel } from '../../../src/base/timer-wheel.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const slotMs = 8;
/** Slots of the ring times their length: a deadline further away stays for another round. */
const ringMs = 4096 * slotMs;

function scene({ startMs = 1_003 } = {}) {
  const clock = new FakeClock({ startMs });
  const wheel = new TimerWheel(clock, { slotMs });
  const firedAt: number[] = [];
  const deadline = new Deadline(() => firedAt.push(clock.now()));
  return { clock, wheel, firedAt, deadline };
}

describe('a deadline', () => {
  it.each([0, 1, 7, 8, 9, 100, 5_000, ringMs - 1, ringMs, ringMs + 1, 3 * ringMs + 5, 3_600_000])(
    'fires once, never early and late by less than a slot: %i ms',
    (delayMs) => {
      for (let offset = 0; offset < slotMs; offset += 1) {
        const { clock, wheel, firedAt, deadline } = scene({ startMs: 1_000 + offset });
        const dueMs = clock.now() + delayMs;
        wheel.set(deadline, delayMs);
        clock.advance(delayMs + 2 * slotMs);
        expect(clock.wakeups).toBe(1);
        clock.advance(2 * ringMs);
        expect(firedAt).toHaveLength(1);
        expect(firedAt[0]).toBeGreaterThanOrEqual(dueMs);
        expect(firedAt[0]).toBeLessThanOrEqual(dueMs + slotMs);
      }
    },
  );

  it('is not early on a clock that tells fractions, and late by a millisecond more at most', () => {
    for (let offset = 0; offset < slotMs; offset += 0.37) {
      const { clock, wheel, firedAt, deadline } = scene({ startMs: 1_000 + offset });
      const dueMs = clock.now() + 41.3;
      wheel.set(deadline, 41.3);
      clock.advance(100);
      expect(firedAt[0]).toBeGreaterThanOrEqual(dueMs);
      expect(firedAt[0]).toBeLessThanOrEqual(dueMs + slotMs + 1);
      expect(clock.wakeups).toBe(1);
    }
  });

  it('is set until it fires', () => {
    const { clock, wheel, deadline } = scene();
    expect(deadline.isSet).toBe(false);
    wheel.set(deadline, 20);
    expect([deadline.isSet, wheel.size]).toEqual([true, 1]);
    clock.advance(30);
    expect([deadline.isSet, wheel.size]).toEqual([false, 0]);
  });

  it('is no longer set while it fires, and may set itself again', () => {
    const { clock, wheel } = scene();
    const seen: boolean[] = [];
    const deadline = new Deadline(() => {
      seen.push(deadline.isSet);
      if (seen.length < 3) wheel.set(deadline, 10);
    });
    wheel.set(deadline, 10);
    clock.advance(100);
    expect(seen).toEqual([false, false, false]);
    expect(clock.pendingSleeps).toBe(0);
  });

  it('set to now from its own callback fires on the next slot, not for ever', () => {
    const { clock, wheel } = scene();
    let fired = 0;
    const deadline = new Deadline(() => {
      fired += 1;
      wheel.set(deadline, 0);
    });
    wheel.set(deadline, 0);
    clock.advance(80);
    expect(fired).toBeGreaterThan(5);
    expect(fired).toBeLessThanOrEqual(11);
  });

  it('set later fires at the later time alone', () => {
    const { clock, wheel, firedAt, deadline } = scene({ startMs: 1_000 });
    wheel.set(deadline, 80);
    wheel.set(deadline, 800);
    clock.advance(799);
    expect(firedAt).toEqual([]);
    clock.advance(10);
    expect(firedAt).toEqual([1_800]);
  });

  it('set later by whole rounds of the ring fires at the later time', () => {
    const { clock, wheel, firedAt, deadline } = scene({ startMs: 1_000 });
    wheel.set(deadline, 80);
    wheel.set(deadline, 80 + 2 * ringMs);
    clock.advance(80 + 2 * ringMs - 1);
    expect(firedAt).toEqual([]);
    clock.advance(1);
    expect(firedAt).toHaveLength(1);
  });

  it('set earlier fires at the earlier time alone', () => {
    const { clock, wheel, firedAt, deadline } = scene({ startMs: 1_000 });
    wheel.set(deadline, 800);
    wheel.set(deadline, 80);
    clock.advance(2_000);
    expect(firedAt).toEqual([1_080]);
  });

  it('cleared does not fire, and may be set again', () => {
    const { clock, wheel, firedAt, deadline } = scene({ startMs: 1_000 });
    wheel.set(deadline, 80);
    wheel.clear(deadline);
    wheel.clear(deadline);
    clock.advance(200);
    expect(firedAt).toEqual([]);
    wheel.set(deadline, 80);
    clock.advance(200);
    expect(firedAt).toHaveLength(1);
  });

  it('cleared by another that fires in the same slot does not fire', () => {
    const { clock, wheel } = scene();
    const fired: string[] = [];
    const pair: Deadline[] = [];
    for (const [index, name] of ['a', 'b'].entries()) {
      pair.push(
        new Deadline(() => {
          fired.push(name);
          wheel.clear(pair[1 - index] as Deadline);
        }),
      );
    }
    for (const each of pair) wheel.set(each, 10);
    clock.advance(100);
    expect(fired).toHaveLength(1);
    expect(wheel.size).toBe(0);
  });

  it('set later by another that fires in the same slot fires later', () => {
    const { clock, wheel } = scene({ startMs: 1_000 });
    const firedAt: number[] = [];
    const pair: Deadline[] = [];
    for (const index of [0, 1]) {
      pair.push(
        new Deadline(() => {
          firedAt.push(clock.now());
          if (firedAt.length === 1) wheel.set(pair[1 - index] as Deadline, 400);
        }),
      );
    }
    for (const each of pair) wheel.set(each, 16);
    clock.advance(1_000);
    expect(firedAt).toEqual([1_016, 1_416]);
  });

  it('fires on a clock that begins at zero', () => {
    const { clock, wheel, firedAt, deadline } = scene({ startMs: 0 });
    wheel.set(deadline, 0);
    expect(deadline.isSet).toBe(true);
    clock.advance(8);
    expect(firedAt).toHaveLength(1);
  });

  it('set to Infinity never falls due', () => {
    const { clock, wheel, firedAt, deadline } = scene();
    wheel.set(deadline, 10);
    wheel.set(deadline, Number.POSITIVE_INFINITY);
    clock.advance(10 * ringMs);
    expect([deadline.isSet, firedAt.length, wheel.size]).toEqual([false, 0, 0]);
  });
});

describe('the wheel', () => {
  it('never wakes while it is empty', () => {
    const { clock, wheel } = scene();
    clock.advance(1_000_000);
    expect([clock.wakeups, clock.pendingSleeps, wheel.size]).toEqual([0, 0, 0]);
  });

  it('wakes once for a deadline that is cleared, then no more', () => {
    const { clock, wheel, deadline } = scene();
    wheel.set(deadline, 100);
    wheel.clear(deadline);
    clock.advance(1_000_000);
    expect(clock.wakeups).toBeLessThanOrEqual(1);
    expect(clock.pendingSleeps).toBe(0);
  });

  it('does not wake for each time that a deadline is moved later', () => {
    const { clock, wheel, deadline } = scene();
    for (let request = 0; request < 1_000; request += 1) {
      wheel.set(deadline, 5_000);
      clock.advance(10);
    }
    expect(clock.wakeups).toBeLessThanOrEqual(3);
  });

  it('catches up after the loop was blocked for longer than a round', () => {
    const { clock, wheel } = scene();
    const fired: number[] = [];
    for (const delayMs of [10, 1_000, ringMs - 8, ringMs + 500, 2 * ringMs])
      wheel.set(new Deadline(() => fired.push(delayMs)), delayMs);
    clock.block(ringMs + 5_000);
    clock.advance(1);
    expect(fired.sort((a, b) => a - b)).toEqual([10, 1_000, ringMs - 8, ringMs + 500]);
    clock.advance(ringMs);
    expect(fired).toHaveLength(5);
  });

  it('loses no deadline when the owner of another throws', () => {
    const { clock, wheel } = scene();
    const fired: string[] = [];
    wheel.set(new Deadline(() => fired.push('before')), 10);
    wheel.set(
      new Deadline(() => {
        throw new Error('a defect');
      }),
      10,
    );
    wheel.set(new Deadline(() => fired.push('beside')), 10);
    wheel.set(new Deadline(() => fired.push('after')), 500);
    expect(() => clock.advance(100)).toThrow('a defect');
    clock.advance(1_000);
    expect(fired.sort()).toEqual(['after', 'before', 'beside']);
    expect([wheel.size, clock.pendingSleeps]).toEqual([0, 0]);
  });

  it('fires nothing once it was stopped, not even what is due in the same slot', () => {
    const { clock, wheel } = scene();
    let fired = 0;
    const stopper = () => {
      fired += 1;
      wheel.stop();
    };
    wheel.set(new Deadline(stopper), 10);
    wheel.set(new Deadline(stopper), 10);
    wheel.set(new Deadline(stopper), 50);
    clock.advance(1_000);
    expect(fired).toBe(1);
    wheel.set(new Deadline(stopper), 10);
    clock.advance(1_000);
    expect([fired, clock.pendingSleeps]).toEqual([1, 0]);
  });

  it('asks for no sleep longer than a timer can be', () => {
    const { clock, wheel, firedAt, deadline } = scene();
    const days = 24 * 3_600_000;
    const asked: number[] = [];
    const sleep = clock.sleep.bind(clock);
    clock.sleep = (delayMs, wake) => {
      asked.push(delayMs);
      return sleep(delayMs, wake);
    };
    wheel.set(deadline, 30 * days);
    expect(asked).toEqual([2_147_483_647]);
    clock.advance(26 * days);
    expect(firedAt).toEqual([]);
    wheel.stop();
  });
});

/** What the wheel has to do, as simply as it can be said. */
class NaiveTimers {
  readonly dueMs = new Map<number, number>();
}

interface Operation {
  readonly what: 'set' | 'clear' | 'advance' | 'block';
  readonly which: number;
  readonly ms: number;
}

const delay = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  fc.integer({ min: 0, max: 5_000 }),
  fc.integer({ min: ringMs - 20, max: ringMs + 20 }),
  fc.integer({ min: 0, max: 3 * ringMs }),
);
const operation: fc.Arbitrary<Operation> = fc.record({
  what: fc.constantFrom('set', 'set', 'set', 'clear', 'advance', 'advance', 'block'),
  which: fc.nat(7),
  ms: delay,
});
/** What a deadline's callback does to another one: the reply by the number of the one that fires. */
const reply = fc.option(operation, { nil: undefined });

describe('against a naive model', () => {
  it('does the same in any sequence of operations', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(
        fc.array(operation, { minLength: 1, maxLength: 120 }),
        fc.array(reply, { minLength: 8, maxLength: 8 }),
        fc.integer({ min: 0, max: 100_000 }),
        (operations, replies, startMs) => {
          const clock = new FakeClock({ startMs });
          const wheel = new TimerWheel(clock, { slotMs });
          const model = new NaiveTimers();
          /** Until when the loop was blocked: what fell due before it may fire as late as this. */
          let blockedUntilMs = 0;
          const apply = ({ what, which, ms }: Operation): void => {
            const deadline = deadlines[which] as Deadline;
            if (what === 'set') {
              wheel.set(deadline, ms);
              model.dueMs.set(which, clock.now() + ms);
            } else if (what === 'clear') {
              wheel.clear(deadline);
              model.dueMs.delete(which);
            }
          };
          const deadlines = Array.from({ length: 8 }, (_, which) => {
            let replied = 0;
            return new Deadline(() => {
              const dueMs = model.dueMs.get(which);
              expect(dueMs, 'fired though it was not set').toBeDefined();
              expect(clock.now(), 'early').toBeGreaterThanOrEqual(dueMs as number);
              const latest = Math.max(dueMs as number, blockedUntilMs) + slotMs;
              expect(clock.now(), 'late').toBeLessThanOrEqual(latest);
              model.dueMs.delete(which);
              replied += 1;
              const answer = replies[which];
              if (answer !== undefined && replied < 5) apply(answer);
            });
          });
          for (const each of operations) {
            if (each.what === 'advance') clock.advance(each.ms);
            else if (each.what === 'block') {
              clock.block(each.ms);
              blockedUntilMs = clock.now();
              clock.advance(0);
            } else apply(each);
            expect(clock.pendingSleeps).toBeLessThanOrEqual(1);
            expect(wheel.size).toBe(model.dueMs.size);
            expect(deadlines.map(({ isSet }) => isSet)).toEqual(
              deadlines.map((_, which) => model.dueMs.has(which)),
            );
            for (const dueMs of model.dueMs.values())
              expect(dueMs + slotMs, 'overdue').toBeGreaterThan(clock.now());
          }
          // Eight that answer each other up to five times, each up to three rounds later, and a slot late each.
          clock.advance(8 * 5 * (3 * ringMs + slotMs));
          expect(model.dueMs.size).toBe(0);
          expect([wheel.size, clock.pendingSleeps]).toEqual([0, 0]);
        },
      ),
      { numRuns: 400 },
    );
  });
});
