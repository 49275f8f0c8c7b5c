import { describe, expect, it } from 'vitest';
import { seeded, systemClock } from '../../../src/base/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';

describe('seeded', () => {
  it('gives the same numbers for the same seed, and others for another', () => {
    const ten = (seed: number) => {
      const random = seeded(seed);
      return Array.from({ length: 10 }, random);
    };
    expect(ten(7)).toEqual(ten(7));
    expect(ten(7)).not.toEqual(ten(8));
  });

  it('gives numbers from 0 up to and without 1, spread evenly', () => {
    const random = seeded(1);
    const tenths = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i += 1) {
      const number = random();
      expect(number).toBeGreaterThanOrEqual(0);
      expect(number).toBeLessThan(1);
      tenths[Math.floor(number * 10)]! += 1;
    }
    expect(Math.min(...tenths)).toBeGreaterThan(850);
  });
});

describe('systemClock', () => {
  it('wakes after the delay, and not when cancelled', async () => {
    const woken: string[] = [];
    const cancel = systemClock.sleep(1, () => woken.push('cancelled'));
    cancel();
    const before = systemClock.now();
    await new Promise<void>((resolve) => {
      // An unreferenced timer does not keep the process alive: this one does.
      const alive = setInterval(() => undefined, 1_000);
      systemClock.sleep(15, () => {
        clearInterval(alive);
        resolve();
      });
    });
    expect(systemClock.now() - before).toBeGreaterThanOrEqual(14);
    expect(woken).toEqual([]);
  });

  it('tells wall time in seconds', () => {
    expect(Math.abs(systemClock.wallSeconds() - Date.now() / 1000)).toBeLessThan(1);
  });
});

describe('FakeClock', () => {
  it('wakes in order of time, also what is begun on the way', () => {
    const clock = new FakeClock({ startMs: 0 });
    const woken: [string, number][] = [];
    clock.sleep(30, () => woken.push(['third', clock.now()]));
    clock.sleep(10, () => {
      woken.push(['first', clock.now()]);
      clock.sleep(5, () => woken.push(['second', clock.now()]));
    });
    clock.sleep(50, () => woken.push(['not yet', clock.now()]));
    clock.advance(40);
    expect(woken).toEqual([
      ['first', 10],
      ['second', 15],
      ['third', 30],
    ]);
    expect([clock.now(), clock.pendingSleeps, clock.nextWakeMs, clock.wakeups]).toEqual([
      40, 1, 50, 3,
    ]);
  });

  it('lets a turn pass before time does, one at a time', () => {
    const clock = new FakeClock();
    const run: string[] = [];
    clock.afterTurn(() => {
      run.push('first');
      clock.afterTurn(() => run.push('second'));
    });
    clock.advance(0);
    expect(run).toEqual([]);
    clock.runTurn();
    expect([run, clock.pendingTurns]).toEqual([['first'], 1]);
    clock.advance(1);
    expect(run).toEqual(['first', 'second']);
  });

  it('moves the wall clock too', () => {
    const clock = new FakeClock({ wallSeconds: 100 });
    clock.advance(2_500);
    expect(clock.wallSeconds()).toBe(102.5);
  });
});
