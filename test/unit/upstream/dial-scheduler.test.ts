/** When is dialled, and how often; and what an upstream that is away costs those who wait. */
import { describe, expect, it } from 'vitest';
import { Scene, type Seeker } from './scene.ts';

describe('dials under way', () => {
  it('are no more than maxDials', () => {
    const scene = new Scene({ pool: { maxDials: 2 } });
    for (let i = 0; i < 5; i += 1) scene.seek();
    expect(scene.dial.underWay).toHaveLength(2);
    scene.dial.first.succeed();
    expect(scene.dial.underWay).toHaveLength(2);
  });

  it('are no more than are missing', () => {
    const scene = new Scene({ pool: { maxDials: 8 } });
    for (let i = 0; i < 3; i += 1) scene.seek();
    expect(scene.dial.underWay).toHaveLength(3);
    scene.pass(1_000);
    expect(scene.dial.all).toHaveLength(3);
  });

  it('may be over before they have begun', () => {
    const scene = new Scene({ endpoints: 0 });
    const seeker = scene.seek();
    scene.dial.behaviour = 'connect at once';
    scene.upstream.setEndpoints([{ ip: '10.0.0.1', port: 80 }]);
    expect(seeker.lease).not.toBeNull();
    expect(scene.connecting).toBe(0);
  });
});

describe('while dials fail', () => {
  it('one at a time is made', () => {
    const scene = new Scene({ pool: { maxDials: 4 } });
    for (let i = 0; i < 4; i += 1) scene.seek();
    for (let i = 0; i < 4; i += 1) scene.dial.first.fail();
    for (let ms = 0; ms < 2_000; ms += 10) {
      scene.pass(10);
      expect(scene.dial.underWay.length).toBeLessThanOrEqual(1);
      for (const dial of scene.dial.underWay) dial.fail();
    }
    expect(scene.dial.all.length).toBeGreaterThan(10);
  });

  it('they are made with pauses that grow to a quarter of a second while somebody waits', () => {
    const scene = new Scene({ waitMs: 20_000 });
    scene.dial.behaviour = 'refuse';
    scene.seek();
    scene.pass(19_000);
    const gaps = gapsOf(scene);
    expect(gaps[0]).toBeGreaterThanOrEqual(12);
    expect(gaps[0]).toBeLessThanOrEqual(25 + 17);
    for (const gap of gaps.slice(6)) {
      expect(gap).toBeGreaterThanOrEqual(125);
      expect(gap).toBeLessThanOrEqual(250 + 17);
    }
    expect(new Set(gaps.slice(6).map((gap) => Math.round(gap / 10))).size).toBeGreaterThan(3);
  });

  it('they are made with pauses that grow to five seconds while nobody waits', () => {
    const scene = new Scene({ pool: { warm: 1, warmMax: 1 }, endpoints: 0 });
    scene.dial.behaviour = 'refuse';
    scene.upstream.setEndpoints([{ ip: '10.0.0.1', port: 80 }]);
    scene.pass(120_000);
    const gaps = gapsOf(scene);
    for (const gap of gaps.slice(8)) {
      expect(gap).toBeGreaterThanOrEqual(2_500);
      expect(gap).toBeLessThanOrEqual(5_000 + 17);
    }
    expect(scene.clock.wakeups).toBeLessThanOrEqual(2 * scene.dial.all.length);
  });

  it('somebody who comes ends a long pause', () => {
    const scene = new Scene({ pool: { warm: 1, warmMax: 1 }, endpoints: 0 });
    scene.dial.behaviour = 'refuse';
    scene.upstream.setEndpoints([{ ip: '10.0.0.1', port: 80 }]);
    // Long enough for long pauses, and still within the time that is waited out.
    scene.pass(2_000);
    const before = scene.dial.all.length;
    scene.seek();
    scene.pass(270);
    expect(scene.dial.all.length).toBeGreaterThan(before);
  });

  it('discovery is asked to look again', () => {
    const scene = new Scene();
    scene.seek();
    scene.dial.first.fail();
    expect(scene.doubts).toBe(1);
  });

  it('no pause is left in the wheel when nobody wants a connection', () => {
    const scene = new Scene();
    scene.dial.behaviour = 'refuse';
    scene.seek();
    scene.pass(10_000);
    expect(scene.wheel.size).toBe(0);
    expect(scene.clock.pendingSleeps).toBe(0);
  });
});

describe('a restart of the upstream', () => {
  it('of two seconds costs no waiter, and all are served within a moment of its end', () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const scene = new Scene({ seed, pool: { maxConnections: 10 } });
      scene.openIdle(3);
      for (const id of scene.idle) scene.wireOf(id).end();
      scene.dial.behaviour = 'refuse';
      const seekers: Seeker[] = [];
      for (let i = 0; i < 10; i += 1) {
        seekers.push(scene.seek(`s${i}`));
        scene.pass(200);
      }
      scene.dial.behaviour = 'connect';
      scene.pass(300);
      expect(seekers.map(({ lease }) => lease !== null)).toEqual(seekers.map(() => true));
    }
  });

  it('is over with the first dial that succeeds: as many as are needed are made again', () => {
    const scene = new Scene({ pool: { maxDials: 4 } });
    scene.dial.behaviour = 'refuse';
    for (let i = 0; i < 5; i += 1) scene.seek();
    scene.pass(1_000);
    scene.dial.behaviour = 'hang';
    scene.pass(300);
    expect(scene.dial.underWay).toHaveLength(1);
    scene.dial.first.succeed();
    expect(scene.dial.underWay).toHaveLength(4);
  });
});

describe('an upstream whose dials have failed for longer than anybody waits', () => {
  const down = (options: ConstructorParameters<typeof Scene>[0] = {}) => {
    const scene = new Scene(options);
    scene.dial.behaviour = 'refuse';
    const first = scene.seek('first');
    scene.pass(2_500);
    const late = scene.seek('late');
    scene.pass(1_000);
    scene.dial.behaviour = 'hang';
    scene.pass(300);
    return { scene, first, late };
  };

  it('refuses at once', () => {
    const { scene, first } = down();
    expect(first.fault?.kind).toBe('connect-refused');
    const refused = scene.seek();
    expect(refused.fault).toMatchObject({ kind: 'upstream-down', side: 'upstream' });
    expect(refused.fault?.cause).toContain('10.0.0.1:80 said no');
    expect(scene.upstream.snapshot().isDown).toBe(true);
  });

  it('never refuses whom it has let wait before: each keeps its place until its own deadline', () => {
    const { scene, late } = down();
    expect(late.fault).toBeNull();
    scene.dial.first.succeed();
    expect(late.lease).not.toBeNull();
  });

  it('is looked for by one dial at a time', () => {
    const { scene } = down();
    for (let i = 0; i < 5; i += 1) scene.seek();
    expect(scene.dial.underWay).toHaveLength(1);
  });

  it('is looked for by one dial though nobody waits any more', () => {
    const { scene, late } = down();
    scene.upstream.cancel(late);
    scene.dial.first.fail();
    scene.pass(1_000);
    expect(scene.dial.underWay).toEqual([]);
    expect(scene.seek().fault?.kind).toBe('upstream-down');
    scene.pass(300);
    expect(scene.dial.underWay).toHaveLength(1);
  });

  it('is up again with the first dial that succeeds', () => {
    const { scene, late } = down();
    scene.upstream.cancel(late);
    scene.dial.first.succeed();
    expect(scene.upstream.snapshot()).toMatchObject({ isDown: false, lastDialFault: null });
    expect(scene.seek().lease).not.toBeNull();
    expect(scene.seek('next').fault).toBeNull();
  });

  it('still gives an idle connection', () => {
    const scene = new Scene();
    const kept = scene.lease();
    scene.dial.behaviour = 'refuse';
    scene.seek('first');
    for (let ms = 0; ms < 4_000; ms += 100) scene.pass(100);
    scene.exchange(kept);
    expect(scene.seek().lease).not.toBeNull();
  });
});

describe('an upstream is not taken for down', () => {
  it('for one dial that failed long ago', () => {
    const scene = new Scene();
    const seeker = scene.seek();
    scene.dial.first.fail();
    scene.upstream.cancel(seeker);
    scene.pass(600_000);
    const next = scene.seek('next');
    expect(next.fault).toBeNull();
    scene.dial.first.succeed();
    expect(next.lease).not.toBeNull();
  });

  it('for one dial that failed, as long as it serves over the connections that it has', () => {
    const scene = new Scene({ pool: { maxConnections: 2 } });
    const busy = scene.lease();
    const seeker = scene.seek();
    scene.dial.first.fail();
    scene.upstream.cancel(seeker);
    scene.pass(4_000);
    const next = scene.seek('next');
    expect(next.fault).toBeNull();
    scene.exchange(busy);
    expect(next.lease).not.toBeNull();
  });

  it('because it was down a long time ago, when nobody has looked since', () => {
    const scene = new Scene();
    scene.dial.behaviour = 'refuse';
    scene.seek();
    scene.pass(1_000);
    scene.seek();
    scene.pass(3_000);
    expect(scene.seek().fault?.kind).toBe('upstream-down');
    scene.pass(600_000);
    scene.dial.behaviour = 'connect';
    const next = scene.seek('next');
    scene.settle();
    expect(next.lease).not.toBeNull();
  });

  it('as long as it answers over the connections that it has, though it takes no more', () => {
    const scene = new Scene();
    const busy = scene.lease();
    scene.dial.behaviour = 'refuse';
    let lease = busy;
    for (let i = 0; i < 20; i += 1) {
      const seeker = scene.seek(`s${i}`);
      scene.pass(500);
      scene.exchange(lease);
      expect(seeker.fault).toBeNull();
      if (seeker.lease === null) throw new Error('what freed up served nobody');
      lease = seeker.lease;
    }
  });
});

/** Milliseconds between dials. */
function gapsOf(scene: Scene): number[] {
  const times = scene.dial.all.map(({ atMs }) => atMs);
  return times.slice(1).map((ms, i) => ms - (times[i] ?? 0));
}
