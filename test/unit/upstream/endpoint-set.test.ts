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
