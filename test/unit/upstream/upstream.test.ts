/** Leases and who waits for them. Endpoints, dials, ages and the end have files of their own. */
import { describe, expect, it } from 'vitest';
import type { Lease } from '../../../src/upstream/carrier.ts';
import { addresses, idOf, Scene } from './scene.ts';

describe('an idle connection', () => {
  it('is given at once', () => {
    const scene = new Scene();
    scene.openIdle(1);
    const seeker = scene.seek();
    expect(seeker.lease?.isReused).toBe(true);
    expect(scene.leases.at(-1)).toEqual({ isReused: true, isPipelined: false, waitedMs: 0 });
    expect(scene.dial.all).toHaveLength(1);
  });

  it('is the most recently used one', () => {
    const scene = new Scene();
    const [first, second, third] = [scene.lease(), scene.lease(), scene.lease()];
    for (const lease of [second, third, first]) {
      scene.exchange(lease);
      scene.pass(10);
    }
    expect([1, 2, 3].map(() => idOf(scene.lease()))).toEqual([1, 3, 2]);
  });

  it('leaves the others to age: one at a time needs one connection', () => {
    const scene = new Scene();
    scene.openIdle(3);
    // Until they have used up a third of their time, and longer once the peak of three is forgotten.
    for (let i = 0; i < 14; i += 1) {
      scene.pass(1_000);
      const lease = scene.lease();
      expect(idOf(lease)).toBe(3);
      scene.exchange(lease);
    }
  });
});

describe('at most maxConnections', () => {
  it('are open or being dialled, however many wait', () => {
    const scene = new Scene({ pool: { maxConnections: 3, maxDials: 10 } });
    const seekers = Array.from({ length: 10 }, (_, i) => scene.seek(`s${i}`));
    expect(scene.dial.underWay).toHaveLength(3);
    scene.dial.first.succeed();
    expect(scene.dial.underWay).toHaveLength(2);
    scene.dial.first.succeed();
    scene.dial.first.succeed();
    expect([scene.dial.all.length, scene.connections, scene.waiting]).toEqual([3, 3, 7]);
    expect(seekers.filter(({ lease }) => lease !== null)).toHaveLength(3);
  });

  it('over all endpoints together', () => {
    const scene = new Scene({ pool: { maxConnections: 3, maxDials: 10 }, endpoints: 4 });
    for (let i = 0; i < 10; i += 1) scene.seek();
    expect(scene.dial.underWay).toHaveLength(3);
  });

  it('and idle ones that will not do make room: the request is not left to wait', () => {
    const scene = new Scene({ pool: { maxConnections: 2 } });
    scene.openIdle(2);
    // Inside the limit, but not well inside it.
    scene.pass(50_000);
    const steady = scene.seek('steady', { need: 'steady' });
    expect(scene.dial.underWay).toHaveLength(1);
    scene.dial.first.succeed();
    expect(steady.lease?.isReused).toBe(false);
    expect([scene.closed, scene.connections]).toEqual([['surplus'], 2]);
    const fresh = scene.seek('new', { need: 'new' });
    scene.dial.first.succeed();
    expect(fresh.lease?.isReused).toBe(false);
    expect(scene.connections).toBe(2);
  });
});

describe('a tunnel', () => {
  it('leaves its place in the pool to requests: who waits is served', () => {
    const scene = new Scene({ pool: { maxConnections: 1 } });
    const tunnel = scene.lease();
    const seeker = scene.seek();
    expect(scene.dial.underWay).toHaveLength(0);
    tunnel.switched();
    scene.dial.first.succeed();
    expect(seeker.lease).not.toBeNull();
    const states = scene.upstream
      .snapshot()
      .endpoints.flatMap(({ connections }) => connections.map(({ state }) => state));
    expect(states).toEqual(['tunnel', 'active']);
    // And no more than its own, however it ends.
    tunnel.discard('tunnel-ended');
    scene.seek();
    expect([scene.dial.underWay.length, scene.closed]).toEqual([0, ['tunnel-ended']]);
  });
});

describe('who waits', () => {
  it('is served in order', () => {
    const scene = new Scene({ pool: { maxConnections: 1 } });
    const lease = scene.lease();
    const [a, b, c] = [scene.seek('a'), scene.seek('b'), scene.seek('c')];
    scene.exchange(lease);
    scene.exchange(a.lease as Lease);
    scene.exchange(b.lease as Lease);
    expect(c.lease).not.toBeNull();
    expect(scene.served).toEqual(['lease', 'a', 'b', 'c']);
  });

  it('takes a connection that frees up while the dial made for it is under way', () => {
    const scene = new Scene();
    const busy = scene.lease();
    const seeker = scene.seek();
    expect(scene.dial.underWay).toHaveLength(1);
    scene.pass(30);
    scene.exchange(busy);
    expect([seeker.lease && idOf(seeker.lease), seeker.lease?.isReused]).toEqual([1, true]);
    expect(scene.leases.at(-1)).toEqual({ isReused: true, isPipelined: false, waitedMs: 30 });
    // The dialled one lies idle for the next.
    scene.dial.first.succeed();
    expect(scene.idle).toEqual([2]);
    expect(idOf(scene.lease())).toBe(2);
  });

  it('takes what any dial has opened, whoever it was made for', () => {
    const scene = new Scene();
    const first = scene.seek('first');
    const second = scene.seek('second');
    scene.dial.underWay[1]?.succeed();
    expect([first.lease !== null, second.lease]).toEqual([true, null]);
    scene.dial.first.succeed();
    expect(second.lease).not.toBeNull();
  });

  it('gets no connection from before, if it needs a new one', () => {
    const scene = new Scene();
    scene.openIdle(1);
    const busy = scene.lease();
    const seeker = scene.seek('new', { need: 'new' });
    scene.exchange(busy);
    expect([seeker.lease, scene.idle]).toEqual([null, [1]]);
    scene.dial.first.succeed();
    expect([seeker.lease && idOf(seeker.lease), seeker.lease?.isReused]).toEqual([2, false]);
  });

  it('gets none whose dial had begun before it came: that may have reached what ended its last attempt', () => {
    const scene = new Scene({ pool: { maxDials: 1 } });
    const other = scene.seek('other');
    scene.upstream.cancel(other);
    scene.pass(10);
    const seeker = scene.seek('new', { need: 'new' });
    scene.dial.first.succeed();
    expect([seeker.lease, scene.idle]).toEqual([null, [1]]);
    scene.dial.first.succeed();
    expect(seeker.lease && idOf(seeker.lease)).toBe(2);
  });

  it('gets one whose dial had begun before, if that will do', () => {
    const scene = new Scene({ pool: { maxConnections: 1 } });
    scene.upstream.cancel(scene.seek('other'));
    scene.pass(10);
    const seeker = scene.seek('steady', { need: 'steady' });
    scene.dial.first.succeed();
    expect(seeker.lease && idOf(seeker.lease)).toBe(1);
  });

  it('gets no idle one that was never used, if it needs one opened since', () => {
    const scene = new Scene();
    const busy = scene.lease();
    const other = scene.seek('other');
    scene.exchange(busy);
    other.lease?.giveBack();
    scene.dial.first.succeed();
    expect(scene.idle).toHaveLength(2);
    scene.pass(10);
    expect(scene.seek('new', { need: 'new' }).lease).toBeNull();
  });

  it('and needs a new one does not hold up those behind it', () => {
    const scene = new Scene({ pool: { maxDials: 1 } });
    const busy = scene.lease();
    scene.seek('new', { need: 'new' });
    scene.seek('any');
    scene.exchange(busy);
    expect(scene.served).toEqual(['lease', 'any']);
  });

  it('and needs a new one has the room of a used one that frees up at the limit', () => {
    const scene = new Scene({ pool: { maxConnections: 1 } });
    const busy = scene.lease();
    const seeker = scene.seek('new', { need: 'new' });
    scene.exchange(busy);
    expect(scene.closed).toEqual(['surplus']);
    scene.dial.first.succeed();
    expect(seeker.lease && idOf(seeker.lease)).toBe(2);
  });

  it('may go: it is not served, and the dial made for it is for the next', () => {
    const scene = new Scene();
    const seeker = scene.seek('gone');
    scene.upstream.cancel(seeker);
    expect(scene.waiting).toBe(0);
    scene.dial.first.succeed();
    expect([seeker.isAnswered, scene.idle]).toEqual([false, [1]]);
    scene.pass(10_000);
    expect(seeker.isAnswered).toBe(false);
  });

  it('may go from the middle of the queue', () => {
    const scene = new Scene({ pool: { maxConnections: 1 } });
    const busy = scene.lease();
    const [, middle] = ['a', 'b', 'c'].map((name) => scene.seek(name));
    if (middle !== undefined) scene.upstream.cancel(middle);
    scene.exchange(busy);
    expect(scene.served).toEqual(['lease', 'a']);
    expect(scene.waiting).toBe(1);
  });

  it('may go twice, or when it has been served, to no effect', () => {
    const scene = new Scene();
    const seeker = scene.seek();
    scene.dial.first.succeed();
    scene.upstream.cancel(seeker);
    scene.upstream.cancel(seeker);
    expect(scene.active).toBe(1);
  });

  it('is one of maxWaiting: the next is refused at once', () => {
    const scene = new Scene({ pool: { maxConnections: 1, maxWaiting: 2 } });
    scene.lease();
    scene.seek('a');
    scene.seek('b');
    const refused = scene.seek('c');
    expect(refused.fault).toMatchObject({
      kind: 'waiting-full',
      side: 'gateway',
      sent: 'not-sent',
    });
    expect(refused.fault?.cause).toContain('pool.maxWaiting');
  });
});

describe('the wait ends at its deadline', () => {
  it('with wait-timeout when all connections are in use', () => {
    const scene = new Scene({ pool: { maxConnections: 1 } });
    scene.lease();
    const seeker = scene.seek();
    scene.pass(2_999);
    expect(seeker.fault).toBeNull();
    scene.pass(10);
    expect(seeker.fault).toMatchObject({ kind: 'wait-timeout', side: 'gateway', sent: 'not-sent' });
    expect(seeker.fault?.cause).toContain('3000 ms');
    expect(scene.waits[0]).toBeGreaterThanOrEqual(3_000);
  });

  it('each at its own', () => {
    const scene = new Scene({ pool: { maxConnections: 1 } });
    scene.lease();
    const seekers = [];
    for (let i = 0; i < 4; i += 1) {
      seekers.push(scene.seek(`s${i}`));
      scene.pass(500);
    }
    // The deadline of one that has gone serves the next.
    const [gone] = seekers;
    if (gone !== undefined) scene.upstream.cancel(gone);
    const endedAt: number[] = [];
    for (let ms = 2_000; ms < 6_000; ms += 10) {
      scene.pass(10);
      seekers.forEach((seeker, i) => {
        if (seeker.fault !== null && endedAt[i] === undefined) endedAt[i] = ms + 10;
      });
    }
    expect(endedAt[0]).toBeUndefined();
    for (const [i, ms] of [3_500, 4_000, 4_500].entries()) {
      expect(endedAt[i + 1]).toBeGreaterThanOrEqual(ms);
      expect(endedAt[i + 1]).toBeLessThan(ms + 30);
    }
    expect(scene.wheel.size).toBe(0);
  });

  it('with the fault of the dials when they fail', () => {
    const scene = new Scene();
    scene.dial.behaviour = 'refuse';
    const seeker = scene.seek();
    scene.pass(2_990);
    expect(seeker.fault).toBeNull();
    scene.pass(30);
    expect(seeker.fault).toMatchObject({ kind: 'connect-refused', side: 'upstream' });
    expect(scene.doubts).toBeGreaterThan(0);
  });

  it('with dns-failed when the name does not resolve', () => {
    const scene = new Scene({ endpoints: 0 });
    scene.upstream.onResolveFailed('origin.example does not exist.');
    const seeker = scene.seek();
    scene.pass(3_020);
    expect(seeker.fault).toMatchObject({ kind: 'dns-failed' });
    expect(seeker.fault?.cause).toContain('does not exist');
  });

  it('with no-endpoint when there is none, and no failure is known', () => {
    const scene = new Scene({ endpoints: 0 });
    const seeker = scene.seek();
    scene.pass(3_020);
    expect(seeker.fault).toMatchObject({ kind: 'no-endpoint' });
  });

  it('not at all when an endpoint comes in time', () => {
    const scene = new Scene({ endpoints: 0 });
    scene.upstream.onResolveFailed('origin.example does not exist.');
    const seeker = scene.seek();
    scene.pass(2_900);
    scene.dial.behaviour = 'connect';
    scene.upstream.setEndpoints(addresses(1));
    scene.settle();
    expect(seeker.lease).not.toBeNull();
  });

  it('forgets a failed resolution that a later one has mended', () => {
    const scene = new Scene({ endpoints: 0 });
    scene.upstream.onResolveFailed('origin.example does not exist.');
    scene.upstream.setEndpoints([]);
    const seeker = scene.seek();
    scene.pass(3_020);
    expect(seeker.fault?.kind).toBe('no-endpoint');
  });
});

describe('the count of leases out', () => {
  it('is one up and one down for each', () => {
    const scene = new Scene();
    const [a, b] = [scene.lease(), scene.lease()];
    expect(scene.active).toBe(2);
    a.discard('fault');
    expect([scene.active, scene.closed]).toEqual([1, ['fault']]);
    b.giveBack();
    expect(scene.active).toBe(0);
  });
});

it('a retry is not passed for ever by others in a full pool: a connection makes way for a new one', () => {
  const scene = new Scene({ pool: { maxConnections: 2 } });
  const [first, second] = [scene.lease(), scene.lease()];
  const retry = scene.seek('retry', { need: 'new' });
  const others = ['a', 'b'].map((name) => scene.seek(name));
  scene.exchange(first);
  expect(others.map(({ lease }) => lease)).toEqual([null, null]);
  expect(scene.closed).toEqual(['surplus']);
  scene.dial.first.succeed();
  scene.settle();
  expect(retry.lease?.isReused).toBe(false);
  scene.exchange(second);
  expect(others[0]?.lease).not.toBeNull();
});
