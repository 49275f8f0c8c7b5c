import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { seeded } from '../../../src/base/clock.ts';
import { TimerWheel } from '../../../src/base/timer-wheel.ts';
import { type Leasable, Lease } from '../../../src/upstream/carrier.ts';
import { EndpointPool } from '../../../src/upstream/endpoint-pool.ts';
import { OutcomeWatch } from '../../../src/upstream/outcome-watch.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { plainPool, Scene } from './scene.ts';

const rules = {
  consecutiveFailures: 5,
  statuses: [502, 503, 504],
  successRate: 0.5,
  windowMs: 10_000,
  minRequests: 20,
  baseMs: 10_000,
  maxMs: 300_000,
  trials: 3,
  maxEjected: 0.5,
  panic: 0.5,
};

it('allocates nothing for an attempt that went well, nor for one that did not: the collector runs next to never', async () => {
  const clock = new FakeClock();
  const { options } = new Scene().upstream;
  const watch = new OutcomeWatch({
    options: { ...options, outliers: rules, breaker: rules },
    random: seeded(1),
    wheel: new TimerWheel(clock),
    observer: {
      onOpened: () => undefined,
      onDialFailed: () => undefined,
      onClosed: () => undefined,
      onLeased: () => undefined,
      onWaitEnded: () => undefined,
      onBytes: () => undefined,
      onRepairedResponse: () => undefined,
      onHealth: () => undefined,
      onPanic: () => undefined,
      onBreaker: () => undefined,
      onShed: () => undefined,
    },
  });
  const pools = [1, 2, 3].map((nth) => {
    const ip = `10.0.0.${nth}`;
    return new EndpointPool({ address: `${ip}:80`, ip, port: 80 }, plainPool);
  });
  watch.adopt(pools);
  const lease = new Lease({ requests: 1 } as Leasable, {
    giveBack: () => undefined,
    discard: () => undefined,
    onTrialAnswered: () => undefined,
    onSwitched: () => undefined,
    onOutcome: () => undefined,
  });
  const many = (rounds: number) => {
    for (let i = 0; i < rounds; i += 1) {
      watch.begin(lease, pools[i % 3] as EndpointPool);
      lease.status = i % 10 === 0 ? 500 : 200;
      watch.end(lease, 'good');
    }
  };
  many(50_000);
  await turn();
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  });
  observer.observe({ entryTypes: ['gc'] });
  many(5_000_000);
  await turn();
  await turn();
  observer.disconnect();
  // Sixteen octets for each would be 80 MB, and a collection for every few of them.
  expect(collections).toBeLessThanOrEqual(2);
  expect([watch.isCalm, watch.isPanic]).toEqual([true, false]);
});
