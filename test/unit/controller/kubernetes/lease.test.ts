import { describe, expect, it } from 'vitest';
import { Lease } from '../../../../src/controller/kubernetes/lease.ts';
import { FakeApi } from '../../../support/fake-api.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const path = '/apis/coordination.k8s.io/v1/namespaces/sidepool/leases/controller';

function scene() {
  const api = new FakeApi();
  const clock = new FakeClock();
  const replica = (identity: string, own = clock) =>
    new Lease(api, own, {
      namespace: 'sidepool',
      name: 'controller',
      identity,
      durationMs: 30_000,
    });
  const holder = () => api.objects.get(path)?.spec?.holderIdentity;
  return { api, clock, replica, holder };
}

describe('Lease', () => {
  it('is made when it is missing, and filled in when a chart has made it empty', async () => {
    const { api, replica, holder } = scene();
    expect(await replica('a').tend()).toBe(true);
    expect(holder()).toBe('a');
    api.put(path, { metadata: { name: 'controller', labels: { chart: 'x' } } });
    expect(await replica('b').tend()).toBe(true);
    expect(holder()).toBe('b');
    expect(api.objects.get(path)?.metadata).toMatchObject({ labels: { chart: 'x' } });
  });

  it('is held by one, until that one is silent for as long as it says', async () => {
    const { clock, replica, holder } = scene();
    const a = replica('a');
    const b = replica('b');
    await a.tend();
    for (let round = 0; round < 5; round += 1) {
      clock.advance(10_000);
      expect(await a.tend()).toBe(true);
      expect(await b.tend()).toBe(false);
    }
    clock.advance(29_000);
    expect(await b.tend()).toBe(false);
    expect(a.isHeld).toBe(true);
    clock.advance(1_000);
    expect(a.isHeld).toBe(false);
    expect(await b.tend()).toBe(true);
    expect(holder()).toBe('b');
    expect(await a.tend()).toBe(false);
  });

  it('does not believe the clock of another machine', async () => {
    const { api, clock, replica } = scene();
    const ahead = new FakeClock({ wallSeconds: 1_750_000_000 - 7 * 86_400 });
    await replica('behind', ahead).tend();
    // By its times the record is a week old; to this replica it is new.
    const b = replica('b');
    expect(await b.tend()).toBe(false);
    clock.advance(29_000);
    expect(await b.tend()).toBe(false);
    clock.advance(1_500);
    expect(await b.tend()).toBe(true);
    expect(api.objects.size).toBe(1);
  });

  it('goes to one when two reach for it at once', async () => {
    const { api, clock, replica } = scene();
    const a = replica('a');
    const b = replica('b');
    const results = await Promise.all([a.tend(), b.tend()]);
    expect(results.filter(Boolean)).toHaveLength(1);
    clock.advance(60_000);
    api.before = ({ method }) => {
      if (method !== 'PUT') return;
      api.before = () => undefined;
      api.put(path, {
        metadata: { name: 'controller' },
        spec: { holderIdentity: 'c', leaseDurationSeconds: 30 },
      });
    };
    expect(await a.tend()).toBe(false);
    expect(a.isHeld).toBe(false);
  });

  it('is given up at the end, so that the next need not wait', async () => {
    const { replica, holder } = scene();
    const a = replica('a');
    await a.tend();
    await a.release();
    expect(holder()).toBe('');
    expect(a.isHeld).toBe(false);
    expect(await replica('b').tend()).toBe(true);
  });

  it('is not counted on when the API server is away for longer than it lasts', async () => {
    const { api, clock, replica } = scene();
    const a = replica('a');
    await a.tend();
    api.isAway = true;
    clock.advance(30_000);
    await expect(a.tend()).rejects.toThrow('away');
    expect(a.isHeld).toBe(false);
  });

  it('rejects with what the API server says when it may not', async () => {
    const { replica } = scene();
    const a = replica('a');
    const refused = new Lease(
      { call: async () => ({ status: 403, body: { message: 'leases is forbidden' } }) },
      new FakeClock(),
      { namespace: 'n', name: 'l', identity: 'a', durationMs: 1000 },
    );
    await expect(refused.tend()).rejects.toThrow('leases is forbidden');
    expect(a.isHeld).toBe(false);
  });
});
