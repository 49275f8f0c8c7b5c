import { describe, expect, it } from 'vitest';
import { WarmFloor } from '../../../src/upstream/warm-floor.ts';
import { addresses, idOf, Scene } from './scene.ts';

describe('the warm floor by numbers', () => {
  it('is `warm` in silence', () => {
    expect(new WarmFloor({ warm: 2, warmMax: 8 }).wanted(0, 1, 1_000)).toBe(2);
  });

  it('follows the recent peak of demand, less what is in use, up to `warmMax`', () => {
    const floor = new WarmFloor({ warm: 2, warmMax: 8 });
    floor.onActive(6);
    expect(floor.wanted(0, 1, 1_000)).toBe(6);
    expect(floor.wanted(3, 1, 1_000)).toBe(3);
    expect(floor.wanted(6, 1, 1_000)).toBe(2);
    floor.onActive(20);
    expect(floor.wanted(0, 1, 1_000)).toBe(8);
  });

  it('remembers a peak for fifteen seconds at least and thirty at most', () => {
    const floor = new WarmFloor({ warm: 1, warmMax: 8 });
    floor.wanted(0, 1, 20_000);
    floor.onActive(5);
    for (let ms = 20_000; ms < 65_000; ms += 500) {
      const wanted = floor.wanted(0, 1, ms);
      if (ms < 35_000) expect(wanted).toBe(5);
      if (ms > 50_000) expect(wanted).toBe(1);
    }
  });

  it('forgets a peak before a long silence, in which nobody asked', () => {
    const floor = new WarmFloor({ warm: 1, warmMax: 8 });
    floor.wanted(0, 1, 20_000);
    floor.onActive(5);
    expect(floor.wanted(0, 1, 200_000)).toBe(1);
  });

  it('is one for each endpoint while there is traffic', () => {
    const floor = new WarmFloor({ warm: 1, warmMax: 8 });
    expect(floor.wanted(0, 5, 20_000)).toBe(1);
    floor.onActive(1);
    expect(floor.wanted(0, 5, 20_000)).toBe(5);
    expect(floor.wanted(0, 50, 20_000)).toBe(8);
  });

  it('is nothing at `warm: 0`, whatever the demand', () => {
    const floor = new WarmFloor({ warm: 0, warmMax: 8 });
    floor.onActive(6);
    expect(floor.wanted(0, 3, 1_000)).toBe(0);
  });
});

describe('the warm floor', () => {
  /** One that has come to rest with its floor open. */
  const rested = (overrides: object = {}, endpoints = 1) => {
    const scene = new Scene({ pool: { warm: 2, warmMax: 6, ...overrides }, endpoints: 0 });
    scene.dial.behaviour = 'connect';
    scene.upstream.setEndpoints(
      Array.from({ length: endpoints }, (_, i) => ({ ip: `10.0.0.${i + 1}`, port: 80 })),
    );
    scene.settle();
    return scene;
  };

  it('is dialled before the first request', () => {
    const scene = new Scene({ pool: { warm: 2, warmMax: 6 } });
    expect(scene.dial.underWay).toHaveLength(2);
    expect(scene.upstream.isWarm).toBe(false);
    scene.dial.first.succeed();
    expect(scene.upstream.isWarm).toBe(true);
    scene.dial.first.succeed();
    expect([scene.idle, scene.warmed]).toEqual([[1, 2], 1]);
  });

  it('is not dialled before there is an endpoint', () => {
    const scene = new Scene({ pool: { warm: 2, warmMax: 6 }, endpoints: 0 });
    expect(scene.dial.all).toEqual([]);
  });

  it('is nothing to wait for at `warm: 0`', () => {
    const scene = new Scene();
    expect(scene.upstream.isWarm).toBe(true);
    scene.pass(600_000);
    expect([scene.dial.all.length, scene.clock.wakeups]).toEqual([0, 0]);
  });

  it('is nothing to wait for where connections may be idle for less than a second', () => {
    const scene = new Scene({ pool: { warm: 2, warmMax: 6, idleTimeoutMs: 800 }, endpoints: 0 });
    expect([scene.upstream.isWarm, scene.warmed]).toEqual([false, 0]);
    scene.upstream.setEndpoints([{ ip: '10.0.0.1', port: 80 }]);
    expect([scene.upstream.isWarm, scene.warmed]).toEqual([true, 1]);
    expect(scene.dial.all).toEqual([]);
  });

  it('is refilled as soon as a request takes from it', () => {
    const scene = rested();
    const lease = scene.lease();
    scene.settle();
    expect([scene.idle.length, scene.connections]).toEqual([2, 3]);
    lease.giveBack();
  });

  it('is refilled when an idle connection is lost', () => {
    const scene = rested();
    scene.wireOf(1).end();
    scene.settle();
    expect(scene.idle).toEqual([2, 3]);
  });

  it('is refilled when a connection that was in use is closed', () => {
    const scene = rested({ maxRequests: 1 });
    scene.exchange(scene.lease());
    scene.settle();
    expect(scene.idle).toHaveLength(2);
  });

  it('is not refilled without pause by an upstream that closes each connection as it comes', () => {
    const scene = rested();
    const slam = (): void => {
      for (const id of scene.idle) scene.wireOf(id).end();
      scene.settle();
    };
    for (let ms = 0; ms < 10_000; ms += 10) {
      slam();
      scene.pass(10);
    }
    // Hundreds a second before; the pauses grow to 5 s.
    expect(scene.dial.all.length).toBeLessThan(40);
    // That it was slammed taught nothing of how long a connection may be idle.
    expect(scene.upstream.snapshot().endpoints[0]?.learnedIdleLimitMs).toBeNull();
    // Who asks is dialled for at once, and what it is given is kept.
    scene.exchange(scene.lease());
    scene.pass(10);
    expect(scene.idle.length).toBeGreaterThanOrEqual(2);
  });

  it('follows recent demand: who needed five at once has them again after a restart', () => {
    const scene = rested();
    const leases = Array.from({ length: 5 }, () => scene.lease());
    for (const lease of leases) scene.exchange(lease);
    scene.settle();
    for (const id of scene.idle) scene.wireOf(id).end();
    scene.settle();
    expect(scene.idle).toHaveLength(5);
  });

  it('follows it no further than `warmMax`', () => {
    const scene = rested({ warmMax: 3 });
    const leases = Array.from({ length: 6 }, () => scene.lease());
    for (const lease of leases) lease.discard('fault');
    scene.settle();
    expect(scene.idle).toHaveLength(3);
  });

  it('is one for each endpoint under traffic: a new one has its share at once', () => {
    const scene = rested({ warm: 1 }, 4);
    expect(scene.idle).toHaveLength(1);
    const lease = scene.lease();
    scene.settle();
    lease.giveBack();
    scene.settle();
    const busy = scene.upstream.snapshot().endpoints.map(({ connections }) => connections.length);
    expect(Math.min(...busy)).toBe(1);
  });

  it('is one for each endpoint also where the others have more than enough between them', () => {
    const scene = rested({ warm: 2, warmMax: 8, maxConnections: 32 });
    const leases = Array.from({ length: 10 }, () => scene.lease());
    scene.settle();
    for (const lease of leases) lease.giveBack();
    // Twelve are idle, and eight are wanted: yet four endpoints come that have none.
    scene.upstream.setEndpoints(addresses(5));
    scene.settle();
    const each = scene.upstream.snapshot().endpoints.map(({ connections }) => connections.length);
    expect(each).toEqual([12, 1, 1, 1, 1]);
    scene.pass(100);
    expect(scene.connections).toBe(16);
  });

  it('is one for each endpoint also where the others have filled the pool', () => {
    const scene = rested({ warm: 2, warmMax: 8, maxConnections: 10 });
    const leases = Array.from({ length: 10 }, () => scene.lease());
    for (const lease of leases.slice(2)) lease.giveBack();
    scene.upstream.setEndpoints(addresses(5));
    scene.settle();
    const each = scene.upstream.snapshot().endpoints.map(({ connections }) => connections.length);
    expect(each).toEqual([6, 1, 1, 1, 1]);
    // What is in use is not closed for it, and nothing is closed for nothing.
    expect(scene.closed).toEqual(['surplus', 'surplus', 'surplus', 'surplus']);
    scene.pass(1_000);
    expect(scene.connections).toBe(10);
  });

  it('is renewed before it goes stale: there is always one well inside its limit', () => {
    const scene = rested({ warm: 1, warmMax: 1, idleTimeoutMs: 10_000 });
    let tightest = Number.POSITIVE_INFINITY;
    for (let ms = 0; ms < 60_000; ms += 50) {
      scene.pass(50);
      const [endpoint] = scene.upstream.snapshot().endpoints;
      const freshest = Math.min(...(endpoint?.connections ?? []).map(({ idleMs }) => idleMs ?? 0));
      tightest = Math.min(tightest, 10_000 - freshest);
    }
    expect(tightest).toBeGreaterThanOrEqual(2_500 - 30);
    expect(scene.closed.every((reason) => reason === 'idle-limit')).toBe(true);
    // One more for each 7.5 s, and no more.
    expect(scene.opened).toBeLessThanOrEqual(1 + 60_000 / 7_500);
  });

  it('rests at `warm` after demand, and wakes the process seldom', () => {
    const scene = rested();
    for (const lease of Array.from({ length: 6 }, () => scene.lease())) scene.exchange(lease);
    scene.pass(300_000);
    const before = scene.clock.wakeups;
    scene.pass(600_000);
    // Each of the two is replaced every 45 s and closed 15 s later.
    expect(scene.clock.wakeups - before).toBeLessThanOrEqual((2 * (2 * 600)) / 45 + 4);
    const idleMs = scene.upstream
      .snapshot()
      .endpoints.flatMap(({ connections }) => connections.map((each) => each.idleMs ?? 0));
    expect(idleMs.filter((ms) => ms < 45_000)).toHaveLength(2);
  });

  it('leaves room for those who wait: never more than maxConnections', () => {
    const scene = rested({ warm: 6, warmMax: 6, maxConnections: 3 });
    scene.pass(1_000);
    expect(scene.connections).toBe(3);
  });

  it('is a new connection that has not been used', () => {
    const scene = rested();
    const lease = scene.lease();
    expect([idOf(lease) <= 2, lease.isReused]).toEqual([true, false]);
    lease.giveBack();
  });
});

describe('a floor of connections that stay ready for less than a second', () => {
  it('is not worth its dials, which would be made again and again', () => {
    const floor = new WarmFloor({ warm: 2, warmMax: 8 });
    expect([floor.isWorth(999), floor.isWorth(1_000)]).toEqual([false, true]);
  });

  it('is not there: nothing is dialled at rest, nor beside what requests use', () => {
    const scene = new Scene({ pool: { warm: 2, warmMax: 2, idleTimeoutMs: 100 } });
    scene.dial.behaviour = 'connect';
    scene.pass(10_000);
    expect(scene.opened).toBe(0);
    for (let passed = 0; passed < 2_000; passed += 50) {
      scene.exchange(scene.lease());
      scene.pass(50);
    }
    expect(scene.opened).toBe(1);
  });
});
