/** How long a connection may lie idle, live and carry requests, and how that is learned. */
import { describe, expect, it } from 'vitest';
import { idOf, Scene } from './scene.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n';

describe('the idle limit', () => {
  it('closes a connection that nobody has used for so long', () => {
    const scene = new Scene({ pool: { idleTimeoutMs: 10_000 } });
    scene.openIdle(1);
    scene.pass(9_990);
    expect(scene.idle).toEqual([1]);
    scene.pass(30);
    expect([scene.idle, scene.closed]).toEqual([[], ['idle-limit']]);
    expect(scene.wireOf(1).closed).toBe('closed');
    expect(scene.wheel.size).toBe(0);
  });

  it('counts from the last use', () => {
    const scene = new Scene({ pool: { idleTimeoutMs: 10_000 } });
    scene.openIdle(1);
    scene.pass(9_000);
    scene.exchange(scene.lease());
    scene.pass(9_000);
    expect(scene.idle).toEqual([1]);
  });

  it('counts from the last use, not from a lease that was given back unused', () => {
    const scene = new Scene({ pool: { idleTimeoutMs: 10_000 } });
    scene.openIdle(1);
    scene.pass(6_000);
    scene.lease().giveBack();
    scene.pass(4_030);
    expect(scene.closed).toEqual(['idle-limit']);
  });

  it('told by the upstream counts, less a margin', () => {
    const scene = new Scene();
    const lease = scene.lease();
    scene.exchange(lease, `${ok}Keep-Alive: timeout=5\r\n\r\n`);
    scene.pass(4_480);
    expect(scene.idle).toEqual([1]);
    scene.pass(40);
    expect(scene.closed).toEqual(['idle-limit']);
  });

  it('is not used at its very end, though nothing has closed it yet', () => {
    const scene = new Scene({ pool: { idleTimeoutMs: 10_000 } });
    scene.openIdle(1);
    scene.clock.block(10_000);
    expect(scene.seek().lease).toBeNull();
  });

  it('that became shorter is not used past it', () => {
    const scene = new Scene({ pool: { idleTimeoutMs: 60_000 } });
    scene.openIdle(2);
    scene.pass(10_000);
    scene.exchange(scene.lease(), `${ok}Keep-Alive: timeout=5\r\n\r\n`);
    const taken = [scene.seek('a'), scene.seek('b')];
    expect(taken.map(({ lease }) => lease !== null)).toEqual([true, false]);
  });

  it('for what could not be sent again is three quarters', () => {
    const scene = new Scene({ pool: { idleTimeoutMs: 10_000 } });
    scene.openIdle(1);
    scene.pass(7_490);
    expect(scene.seek('early', { need: 'steady' }).lease).not.toBeNull();
    const other = new Scene({ pool: { idleTimeoutMs: 10_000 } });
    other.openIdle(1);
    other.pass(7_510);
    expect(other.seek('late', { need: 'steady' }).lease).toBeNull();
    expect(other.seek('any').lease).not.toBeNull();
  });
});

describe('the idle limit that is learned', () => {
  const learner = () => new Scene({ pool: { learnsIdleLimit: true } });
  const learned = (scene: Scene) =>
    scene.upstream.snapshot().endpoints[0]?.learnedIdleLimitMs ?? null;

  /** Uses a connection and lets the upstream close it after so long. */
  const closeAfter = (scene: Scene, ms: number) => {
    scene.exchange(scene.lease());
    const [id] = scene.idle;
    scene.pass(ms);
    scene.wireOf(id ?? 0).end();
    scene.settle();
  };

  it('is learned from two closes by the upstream, and kept to', () => {
    const scene = learner();
    closeAfter(scene, 5_000);
    expect(learned(scene)).toBeNull();
    closeAfter(scene, 5_000);
    expect(learned(scene)).toBe(5_000);
    expect(scene.closed).toEqual(['idle-closed-by-upstream', 'idle-closed-by-upstream']);
    scene.exchange(scene.lease());
    scene.pass(4_540);
    expect(scene.closed.at(-1)).toBe('idle-limit');
  });

  it('is not learned from our own closing', () => {
    const scene = new Scene({ pool: { learnsIdleLimit: true, idleTimeoutMs: 1_000 } });
    for (let i = 0; i < 5; i += 1) {
      scene.exchange(scene.lease());
      scene.pass(2_000);
    }
    expect(scene.closed).toEqual(Array.from({ length: 5 }, () => 'idle-limit'));
    expect(learned(scene)).toBeNull();
  });

  it('is not learned from a restart, which closes many of all ages at once', () => {
    const scene = learner();
    for (const lease of [scene.lease(), scene.lease(), scene.lease()]) {
      scene.exchange(lease);
      scene.pass(1_000);
    }
    for (const id of scene.idle) scene.wireOf(id).end();
    scene.settle();
    expect(learned(scene)).toBeNull();
  });

  it('is learned from a request that was sent in vain', () => {
    const scene = learner();
    for (let i = 0; i < 2; i += 1) {
      scene.exchange(scene.lease());
      scene.pass(8_000);
      const lease = scene.lease();
      scene.upstream.onStale(lease.carrier.endpoint, lease.carrier.lastIdleMs);
      lease.discard('fault');
    }
    expect(learned(scene)).toBe(8_000);
  });

  it('is disproved by a use that went well after a longer time', () => {
    const scene = learner();
    scene.exchange(scene.lease());
    scene.pass(6_000);
    const kept = scene.lease();
    closeAfter(scene, 50);
    closeAfter(scene, 50);
    expect(learned(scene)).toBe(50);
    scene.exchange(kept);
    expect(learned(scene)).toBeNull();
  });

  it('is not disproved by a lease that was given back unused', () => {
    const scene = learner();
    closeAfter(scene, 50);
    scene.pass(100);
    for (let i = 0; i < 2; i += 1) scene.exchange(scene.lease());
    scene.pass(5_000);
    scene.lease().giveBack();
    scene.wireOf(scene.idle[0] ?? 0).end();
    scene.settle();
    expect(learned(scene)).toBe(5_000);
  });

  it('is nothing where it is switched off', () => {
    const scene = new Scene({ pool: { learnsIdleLimit: false } });
    for (let i = 0; i < 4; i += 1) closeAfter(scene, 5_000);
    expect(learned(scene)).toBeNull();
  });
});

describe('an idle connection is closed at once', () => {
  it.each([
    ['by an end of stream', 'idle-closed-by-upstream'],
    ['by a byte that nobody asked for', 'unexpected-bytes'],
  ])('%s, which is counted once', (how, reason) => {
    const scene = new Scene({ pool: { learnsIdleLimit: true } });
    scene.openIdle(2);
    if (how.includes('byte')) scene.wireOf(2).respond('HTTP/1.1 408 Request Timeout\r\n\r\n');
    else scene.wireOf(2).end();
    scene.settle();
    expect([scene.idle, scene.closed]).toEqual([[1], [reason]]);
    expect(idOf(scene.lease())).toBe(1);
  });
});

describe('age', () => {
  it('ends a connection give or take a tenth, so that those opened together do not end together', () => {
    const ended: number[] = [];
    for (let seed = 1; seed <= 30; seed += 1) {
      const scene = new Scene({ seed, pool: { maxAgeMs: 10_000 } });
      const beganMs = scene.clock.now();
      scene.openIdle(1);
      while (scene.closed.length === 0) scene.pass(20);
      expect(scene.closed).toEqual(['max-age']);
      ended.push(scene.clock.now() - beganMs);
    }
    expect(Math.min(...ended)).toBeGreaterThanOrEqual(9_000);
    expect(Math.max(...ended)).toBeLessThan(11_050);
    expect(Math.max(...ended) - Math.min(...ended)).toBeGreaterThan(1_000);
  });

  it('closes one in use only when it comes back', () => {
    const scene = new Scene({ pool: { maxAgeMs: 10_000 } });
    const lease = scene.lease();
    scene.pass(20_000);
    expect(scene.closed).toEqual([]);
    scene.exchange(lease);
    expect(scene.closed).toEqual(['max-age']);
  });

  it('of one does not keep another from being used', () => {
    const scene = new Scene({ pool: { maxAgeMs: 10_000, idleTimeoutMs: 60_000 } });
    scene.openIdle(1);
    scene.pass(8_000);
    const first = scene.lease();
    const second = scene.lease();
    scene.exchange(second);
    scene.exchange(first);
    scene.clock.block(3_500);
    expect(idOf(scene.lease())).toBe(2);
  });

  it('is no limit at 0', () => {
    const scene = new Scene({ pool: { maxAgeMs: 0 } });
    scene.openIdle(1);
    for (let i = 0; i < 100; i += 1) {
      scene.pass(50_000);
      scene.exchange(scene.lease());
    }
    expect(scene.opened).toBe(1);
  });
});

describe('requests', () => {
  it('are carried up to maxRequests', () => {
    const scene = new Scene({ pool: { maxRequests: 3 } });
    for (let i = 0; i < 3; i += 1) {
      expect(scene.closed).toEqual([]);
      scene.exchange(scene.lease());
    }
    expect(scene.closed).toEqual(['max-requests']);
  });

  it('count only when they were sent', () => {
    const scene = new Scene({ pool: { maxRequests: 1 } });
    scene.lease().giveBack();
    expect(scene.closed).toEqual([]);
  });
});

it('a connection that ended while it was on lease is not kept', () => {
  const scene = new Scene();
  scene.openIdle(1);
  const lease = scene.lease();
  scene.wireOf(lease).end();
  expect(lease.carrier.isOpen).toBe(false);
  lease.giveBack();
  scene.settle();
  expect([scene.idle, scene.closed]).toEqual([[], ['idle-closed-by-upstream']]);
});

it('connections at rest wake nobody but for their own limit', () => {
  const scene = new Scene();
  scene.openIdle(5);
  const before = scene.clock.wakeups;
  scene.pass(59_000);
  // When the wait for them would have ended, and when they stop being well inside their limit.
  expect(scene.clock.wakeups - before).toBeLessThanOrEqual(3);
});
