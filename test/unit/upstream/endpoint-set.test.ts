/** Several endpoints of one upstream. */
import { describe, expect, it } from 'vitest';
import type { Lease } from '../../../src/upstream/carrier.ts';
import { addresses, idOf, Scene } from './scene.ts';

const [one, two, three] = ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80'] as const;

function connected(options: ConstructorParameters<typeof Scene>[0]): Scene {
  const scene = new Scene({ ...options, endpoints: 0 });
  scene.dial.behaviour = 'connect';
  scene.upstream.setEndpoints(addresses(options?.endpoints ?? 3));
  scene.settle();
  return scene;
}

/** How many leases each endpoint has. */
function share(leases: readonly Lease[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { carrier } of leases) counts[carrier.endpoint] = (counts[carrier.endpoint] ?? 0) + 1;
  return counts;
}

describe('an endpoint is chosen', () => {
  it('by the fewest active', () => {
    const scene = connected({ pool: { maxConnections: 12 }, endpoints: 3 });
    const leases = Array.from({ length: 12 }, () => scene.lease());
    expect(share(leases)).toEqual({ [one]: 4, [two]: 4, [three]: 4 });
    for (const lease of leases) scene.exchange(lease);
    const again = Array.from({ length: 6 }, () => scene.lease());
    expect(share(again)).toEqual({ [one]: 2, [two]: 2, [three]: 2 });
  });

  it('at random among equals, the same way for the same seed', () => {
    const firstOf = (seed: number) => {
      const scene = connected({ seed, endpoints: 3 });
      const leases = [scene.lease(), scene.lease(), scene.lease()];
      for (const lease of leases) scene.exchange(lease);
      return scene.lease().carrier.endpoint;
    };
    const seeds = Array.from({ length: 60 }, (_, i) => i + 1);
    const chosen = seeds.map(firstOf);
    for (const endpoint of [one, two, three])
      expect(chosen.filter((each) => each === endpoint).length).toBeGreaterThan(8);
    expect(seeds.map(firstOf)).toEqual(chosen);
  });

  it('to be dialled at random among equals too', () => {
    const seeds = Array.from({ length: 60 }, (_, i) => i + 1);
    const dialled = seeds.map((seed) => {
      const scene = new Scene({ seed, endpoints: 3 });
      scene.seek();
      return scene.dial.addresses[0];
    });
    for (const endpoint of [one, two, three])
      expect(dialled.filter((each) => each === endpoint).length).toBeGreaterThan(8);
  });

  it('that has an idle connection before one that would have to be dialled', () => {
    const scene = connected({ endpoints: 3 });
    const lease = scene.lease();
    scene.exchange(lease);
    expect(idOf(scene.lease())).toBe(idOf(lease));
  });

  it('other than the one to be avoided, as long as there is another', () => {
    for (let seed = 1; seed < 20; seed += 1) {
      const scene = connected({ seed, endpoints: 3 });
      for (const lease of [scene.lease(), scene.lease(), scene.lease()]) scene.exchange(lease);
      const seeker = scene.seek('again', { avoid: two });
      expect(seeker.lease?.carrier.endpoint).not.toBe(two);
      const dialled = scene.seek('new', { need: 'new', avoid: one });
      scene.settle();
      expect(dialled.lease?.carrier.endpoint).not.toBe(one);
    }
  });

  it('though it is to be avoided, if it is the only one', () => {
    const scene = connected({ endpoints: 1 });
    const seeker = scene.seek('again', { need: 'new', avoid: one });
    scene.settle();
    expect(seeker.lease?.carrier.endpoint).toBe(one);
  });
});

describe('an endpoint that is dead', () => {
  it('does not stop the others: requests are served, at once or after one try', () => {
    const scene = connected({ pool: { maxConnections: 12 }, endpoints: 3 });
    scene.dial.behave(two, 'refuse');
    for (let i = 0; i < 30; i += 1) {
      const seekers = [scene.seek('a'), scene.seek('b'), scene.seek('c')];
      scene.pass(60);
      for (const { lease } of seekers) {
        expect(lease).not.toBeNull();
        (lease as Lease).discard('fault');
      }
      scene.pass(1_000);
    }
    expect(scene.upstream.snapshot().isDown).toBe(false);
  });

  it('whose dials hang does not stop the others', () => {
    const scene = connected({ pool: { maxConnections: 12, maxDials: 4 }, endpoints: 2 });
    scene.dial.behave(one, 'hang');
    const seekers = [scene.seek('a'), scene.seek('b')];
    scene.settle();
    expect(seekers.some(({ lease }) => lease !== null)).toBe(true);
  });
});

describe('beside an endpoint that has connections, one whose dials fail', () => {
  /** Six connections of `one`, all leased; `two` has none, and refuses. */
  const lopsided = () => {
    const scene = connected({ pool: { maxConnections: 40, maxDials: 4 }, endpoints: 1 });
    for (let i = 0; i < 6; i += 1) scene.lease();
    scene.upstream.setEndpoints(addresses(2));
    scene.dial.behave(two, 'refuse');
    scene.seek('finds out');
    scene.pass(1);
    return scene;
  };
  const underWayTo = (scene: Scene, address: string) =>
    scene.dial.underWay.filter(({ target }) => target.address === address).length;

  it('is not preferred though it has the fewest connections', () => {
    const scene = lopsided();
    // Its pause is over.
    scene.pass(30);
    const dialled = scene.dial.all.length;
    const seekers = [scene.seek('a'), scene.seek('b')];
    scene.settle();
    expect(seekers.map(({ lease }) => lease?.carrier.endpoint)).toEqual([one, one]);
    expect(scene.dial.addresses.slice(dialled)).toEqual([one, two, one]);
  });

  it('is tried again after its pause, once at a time, and costs nobody anything', () => {
    const scene = lopsided();
    scene.dial.behave(two, 'hang');
    for (let i = 0; i < 20; i += 1) {
      scene.pass(30);
      const seeker = scene.seek(`s${i}`);
      scene.settle();
      expect(seeker.lease?.carrier.endpoint).toBe(one);
      expect(underWayTo(scene, two)).toBe(1);
    }
  });

  it('is used like any other once a dial has succeeded', () => {
    const scene = lopsided();
    scene.dial.behave(two, 'connect');
    scene.pass(30);
    scene.seek('a');
    scene.settle();
    const next = scene.seek('b', { need: 'new' });
    scene.settle();
    expect(next.lease?.carrier.endpoint).toBe(two);
  });
});

describe('an endpoint that is a black hole', () => {
  it('from the start, has one dial, and the others have all that is wanted', () => {
    const scene = connected({ pool: { maxConnections: 40, maxDials: 4 }, endpoints: 1 });
    for (let i = 0; i < 6; i += 1) scene.lease();
    scene.dial.behave(two, 'hang');
    scene.upstream.setEndpoints(addresses(2));
    const seekers = Array.from({ length: 8 }, (_, i) => scene.seek(`s${i}`));
    scene.settle();
    expect(scene.dial.underWay.map(({ target }) => target.address)).toEqual([two]);
    expect(seekers.filter(({ lease }) => lease !== null)).toHaveLength(7);
    // The last waits for the black hole until that dial is slow, not until it is given up.
    scene.pass(250 + 17);
    expect(seekers.every(({ lease }) => lease?.carrier.endpoint === one)).toBe(true);
  });

  it('of late, though it was good before, leaves a slot to the others', () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const scene = connected({ seed, pool: { maxConnections: 40, maxDials: 4 }, endpoints: 2 });
      for (const lease of Array.from({ length: 8 }, () => scene.lease()))
        if (lease.carrier.endpoint === two) lease.discard('fault');
      scene.dial.behave(two, 'hang');
      const seekers = Array.from({ length: 12 }, (_, i) => scene.seek(`s${i}`));
      scene.settle();
      expect(scene.dial.underWay).toHaveLength(3);
      expect(seekers.filter(({ lease }) => lease !== null)).toHaveLength(9);
      scene.pass(250 + 17);
      expect(seekers.every(({ lease }) => lease !== null)).toBe(true);
    }
  });

  it('does not keep one from being found that comes back while every dial fails', () => {
    const scene = new Scene({ endpoints: 2 });
    scene.dial.behave(one, 'refuse');
    scene.dial.behave(two, 'refuse');
    const seeker = scene.seek();
    scene.pass(500);
    scene.dial.behave(two, 'hang');
    scene.pass(600);
    expect(seeker.lease).toBeNull();
    scene.dial.behave(one, 'connect');
    scene.pass(550);
    expect(seeker.lease?.carrier.endpoint).toBe(one);
  });

  it('leaves nothing in the wheel', () => {
    const scene = connected({ endpoints: 2 });
    scene.dial.behave(one, 'hang');
    scene.dial.behave(two, 'hang');
    const seeker = scene.seek();
    scene.upstream.cancel(seeker);
    for (const dial of scene.dial.underWay) dial.fail();
    scene.pass(10_000);
    expect([scene.wheel.size, scene.clock.pendingSleeps]).toEqual([0, 0]);
  });
});

describe('a single endpoint', () => {
  it('that hangs has as many dials as there may be, and no more for being slow', () => {
    const scene = new Scene({ pool: { maxDials: 3 } });
    for (let i = 0; i < 5; i += 1) scene.seek();
    scene.pass(1_000);
    expect([scene.dial.underWay.length, scene.dial.all.length]).toEqual([3, 3]);
  });

  it('is dialled at once though a dial hangs to one that is gone', () => {
    const scene = new Scene();
    const seeker = scene.seek();
    scene.dial.behaviour = 'connect';
    scene.upstream.setEndpoints([{ ip: '10.0.0.9', port: 80 }]);
    scene.settle();
    expect(seeker.lease?.carrier.endpoint).toBe('10.0.0.9:80');
  });
});

describe('a new set of endpoints', () => {
  it('closes what lies idle at those that are gone', () => {
    const scene = connected({ endpoints: 2 });
    for (const lease of [scene.lease(), scene.lease()]) scene.exchange(lease);
    scene.upstream.setEndpoints(addresses(1));
    expect(scene.closed).toEqual(['endpoint-gone']);
    expect(scene.upstream.snapshot().endpoints.map(({ address }) => address)).toEqual([one]);
  });

  it('closes what is active at those that are gone when it comes back', () => {
    const scene = connected({ endpoints: 2 });
    const leases = [scene.lease(), scene.lease()];
    scene.upstream.setEndpoints(addresses(1));
    expect(scene.closed).toEqual([]);
    const draining = scene.upstream.snapshot().endpoints.find(({ isDraining }) => isDraining);
    expect(draining).toMatchObject({ address: two, connections: [{ state: 'draining' }] });
    for (const lease of leases) scene.exchange(lease);
    expect(scene.closed).toEqual(['endpoint-gone']);
    expect(scene.upstream.snapshot().endpoints).toHaveLength(1);
    expect(scene.idle).toHaveLength(1);
  });

  it('takes one back that was gone and still has a request: its connection is kept', () => {
    const scene = connected({ endpoints: 2 });
    const leases = [scene.lease(), scene.lease()];
    scene.upstream.setEndpoints(addresses(1));
    scene.upstream.setEndpoints(addresses(2));
    for (const lease of leases) scene.exchange(lease);
    expect([scene.closed, scene.idle.length]).toEqual([[], 2]);
  });

  it('drops what a dial brings to one that is gone', () => {
    const scene = new Scene();
    const seeker = scene.seek();
    const dial = scene.dial.first;
    scene.upstream.setEndpoints([{ ip: '10.0.0.9', port: 80 }]);
    const wire = dial.succeed();
    expect([seeker.lease, wire.closed, scene.closed]).toEqual([null, 'closed', ['endpoint-gone']]);
    scene.dial.first.succeed();
    expect(seeker.lease?.carrier.endpoint).toBe('10.0.0.9:80');
    expect(scene.upstream.snapshot().endpoints).toHaveLength(1);
  });

  it('forgets one that is gone once its last dial has failed', () => {
    const scene = new Scene();
    scene.seek();
    scene.upstream.setEndpoints([{ ip: '10.0.0.9', port: 80 }]);
    scene.dial.underWay.find(({ target }) => target.address === one)?.fail();
    expect(scene.upstream.snapshot().endpoints.map(({ address }) => address)).toEqual([
      '10.0.0.9:80',
    ]);
  });

  it('of none gives nothing to those who come, and drops what was idle', () => {
    const scene = connected({ endpoints: 2 });
    scene.openIdle(2);
    scene.upstream.setEndpoints([]);
    const seeker = scene.seek();
    scene.pass(3_020);
    expect(seeker.fault?.kind).toBe('no-endpoint');
    expect(scene.connections).toBe(0);
  });

  it('that is the same changes nothing', () => {
    const scene = connected({ pool: { warm: 2, warmMax: 2 }, endpoints: 2 });
    const before = [...scene.idle];
    scene.upstream.setEndpoints(addresses(2));
    scene.settle();
    expect([scene.idle, scene.closed]).toEqual([before, []]);
  });

  it('is named with brackets where an address is of version 6', () => {
    const scene = new Scene({ endpoints: 0 });
    scene.upstream.setEndpoints([{ ip: '2001:db8::1', port: 443 }]);
    expect(scene.upstream.snapshot().endpoints[0]?.address).toBe('[2001:db8::1]:443');
  });
});
