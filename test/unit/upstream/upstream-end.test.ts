/** How an upstream ends: in its own time, or now. */
import { describe, expect, it } from 'vitest';
import { Scene } from './scene.ts';

describe('an upstream that retires', () => {
  const retiring = (scene: Scene) => {
    const done = { count: 0 };
    scene.upstream.retire(() => {
      done.count += 1;
    });
    return done;
  };

  it('with nothing in use is done at once', () => {
    const scene = new Scene({ pool: { warm: 1, warmMax: 1 } });
    scene.dial.first.succeed();
    const done = retiring(scene);
    expect([done.count, scene.closed, scene.connections]).toEqual([1, ['shutdown'], 0]);
  });

  it('waits for leases, and keeps none of their connections', () => {
    const scene = new Scene();
    const [a, b] = [scene.lease(), scene.lease()];
    const done = retiring(scene);
    scene.exchange(a);
    expect([done.count, scene.closed]).toEqual([0, ['shutdown']]);
    b.discard('fault');
    expect([done.count, scene.closed]).toEqual([1, ['shutdown', 'fault']]);
    expect(scene.wheel.size).toBe(0);
  });

  it('waits for those who wait, and serves them with what frees up', () => {
    const scene = new Scene({ pool: { maxConnections: 1 } });
    const lease = scene.lease();
    const seeker = scene.seek();
    const done = retiring(scene);
    scene.exchange(lease);
    expect([seeker.lease !== null, done.count]).toEqual([true, 0]);
    seeker.lease?.giveBack();
    expect(done.count).toBe(1);
  });

  it('still dials for those who wait, and for nobody else', () => {
    const scene = new Scene({ pool: { warm: 2, warmMax: 2 }, endpoints: 0 });
    const seeker = scene.seek();
    const done = retiring(scene);
    scene.upstream.setEndpoints([{ ip: '10.0.0.1', port: 80 }]);
    expect(scene.dial.underWay).toHaveLength(1);
    scene.dial.first.succeed();
    seeker.lease?.giveBack();
    expect([done.count, scene.dial.all.length]).toEqual([1, 1]);
  });

  it('is done when the last who waited has gone, or been refused', () => {
    const gone = new Scene({ endpoints: 0 });
    const seeker = gone.seek();
    const done = retiring(gone);
    gone.upstream.cancel(seeker);
    expect(done.count).toBe(1);
    const refused = new Scene({ endpoints: 0 });
    refused.seek();
    const refusedDone = retiring(refused);
    refused.pass(3_020);
    expect(refusedDone.count).toBe(1);
  });

  it('keeps nothing of what a dial brings that nobody waits for any more', () => {
    const scene = new Scene();
    const busy = scene.lease();
    const seeker = scene.seek();
    const done = retiring(scene);
    scene.upstream.cancel(seeker);
    scene.dial.first.succeed();
    expect([scene.idle, scene.closed, done.count]).toEqual([[], ['shutdown'], 0]);
    busy.giveBack();
    expect(done.count).toBe(1);
  });

  it('tells so once', () => {
    const scene = new Scene();
    const done = retiring(scene);
    scene.upstream.destroy();
    scene.pass(10_000);
    expect(done.count).toBe(1);
  });
});

describe('an upstream that is destroyed', () => {
  it('refuses who waits and calls off its dials', () => {
    const scene = new Scene();
    const seeker = scene.seek();
    const { first } = scene.dial;
    scene.upstream.destroy();
    expect(seeker.fault).toMatchObject({ kind: 'draining', side: 'gateway', sent: 'not-sent' });
    expect([first.isCalledOff, scene.dial.underWay.length]).toEqual([true, 0]);
    expect([scene.waiting, scene.connecting]).toEqual([0, 0]);
  });

  it('closes what is idle and what is in use', () => {
    const scene = new Scene();
    scene.lease();
    scene.openIdle(1);
    scene.upstream.destroy();
    expect([scene.connections, scene.closed]).toEqual([0, ['shutdown', 'shutdown']]);
  });

  it.each(['giveBack', 'discard'] as const)(
    'takes a lease back that was out: %s is no error, and counts nothing twice',
    (how) => {
      const scene = new Scene();
      const lease = scene.lease();
      scene.upstream.destroy();
      if (how === 'giveBack') lease.giveBack();
      else lease.discard('client-gone');
      scene.pass(10_000);
      expect([scene.closed, scene.active]).toEqual([['shutdown'], 0]);
    },
  );

  it('hears of a stale connection, and is asked of one, without harm', () => {
    const scene = new Scene();
    const lease = scene.lease();
    scene.upstream.destroy();
    scene.upstream.onStale(lease.carrier.endpoint, lease.carrier.lastIdleMs);
    expect(scene.upstream.speaksHttp10(lease.carrier)).toBe(false);
  });

  it('refuses who comes after', () => {
    const scene = new Scene();
    scene.upstream.destroy();
    const seeker = scene.seek();
    expect(seeker.fault?.kind).toBe('draining');
    expect(scene.wheel.size).toBe(0);
  });

  it('leaves nothing behind: no deadline, no dial, no connection', () => {
    const scene = new Scene({ pool: { warm: 3, warmMax: 3 } });
    scene.dial.first.succeed();
    scene.dial.first.fail();
    scene.lease();
    scene.seek('waits');
    scene.upstream.destroy();
    scene.pass(100_000);
    expect([scene.wheel.size, scene.clock.pendingSleeps, scene.dial.underWay.length]).toEqual([
      0, 0, 0,
    ]);
    expect(scene.dial.wires.every(({ closed }) => closed !== null)).toBe(true);
  });

  it('can be destroyed twice', () => {
    const scene = new Scene();
    scene.openIdle(1);
    scene.upstream.destroy();
    scene.upstream.destroy();
    expect(scene.closed).toEqual(['shutdown']);
  });
});
