/** Which idle connection is taken, seen from the upstream. */
import { describe, expect, it } from 'vitest';
import { idOf, Scene } from './scene.ts';

/** Connection 1 has carried a request, connection 2 nothing yet and is younger. */
function usedAndUnused(): Scene {
  const scene = new Scene();
  const lease = scene.lease();
  const gone = scene.seek('gone');
  scene.upstream.cancel(gone);
  scene.exchange(lease);
  scene.pass(100);
  scene.dial.first.succeed();
  expect(scene.idle.sort()).toEqual([1, 2]);
  return scene;
}

describe('of the idle connections is taken', () => {
  it('the most recently used, while there are more than are needed', () => {
    const scene = new Scene();
    scene.openIdle(3);
    scene.pass(40_000);
    expect(idOf(scene.lease())).toBe(3);
  });

  it('one that has carried a request before one that has not, though that is younger', () => {
    expect(idOf(usedAndUnused().lease())).toBe(1);
    expect(idOf(usedAndUnused().lease({ need: 'steady' }))).toBe(1);
  });

  it('the younger of the two, once the other is no longer well inside its limit', () => {
    const scene = usedAndUnused();
    // Well inside are three quarters of 60 s; the used one is 100 ms older.
    scene.clock.block(44_950);
    expect(idOf(scene.lease())).toBe(2);
  });
});

describe('a pool that holds no more than demand and floor ask for', () => {
  it('takes first the oldest that has used up half its time, used ones before unused', () => {
    const scene = new Scene({ pool: { warm: 1, warmMax: 1 } });
    scene.dial.behaviour = 'connect';
    scene.settle();
    scene.pass(1);
    while (scene.idle.length < 1) scene.dial.first.succeed();
    scene.openIdle(2);
    scene.settle();
    while (scene.dial.underWay.length > 0) scene.dial.first.succeed();
    expect(scene.idle.sort()).toEqual([1, 2, 3]);
    scene.clock.block(23_000);
    const taken = [scene.lease(), scene.lease(), scene.lease()];
    expect(taken.map(idOf)).toEqual([1, 2, 3]);
    expect(taken.map(({ isReused }) => isReused)).toEqual([true, true, false]);
  });

  it('is kept by use: nothing grows old and is dialled again while there are requests', () => {
    const scene = new Scene({ pool: { warm: 2, warmMax: 2 } });
    scene.dial.behaviour = 'connect';
    for (let seconds = 0; seconds < 600; seconds += 1) {
      if (scene.idle.length > 0) scene.exchange(scene.lease());
      scene.pass(1_000);
      while (scene.dial.underWay.length > 0) scene.dial.first.succeed();
    }
    expect(scene.closed).toEqual([]);
    expect(scene.opened).toBeLessThanOrEqual(3);
  });

  it('shrinks again when demand was greater long ago', () => {
    const scene = new Scene({ pool: { warm: 1, warmMax: 1 } });
    scene.dial.behaviour = 'connect';
    scene.settle();
    scene.openIdle(6);
    for (let seconds = 0; seconds < 120; seconds += 1) {
      scene.exchange(scene.lease());
      scene.pass(1_000);
    }
    expect(scene.connections).toBeLessThanOrEqual(2);
  });
});

describe('a connection is new for a resend', () => {
  it('only if its dial began after the resend came', () => {
    const scene = new Scene();
    const gone = scene.seek('gone');
    scene.pass(5);
    // Its dial may have reached the queue of the process that has just been killed.
    const resend = scene.seek('resend', { need: 'new' });
    scene.upstream.cancel(gone);
    scene.dial.first.succeed();
    expect([resend.lease, scene.idle]).toEqual([null, [1]]);
    scene.dial.first.succeed();
    expect(resend.lease && idOf(resend.lease)).toBe(2);
  });
});
