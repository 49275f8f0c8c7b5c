import { describe, expect, it } from 'vitest';
import { fault } from '../../../src/base/fault.ts';
import { request, scene, snapshot } from './scene.ts';

const answered = (durationMs: number) => ({ status: 200, durationMs, isReused: true });

function withApi() {
  const { telemetry, clock } = scene();
  const { exchange, remove } = telemetry.upstream('api', () => snapshot('api'));
  const rows = () => telemetry.historyOf('api');
  return { telemetry, clock, exchange, remove, rows };
}

describe('the history of an upstream', () => {
  it('has a row for each ten seconds in which something happened, and wakes nobody in the others', () => {
    const { clock, exchange, rows } = withApi();
    expect(clock.sleeping).toBe(0);
    exchange.onBegan();
    expect(clock.sleeping).toBe(0);
    for (const durationMs of [2, 4, 6]) exchange.onEnded(answered(durationMs));
    expect(clock.sleeping).toBe(1);
    clock.pass(10_000);
    expect(rows()).toEqual([
      { fromMs: 1000, toMs: 11_000, requests: 3, faults: 0, retries: 0, meanMs: 4, p99Ms: 9.85 },
    ]);
    // Whether more comes is seen once; nothing came, and nothing is left to wake anybody.
    clock.pass(10_000);
    expect(clock.sleeping).toBe(0);
    clock.pass(60_000);
    exchange.onEnded(answered(1));
    clock.pass(10_000);
    expect(rows().map(({ fromMs, requests }) => [fromMs, requests])).toEqual([
      [1000, 3],
      [81_000, 1],
    ]);
  });

  it('has a row for faults without an exchange that ended, and tells what came since the last row', () => {
    const { telemetry, clock, exchange, rows } = withApi();
    expect(telemetry.openRowOf('api')).toBeNull();
    exchange.onFault(fault('upgrade-required', 'client', 'An upgrade only.'), {
      status: 426,
      request: request('GET', '/'),
      attempts: 0,
      durationMs: 0,
      endpoint: null,
    });
    clock.pass(4000);
    expect(telemetry.openRowOf('api')).toMatchObject({
      toMs: 5000,
      requests: 0,
      faults: 1,
      meanMs: null,
    });
    expect(rows()).toEqual([]);
    clock.pass(6000);
    expect(rows()).toHaveLength(1);
  });

  it('forgets what is ten minutes old, and an upstream that was removed', () => {
    const { telemetry, clock, exchange, remove, rows } = withApi();
    for (let i = 0; i < 100; i += 1) {
      exchange.onEnded(answered(1));
      clock.pass(10_000);
    }
    expect(rows().length).toBeGreaterThanOrEqual(59);
    expect(rows().length).toBeLessThanOrEqual(60);
    clock.pass(595_000);
    expect(rows()).toHaveLength(1);
    remove();
    expect(telemetry.historyOf('api')).toEqual([]);
  });

  it('tells what 99 of 100 took by the bounds of the histogram', () => {
    const { telemetry, exchange } = withApi();
    for (let i = 0; i < 900; i += 1) exchange.onEnded(answered(0.4));
    for (let i = 0; i < 100; i += 1) exchange.onEnded(answered(700));
    // 90 of the 100 slow ones lie below it, between 500 and 1000 ms.
    expect(telemetry.openRowOf('api')?.p99Ms).toBe(950);
    exchange.onEnded(answered(1e7));
    for (let i = 0; i < 200; i += 1) exchange.onEnded(answered(1e7));
    expect(telemetry.openRowOf('api')?.p99Ms).toBe(60_000);
  });
});

describe('failures, kind by kind', () => {
  it('are counted with the first and the last time, and forgotten with their upstream', () => {
    const { telemetry, clock, exchange, remove } = withApi();
    const context = { status: 502, attempts: 1, durationMs: 1, endpoint: null };
    const fail = (cause: string) =>
      exchange.onFault(fault('connect-refused', 'upstream', cause), {
        ...context,
        request: request('GET', '/'),
      });
    fail('Nothing listens on 192.0.2.1:80.');
    clock.pass(5000);
    fail('Nothing listens on 192.0.2.2:80.');
    clock.pass(1000);
    telemetry.client.onFault(fault('bad-request', 'client', 'Two Host fields.'), 400);
    expect(telemetry.faultSummaries()).toMatchObject([
      { upstream: '', kind: 'bad-request', count: 1 },
      {
        upstream: 'api',
        kind: 'connect-refused',
        count: 2,
        cause: 'Nothing listens on 192.0.2.2:80.',
        firstTime: '2023-11-14T22:13:20.000Z',
        time: '2023-11-14T22:13:25.000Z',
      },
    ]);
    remove();
    expect(telemetry.faultSummaries()).toHaveLength(1);
  });

  it('retries by reason, with when the last was', () => {
    const { telemetry, clock, exchange } = withApi();
    expect(telemetry.totalsOf('api')?.retriesBy).toEqual([]);
    exchange.onRetry('status', 'budget-spent');
    clock.pass(3000);
    exchange.onRetry('reused-connection-ended', 'succeeded');
    expect(telemetry.totalsOf('api')?.retriesBy).toEqual([
      {
        reason: 'reused-connection-ended',
        succeeded: 1,
        failed: 0,
        budgetSpent: 0,
        lastTime: '2023-11-14T22:13:23.000Z',
      },
      {
        reason: 'status',
        succeeded: 0,
        failed: 0,
        budgetSpent: 1,
        lastTime: '2023-11-14T22:13:20.000Z',
      },
    ]);
  });
});
