import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { loopMeter } from '../../../src/telemetry/loop-meter.ts';

describe('the meter of loop and collector', () => {
  it('tells how long turns took, and not how long nothing was to do', async () => {
    const meter = loopMeter();
    await pause(20);
    meter.turns();
    await pause(5);
    const until = performance.now() + 60;
    while (performance.now() < until);
    await pause(1);
    const { mean, p99, max } = meter.turns();
    expect(max).toBeGreaterThan(0.055);
    expect(p99).toBeLessThanOrEqual(max * 1.01);
    expect(mean).toBeLessThanOrEqual(max);
  });

  it('counts collections and their time', async () => {
    const { gc } = loopMeter();
    const runs = () => Object.values(gc).reduce((sum, one) => sum + one.runs, 0);
    const before = runs();
    let kept: unknown[] = [];
    while (runs() === before) {
      for (let i = 0; i < 100_000; i += 1) kept.push({ i });
      kept = [];
      await pause(1);
    }
    expect(gc.minor.runs + gc.major.runs + gc.incremental.runs).toBeGreaterThan(0);
    const seconds = Object.values(gc).reduce((sum, one) => sum + one.seconds, 0);
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThan(performance.now() / 1000);
  });

  it('is one for the process', () => {
    expect(loopMeter()).toBe(loopMeter());
  });
});
