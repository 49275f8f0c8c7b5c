import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { scene, snapshot } from './scene.ts';

describe('an event on the way of a request', () => {
  it('allocates nothing: millions of them make the collector run next to never', async () => {
    const { telemetry } = scene();
    const { upstream, exchange } = telemetry.upstream('api', () => snapshot('api'));
    const { client } = telemetry;
    const ended = { status: 200, durationMs: 3.7, isReused: true };
    const leased = { isReused: true, isPipelined: true, waitedMs: 0.4 };
    const phases = { tcpMs: 1.1, tlsMs: 3.3, resumed: true };
    const life = { ageMs: 5000.5, requests: 9 };
    const many = (rounds: number) => {
      for (let i = 0; i < rounds; i += 1) {
        client.onConnection();
        client.onRequest(10);
        exchange.onBegan();
        upstream.onOpened(phases);
        upstream.onLeased(leased);
        upstream.onBytes(300.5, 2 ** 33);
        exchange.onStale();
        exchange.onRetry('not-sent', 'succeeded');
        exchange.onEnded(ended);
        upstream.onClosed('max-age', life);
        client.onBytes(300, 2 ** 33);
        client.onConnectionClosed();
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
    // Sixteen octets in one of these calls would be 80 MB, and a collection for every few of them.
    expect(collections).toBeLessThanOrEqual(2);
  });
});
