import { describe, expect, it } from 'vitest';
import { rows, screen } from '../../../../src/cli/top/screen.ts';
import type { PoolsView, UpstreamView } from '../../../../src/telemetry/admin/pools-view.ts';

const totals = {
  requests: 100,
  reused: 90,
  stale: 0,
  retries: 1,
  faults: 2,
  dials: 10,
  dialsFailed: 0,
  active: 3,
  durationMs: 1_000,
  connectSavedMs: 0,
};

function upstream(changes: object = {}): UpstreamView {
  const connection = (state: string) => ({ state });
  const endpoint = {
    address: '192.0.2.1:443',
    isDraining: false,
    connecting: 1,
    connections: [connection('idle'), connection('active')],
    idleLimitMs: 4_000,
    learnedIdleLimitMs: 4_000,
    health: null,
  };
  return {
    name: 'api',
    endpoints: [endpoint],
    active: 3,
    waiting: 2,
    warmWanted: 2,
    isDown: false,
    lastDialFault: null,
    maxConnections: 32,
    pipelining: null,
    isPanic: false,
    breaker: null,
    discovery: null,
    totals,
    ...changes,
  } as unknown as UpstreamView;
}

function view(atMs: number, upstreams: readonly UpstreamView[]): PoolsView {
  return {
    time: '2026-01-01T00:00:00.000Z',
    atMs,
    version: '1.2.3',
    upSeconds: 61.2,
    isDraining: false,
    readiness: { ready: true, reasons: [] },
    lastReload: { succeeded: true, time: '2026-01-01T00:00:00.000Z' },
    clients: { open: 5, connections: 200, requests: 100, faults: 0 },
    upstreams,
  };
}

describe('top', () => {
  it('shows what happened between two looks', () => {
    const later = { ...totals, requests: 150, reused: 140, durationMs: 1_250 };
    const before = view(0, [upstream()]);
    const now = view(2_000, [upstream({ totals: later })]);
    expect(rows(now, before)).toMatchObject([
      {
        upstream: 'api',
        state: 'up',
        requestsPerSecond: 25,
        meanMs: 5,
        reuse: 1,
        idle: 1,
        connecting: 1,
      },
    ]);
  });

  it('has no rates on the first look, and none when a reload has begun the counts anew', () => {
    expect(rows(view(0, [upstream()]), null)[0]).toMatchObject({
      requestsPerSecond: null,
      reuse: 0.9,
    });
    const anew = upstream({ totals: { ...totals, requests: 3, reused: 1 } });
    expect(rows(view(1_000, [anew]), view(0, [upstream()]))[0]).toMatchObject({
      requestsPerSecond: null,
      meanMs: null,
    });
  });

  it('says in a word what is wrong, and why', () => {
    const cause = 'api refused the connection: nothing listens there.';
    const down = upstream({ isDown: true, lastDialFault: { cause } });
    expect(rows(view(0, [down]), null)[0]).toMatchObject({ state: 'down', lastFault: cause });
    expect(screen(view(0, [down]), null)).toContain(`api: ${cause}`);
    expect(rows(view(0, [upstream({ breaker: { state: 'open' } })]), null)[0]?.state).toBe('shed');
    expect(rows(view(0, [upstream({ endpoints: [] })]), null)[0]?.state).toBe('starting');
  });

  it('lines its columns up', () => {
    const long = upstream({ name: 'a-longer-name' });
    const [, , title = '', first = '', second = ''] = screen(
      view(0, [upstream(), long]),
      null,
    ).split('\n');
    expect(title).toMatch(/^UPSTREAM {7}STATE {2}ADDR/);
    expect(first.indexOf('up')).toBe(title.indexOf('STATE'));
    expect(second.indexOf('up')).toBe(title.indexOf('STATE'));
    expect(first).toHaveLength(second.length);
  });
});
