/** Which of several idle connections is taken. */
import { describe, expect, it } from 'vitest';
import { addresses, idOf, Scene } from './scene.ts';

function warm(pool: object = {}): Scene {
  const scene = new Scene({
    pool: { warm: 2, warmMax: 4, idleTimeoutMs: 10_000, ...pool },
    endpoints: 0,
  });
  scene.dial.behaviour = 'connect';
  scene.upstream.setEndpoints(addresses(1));
  scene.settle();
  return scene;
}

describe('of several idle connections', () => {
  it('one that has carried a request is taken before one that has not', () => {
    const scene = new Scene({ pool: { maxDials: 2 } });
    const [used, unused] = [scene.lease(), scene.lease()];
    scene.exchange(used);
    scene.pass(10);
    unused.giveBack();
    expect(idOf(scene.lease())).toBe(idOf(used));
  });

  it('a floor is kept by use: one request after another does not let the others grow old', () => {
    const scene = warm();
    for (let ms = 0; ms < 300_000; ms += 1_000) {
      scene.exchange(scene.lease());
      scene.pass(1_000);
    }
    // Without this each of the others would be closed after ten seconds, thirty times and more.
    expect(scene.opened).toBeLessThanOrEqual(5);
  });

  it('those beyond what is needed grow old and go', () => {
    const scene = warm();
    for (const lease of Array.from({ length: 4 }, () => scene.lease())) scene.exchange(lease);
    for (let ms = 0; ms < 120_000; ms += 1_000) {
      scene.exchange(scene.lease());
      scene.pass(1_000);
    }
    expect(scene.connections).toBeLessThanOrEqual(3);
  });
});

it('the pauses between dials begin anew once one has succeeded', () => {
  const scene = new Scene();
  scene.dial.behaviour = 'refuse';
  scene.seek();
  scene.pass(2_000);
  scene.dial.behaviour = 'connect';
  scene.pass(300);
  scene.dial.behaviour = 'refuse';
  scene.seek();
  const before = scene.dial.all.length;
  scene.pass(42);
  expect(scene.dial.all.length).toBeGreaterThan(before);
});
