/** What an upstream does once an endpoint, or the upstream as a whole, is known to fail. */
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../../src/resilience/outcome.ts';
import type { OutlierRules } from '../../../src/resilience/outliers.ts';
import type { UpstreamBreakerRules } from '../../../src/resilience/upstream-breaker.ts';
import type { Lease } from '../../../src/upstream/carrier.ts';
import { addresses, idOf, Scene, type SceneOptions } from './scene.ts';

const outliers: OutlierRules = {
  consecutiveFailures: 3,
  statuses: [503],
  successRate: 0,
  windowMs: 10_000,
  minRequests: 10,
  baseMs: 10_000,
  maxMs: 60_000,
  trials: 2,
  maxEjected: 0.5,
  panic: 0.5,
};
const breaker: UpstreamBreakerRules = { ...outliers, baseMs: 5_000 };

function scene(options: SceneOptions = {}): Scene {
  const pool = { maxConnections: 30, ...options.pool };
  const on = new Scene({ endpoints: 3, outliers, ...options, pool });
  on.dial.behaviour = 'connect';
  return on;
}

/** A lease of each of these endpoints. Those that were had beside them are given back. */
function leasesOf(on: Scene, ...wanted: readonly string[]): Lease[] {
  const leases = new Map<string, Lease>();
  const beside: Lease[] = [];
  for (let i = 0; i < 12 && leases.size < wanted.length; i += 1) {
    const lease = on.lease();
    const { endpoint } = lease.carrier;
    if (leases.has(endpoint) || !wanted.includes(endpoint)) beside.push(lease);
    else leases.set(endpoint, lease);
  }
  for (const lease of beside) lease.giveBack();
  return wanted.map((address) => {
    const found = leases.get(address);
    if (found === undefined) throw new Error(`${address} was never chosen`);
    return found;
  });
}

function tell(lease: Lease, outcome: Outcome, status = 200): void {
  lease.answered(status);
  lease.tell(outcome);
}

/** Three failures in a row at this endpoint, a moment apart. */
function failAt(on: Scene, address: string): void {
  const [lease] = leasesOf(on, address) as [Lease];
  lease.answered(503);
  for (let i = 0; i < 3; i += 1) {
    on.pass(100);
    on.upstream.onOutcome(lease, 'good');
  }
  on.exchange(lease);
}

function stateOf(on: Scene, address: string): string | undefined {
  const found = on.upstream.snapshot().endpoints.find((one) => one.address === address);
  return found?.health?.state;
}

/** The endpoints of `count` leases, taken together. */
function chosen(on: Scene, count: number): Set<string> {
  const leases = Array.from({ length: count }, () => on.lease());
  for (const lease of leases) on.exchange(lease);
  return new Set(leases.map(({ carrier }) => carrier.endpoint));
}

const first = '10.0.0.1:80';
const second = '10.0.0.2:80';

describe('an endpoint that fails alone', () => {
  it('gets nothing more, neither requests nor dials, and keeps its idle connections', () => {
    const on = scene({ pool: { maxConnections: 30 } });
    for (const lease of leasesOf(on, first, second, '10.0.0.3:80')) on.exchange(lease);
    failAt(on, first);
    expect(stateOf(on, first)).toBe('ejected');
    const dials = on.dial.addresses.filter((address) => address === first).length;
    expect(chosen(on, 12)).toEqual(new Set([second, '10.0.0.3:80']));
    expect(on.dial.addresses.filter((address) => address === first)).toHaveLength(dials);
    const kept = on.upstream.snapshot().endpoints.find(({ address }) => address === first);
    expect(kept?.connections.length).toBeGreaterThan(0);
    expect(on.closed).toEqual([]);
  });

  it('is told of, with what was known of it', () => {
    const on = scene();
    failAt(on, first);
    expect(on.health).toMatchObject([
      {
        endpoint: first,
        from: 'healthy',
        to: 'ejected',
        ejectedFor: 'consecutive-failures',
        health: { state: 'ejected', reason: 'consecutive-failures', consecutiveFailures: 3 },
      },
    ]);
  });

  it('is tried by one exchange at a time when its time is over, and used again', () => {
    const on = scene();
    failAt(on, first);
    on.pass(11_000);
    const trials: Lease[] = [];
    for (let trial = 0; trial < 2; trial += 1) {
      const leases = Array.from({ length: 8 }, () => on.lease());
      const tried = leases.filter(({ carrier }) => carrier.endpoint === first);
      expect(tried).toHaveLength(1);
      for (const lease of leases) {
        tell(lease, 'good');
        on.exchange(lease);
      }
      trials.push(...tried);
    }
    expect(trials.map(({ isTrial }) => isTrial)).toEqual([false, false]);
    expect(stateOf(on, first)).toBe('healthy');
    expect(chosen(on, 8)).toContain(first);
    expect(on.health.map(({ to }) => to)).toEqual(['ejected', 'probation', 'healthy']);
  });

  it('is free for the next trial as soon as an answer has begun', () => {
    const on = scene();
    failAt(on, first);
    on.pass(11_000);
    const leases = Array.from({ length: 4 }, () => on.lease());
    const trial = leases.find(({ carrier }) => carrier.endpoint === first);
    trial?.answered(200);
    const more = Array.from({ length: 4 }, () => on.lease());
    expect(more.filter(({ carrier }) => carrier.endpoint === first)).toHaveLength(1);
  });

  it('is not tried with what could not be sent again, nor by a second attempt', () => {
    const on = scene({ pool: { maxConnections: 40 } });
    failAt(on, first);
    on.pass(11_000);
    const careful = Array.from({ length: 6 }, () => on.lease({ need: 'steady' }));
    expect(careful.map(({ carrier }) => carrier.endpoint)).not.toContain(first);
    for (let i = 0; i < 6; i += 1) {
      const again = on.seek('again', { avoid: second });
      on.settle();
      expect(again.lease?.carrier.endpoint).toBe('10.0.0.3:80');
    }
    on.pass(10_000);
    const patient = Array.from({ length: 6 }, () => on.lease({ need: 'steady' }));
    expect(patient.map(({ carrier }) => carrier.endpoint)).toContain(first);
  });

  it('is dialled for a trial when it has no connection left, though nobody needs one', () => {
    const on = scene({ pool: { idleTimeoutMs: 5_000 } });
    failAt(on, first);
    on.pass(11_000);
    expect(on.connections).toBe(0);
    for (const lease of [on.lease(), on.lease()]) on.exchange(lease);
    expect(on.dial.addresses.slice(-3)).toContain(first);
    expect(chosen(on, 3)).toContain(first);
  });

  it('makes room for the others: its idle connections are the first to go', () => {
    const on = scene({ endpoints: 2, pool: { maxConnections: 4 } });
    failAt(on, first);
    const idleThere = () =>
      on.upstream.snapshot().endpoints.find(({ address }) => address === first)?.connections.length;
    expect(idleThere()).toBeGreaterThan(0);
    const leases = Array.from({ length: 4 }, () => on.lease());
    expect(new Set(leases.map(({ carrier }) => carrier.endpoint))).toEqual(new Set([second]));
    expect(idleThere()).toBe(0);
    expect(on.closed).toEqual(leases.map(() => 'surplus').slice(0, on.closed.length));
  });

  // Whichever was opened first.
  it.each([
    [first, second],
    [second, first],
  ])('makes room before one that has been idle for longer: %s', (badOne, goodOne) => {
    const on = scene({ endpoints: 2, pool: { maxConnections: 2 } });
    const [bad, good] = leasesOf(on, badOne, goodOne) as [Lease, Lease];
    on.exchange(good);
    on.pass(1_000);
    on.exchange(bad);
    failAt(on, badOne);
    const isNew = on.seek('new', { need: 'new' });
    on.settle();
    expect(isNew.lease?.carrier.endpoint).toBe(goodOne);
    expect(on.idle).toEqual([idOf(good)]);
  });

  it('is not what the warm floor counts on', () => {
    const on = scene({ endpoints: 2, pool: { warm: 2, warmMax: 4 } });
    for (const dial of on.dial.underWay) dial.succeed();
    on.settle();
    failAt(on, first);
    on.settle();
    const ready = on.upstream
      .snapshot()
      .endpoints.filter(({ address }) => address !== first)
      .flatMap(({ connections }) => connections);
    expect(ready.length).toBeGreaterThanOrEqual(2);
  });

  it('is joined by nobody where requests share connections, and a trial is for one alone', () => {
    const on = scene({ endpoints: 2, pool: { pipelining: 4 } });
    for (const lease of leasesOf(on, first, second)) on.exchange(lease);
    // One place on a connection of each.
    const places = [on.seek('a', { canPipeline: true }), on.seek('b')].map(({ lease }) => lease);
    const shared = places.find((lease) => lease?.carrier.endpoint === first) as Lease;
    for (let i = 0; i < 3; i += 1) {
      on.pass(100);
      on.upstream.onOutcome(shared, 'bad');
    }
    expect(stateOf(on, first)).toBe('ejected');
    const next = Array.from({ length: 6 }, (_, nth) => on.seek(`${nth}`, { canPipeline: true }));
    on.settle();
    expect(next.map(({ lease }) => lease?.carrier.endpoint)).not.toContain(first);
    shared.giveBack();
    on.pass(11_000);
    const later = Array.from({ length: 6 }, (_, nth) => on.seek(`${nth}`, { canPipeline: true }));
    on.settle();
    const tried = later.filter(({ lease }) => lease?.carrier.endpoint === first);
    expect(tried).toHaveLength(1);
  });

  it('does not serve those who wait, but makes way for them', () => {
    const on = scene({ endpoints: 2, pool: { maxConnections: 2 } });
    const [bad, good] = leasesOf(on, first, second) as [Lease, Lease];
    for (let i = 0; i < 2; i += 1) {
      on.pass(100);
      const told = on.upstream;
      told.onOutcome(bad, 'bad');
    }
    on.pass(100);
    const waits = on.seek('waits');
    tell(bad, 'bad');
    bad.giveBack();
    on.settle();
    expect(stateOf(on, first)).toBe('ejected');
    expect(waits.lease?.carrier.endpoint).toBe(second);
    expect(idOf(waits.lease as Lease)).not.toBe(idOf(good));
  });
});

describe('never too many', () => {
  it('of two that fail both are used: that is panic, and one that answers well ends it', () => {
    const on = scene({ endpoints: 2, pool: { maxConnections: 20 } });
    failAt(on, first);
    failAt(on, second);
    expect(on.panics).toEqual([true]);
    expect(on.upstream.snapshot().isPanic).toBe(true);
    expect(chosen(on, 8).size).toBe(2);
    for (let i = 0; i < 2; i += 1) {
      const [lease] = leasesOf(on, first) as [Lease];
      tell(lease, 'good');
      on.exchange(lease);
    }
    expect([stateOf(on, first), stateOf(on, second)]).toEqual(['healthy', 'ejected']);
    expect(on.panics).toEqual([true, false]);
  });

  it('one put aside is used when the other cannot be reached, and serves those who wait', () => {
    const on = scene({ endpoints: 2, pool: { maxConnections: 8 } });
    failAt(on, first);
    // Whatever the other had is closed, and nothing listens there any more.
    for (const lease of [on.lease({ need: 'steady' }), on.lease({ need: 'steady' })])
      lease.discard('fault');
    on.dial.behave(second, 'refuse');
    const left = on.upstream
      .snapshot()
      .endpoints.filter(({ address }) => address !== first)
      .flatMap(({ connections }) => connections);
    expect(left).toEqual([]);
    const waits = on.seek('waits');
    expect(waits.lease).toBeNull();
    on.settle();
    expect(waits.lease?.carrier.endpoint).toBe(first);
    expect(on.panics).toEqual([true]);
  });

  it('one alone is used, whatever it does', () => {
    const on = scene({ endpoints: 1 });
    failAt(on, first);
    expect(stateOf(on, first)).toBe('failing');
    expect(chosen(on, 3)).toEqual(new Set([first]));
  });

  it('when the others are gone it is used again', () => {
    const on = scene({ endpoints: 2 });
    failAt(on, first);
    on.upstream.setEndpoints(addresses(1));
    expect(stateOf(on, first)).toBe('failing');
    expect(chosen(on, 3)).toEqual(new Set([first]));
  });

  it('an endpoint that stays keeps what is known of it', () => {
    const on = scene({ endpoints: 3 });
    failAt(on, first);
    on.upstream.setEndpoints(addresses(4));
    expect(stateOf(on, first)).toBe('ejected');
    expect(chosen(on, 9)).not.toContain(first);
  });
});

describe('dials that fail', () => {
  it('are no failures of an endpoint, and end a row of them', () => {
    const on = scene({ endpoints: 2 });
    const [lease] = leasesOf(on, first) as [Lease];
    for (let i = 0; i < 2; i += 1) {
      on.pass(100);
      on.upstream.onOutcome(lease, 'bad');
    }
    on.dial.behave(first, 'refuse');
    // Both are wanted, so that it is dialled.
    for (let i = 0; i < 6; i += 1) on.seek(`s${i}`);
    on.settle();
    on.pass(100);
    on.upstream.onOutcome(lease, 'bad');
    expect(stateOf(on, first)).toBe('healthy');
  });
});

describe('without rules', () => {
  it('nothing is watched', () => {
    const on = new Scene({ endpoints: 2 });
    on.dial.behaviour = 'connect';
    failAt(on, first);
    const { endpoints, isPanic, breaker: none } = on.upstream.snapshot();
    expect(endpoints.map(({ health }) => health)).toEqual([null, null]);
    expect([isPanic, none, on.health]).toEqual([false, null, []]);
  });
});

describe('the breaker of an upstream', () => {
  const shedding = () => {
    const on = new Scene({ breaker });
    on.dial.behaviour = 'connect';
    return on;
  };
  const fail = (on: Scene) => failAt(on, first);

  it('refuses at once when it is open, and says until when', () => {
    const on = shedding();
    fail(on);
    const refused = on.seek('refused');
    expect(refused.fault).toMatchObject({
      kind: 'breaker-open',
      side: 'gateway',
      sent: 'not-sent',
    });
    expect(refused.fault?.retryAfterSeconds).toBeGreaterThanOrEqual(5);
    expect(refused.fault?.retryAfterSeconds).toBeLessThanOrEqual(6);
    expect(on.shed).toBe(1);
    expect(on.breaker).toMatchObject([{ to: 'open', reason: 'consecutive-failures' }]);
  });

  it('is not what one who waits for a connection is told', () => {
    const on = new Scene({ breaker, pool: { maxConnections: 3 } });
    on.dial.behaviour = 'connect';
    const leases = [on.lease(), on.lease(), on.lease()];
    const waits = on.seek('waits');
    for (const lease of leases) {
      on.pass(100);
      tell(lease, 'bad');
    }
    expect(on.breaker.map(({ to }) => to)).toEqual(['open']);
    expect(waits.isAnswered).toBe(false);
    leases[0]?.giveBack();
    expect(waits.lease).not.toBeNull();
  });

  it('does not open for dials that fail: those are waited out', () => {
    const on = new Scene({ breaker, waitMs: 3_000 });
    on.dial.behaviour = 'refuse';
    const waits = on.seek('waits');
    for (let i = 0; i < 20; i += 1) on.pass(100);
    expect([waits.isAnswered, on.breaker]).toEqual([false, []]);
    on.dial.behaviour = 'connect';
    on.pass(500);
    expect(waits.lease).not.toBeNull();
  });

  it('lets one in at a time on probation, and closes when they go well', () => {
    const on = shedding();
    fail(on);
    on.pass(6_000);
    const trial = on.seek('trial');
    expect(trial.lease?.isTrial).toBe(true);
    expect(on.seek('beside').fault?.kind).toBe('breaker-open');
    tell(trial.lease as Lease, 'good');
    on.exchange(trial.lease as Lease);
    const second = on.seek('second');
    tell(second.lease as Lease, 'good');
    on.exchange(second.lease as Lease);
    expect(on.breaker.map(({ to }) => to)).toEqual(['open', 'probation', 'closed']);
    expect(on.seek('third').lease).not.toBeNull();
    expect(on.seek('fourth').fault).toBeNull();
  });

  it('a trial that has to wait for its dial is one all the same', () => {
    const on = new Scene({ breaker, pool: { idleTimeoutMs: 2_000 } });
    on.dial.behaviour = 'connect';
    fail(on);
    on.pass(6_000);
    expect(on.connections).toBe(0);
    on.dial.behaviour = 'hang';
    const trial = on.seek('trial');
    expect(trial.isAnswered).toBe(false);
    expect(on.seek('beside').fault?.kind).toBe('breaker-open');
    on.dial.first.succeed();
    expect(trial.lease?.isTrial).toBe(true);
  });

  it('a trial that comes back unused leaves room for another', () => {
    const on = shedding();
    fail(on);
    on.pass(6_000);
    on.seek('trial').lease?.giveBack();
    expect(on.seek('another').lease?.isTrial).toBe(true);
  });
});
