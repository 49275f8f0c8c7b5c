/** How deep requests are pipelined, when they rest, and when those who wait go elsewhere. */
import { describe, expect, it } from 'vitest';
import { PipelineSlot } from '../../../src/upstream/h1/pipeline-slot.ts';
import { Pipelining } from '../../../src/upstream/pipelining.ts';
import { RecordingSink } from './recording-sink.ts';
import { request, Scene } from './scene.ts';

const depthOf = (pipelining: Pipelining, nowMs = 0) => pipelining.snapshot(nowMs).depth;
function answers(pipelining: Pipelining, count: number, tookMs: number): void {
  for (let nth = 0; nth < count; nth += 1) pipelining.onAnswered(tookMs, nth);
}

describe('auto', () => {
  it('doubles while responses are fast, up to 16', () => {
    const pipelining = new Pipelining('auto');
    const depths = [0, 1, 2, 3, 4, 5].map((round) => {
      if (round > 0) answers(pipelining, 16, 1);
      return depthOf(pipelining);
    });
    expect(depths).toEqual([2, 4, 8, 16, 16, 16]);
  });

  it('takes half for each that had to be rescued, and then grows one by one', () => {
    const pipelining = new Pipelining('auto');
    answers(pipelining, 48, 1);
    pipelining.onRescued();
    expect(depthOf(pipelining)).toBe(8);
    answers(pipelining, 16, 1);
    expect(depthOf(pipelining)).toBe(9);
  });

  it('goes down to one at a time where responses are slow', () => {
    const pipelining = new Pipelining('auto');
    pipelining.onOpened(2);
    answers(pipelining, 64, 100);
    expect(depthOf(pipelining)).toBe(1);
    expect(pipelining.hasRoom(0, 5, 0)).toBe(true);
    expect(pipelining.hasRoom(1, 5, 0)).toBe(false);
  });

  it('takes the network into account: a far upstream is not a slow one', () => {
    const pipelining = new Pipelining('auto');
    pipelining.onOpened(80);
    answers(pipelining, 48, 85);
    expect(depthOf(pipelining)).toBe(16);
  });
});

it('a depth is kept as it is', () => {
  const pipelining = new Pipelining(8);
  answers(pipelining, 100, 1_000);
  pipelining.onRescued();
  expect(depthOf(pipelining)).toBe(8);
  expect([pipelining.hasRoom(7, 1, 0), pipelining.hasRoom(8, 1, 0)]).toEqual([true, false]);
});

describe('two early ends', () => {
  it('within a minute let it rest, longer each time', () => {
    const pipelining = new Pipelining(8);
    pipelining.onEarlyEnd(0);
    expect(pipelining.isResting(0)).toBe(false);
    pipelining.onEarlyEnd(59_999);
    expect([pipelining.isResting(59_999), pipelining.isResting(89_998)]).toEqual([true, true]);
    expect(pipelining.hasRoom(0, 1, 60_000)).toBe(false);
    expect(pipelining.isResting(89_999)).toBe(false);
    pipelining.onEarlyEnd(90_000);
    pipelining.onEarlyEnd(90_001);
    expect(pipelining.snapshot(90_001).restsMs).toBe(60_000);
  });

  it('further apart are two accidents', () => {
    const pipelining = new Pipelining(8);
    pipelining.onEarlyEnd(0);
    pipelining.onEarlyEnd(60_000);
    expect(pipelining.isResting(60_000)).toBe(false);
  });
});

it('nothing is sent behind the response that closes, as far as that is known', () => {
  const pipelining = new Pipelining(8);
  expect(pipelining.hasRoom(3, 100, 0)).toBe(true);
  pipelining.onToldClose(100, 0);
  expect([pipelining.hasRoom(3, 99, 1), pipelining.hasRoom(3, 100, 1)]).toEqual([true, false]);
  // It may have been reconfigured: that is found out now and then.
  expect(pipelining.hasRoom(3, 100, 600_000)).toBe(true);
});

describe('a rescue', () => {
  it('comes after twice the usual time, and never within what a busy machine does by itself', () => {
    const pipelining = new Pipelining('auto');
    answers(pipelining, 200, 1);
    expect(pipelining.rescueMs).toBe(25);
    answers(pipelining, 200, 60);
    expect(pipelining.rescueMs).toBeGreaterThan(115);
    expect(pipelining.rescueMs).toBeLessThan(140);
  });

  it('is no use while nobody is answered', () => {
    const pipelining = new Pipelining('auto');
    pipelining.onAnswered(1, 1_000);
    expect(pipelining.answersNow(1_012)).toBe(true);
    expect(pipelining.answersNow(1_013)).toBe(false);
  });
});

describe('who waits', () => {
  /** One connection that has persisted, shared by two. */
  function shared() {
    const scene = new Scene({ pool: { pipelining: 2, maxConnections: 1 } });
    scene.openIdle(1);
    const seekers = ['a', 'b'].map((name) => scene.seek(name, { canPipeline: true }));
    const sinks = seekers.map(({ lease }) => {
      const sink = new RecordingSink();
      lease?.carrier.send(request(), sink);
      sink.onOver = () => lease?.giveBack();
      return sink;
    });
    scene.settle();
    const wire = scene.wireOf(1);
    return { scene, sinks, answer: () => wire.respond('HTTP/1.1 204 No Content\r\n\r\n') };
  }

  it('gets the place that the first to be answered leaves', () => {
    const { scene, answer } = shared();
    const waiting = scene.seek('c', { canPipeline: true });
    expect(waiting.lease).toBeNull();
    answer();
    expect(waiting.lease).not.toBeNull();
  });

  it('is not passed by those who come later', () => {
    const { scene, answer } = shared();
    const [c, d] = ['c', 'd'].map((name) => scene.seek(name, { canPipeline: true }));
    answer();
    expect([c?.lease === null, d?.lease]).toEqual([false, null]);
  });

  it('and may not share holds up those behind, until a connection is free for it alone', () => {
    const { scene, answer } = shared();
    const alone = scene.seek('post', { need: 'steady' });
    const behind = scene.seek('get', { canPipeline: true });
    answer();
    expect([alone.lease, behind.lease]).toEqual([null, null]);
    answer();
    expect(alone.lease).not.toBeNull();
    expect(behind.lease).toBeNull();
  });
});

describe('a connection that is shared', () => {
  function busy(pool = {}) {
    const scene = new Scene({ pool: { pipelining: 8, maxConnections: 1, ...pool } });
    scene.openIdle(1);
    const lease = scene.seek('a', { canPipeline: true }).lease;
    lease?.carrier.send(request(), new RecordingSink());
    scene.settle();
    return scene;
  }

  it('takes nobody else once its endpoint is gone', () => {
    const scene = busy();
    expect(scene.seek('b', { canPipeline: true }).lease).not.toBeNull();
    scene.upstream.setEndpoints([{ ip: '10.0.0.9', port: 80 }]);
    expect(scene.seek('c', { canPipeline: true }).lease).toBeNull();
  });

  it('takes nobody else past maxRequests or its age', () => {
    const few = busy({ maxRequests: 3 });
    expect(few.seek('b', { canPipeline: true }).lease).not.toBeNull();
    expect(few.seek('c', { canPipeline: true }).lease).toBeNull();
    const old = busy({ maxAgeMs: 1_000 });
    old.clock.advance(1_200);
    expect(old.seek('b', { canPipeline: true }).lease).toBeNull();
  });

  it('is one connection to the warm floor, however many are on it', () => {
    const scene = busy({ warm: 1, warmMax: 8, maxConnections: 8 });
    for (const name of 'bcdefgh') scene.seek(name, { canPipeline: true });
    expect(scene.upstream.snapshot().warmWanted).toBe(1);
  });

  it('is not one to an upstream that speaks HTTP/1.0', () => {
    const scene = new Scene({ pool: { pipelining: 8, maxConnections: 1 } });
    const first = scene.lease();
    scene.exchange(first, 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n');
    expect(scene.seek('a', { canPipeline: true }).lease?.carrier).not.toBeInstanceOf(PipelineSlot);
  });
});

it('a place that comes back unused teaches nothing', () => {
  const scene = new Scene({ pool: { pipelining: 'auto', maxConnections: 1 } });
  scene.openIdle(1);
  for (let nth = 0; nth < 64; nth += 1) scene.seek('a', { canPipeline: true }).lease?.giveBack();
  expect(scene.upstream.snapshot().pipelining?.depth).toBe(2);
});
