/** Random schedules of everything that can happen to an upstream, and what must hold after each step of any. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Lease, LeaseNeed } from '../../../src/upstream/carrier.ts';
import { addresses, Scene, type Seeker } from './scene.ts';

type Step =
  | { readonly do: 'acquire'; readonly need: LeaseNeed; readonly avoid: string | null }
  | { readonly do: 'cancel' | 'unused' | 'discard' | 'connect' | 'fail'; readonly pick: number }
  | { readonly do: 'exchange'; readonly pick: number; readonly last: boolean }
  | { readonly do: 'lose'; readonly pick: number; readonly by: 'end' | 'bytes' | 'reset' }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'endpoints'; readonly count: number };

const pick = fc.nat({ max: 50 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('acquire' as const),
      need: fc.constantFrom<LeaseNeed>('any', 'any', 'steady', 'new'),
      avoid: fc.constantFrom(null, '10.0.0.1:80', '10.0.0.2:80'),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('cancel', 'unused', 'discard', 'connect', 'connect', 'connect', 'fail'),
      pick,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('exchange' as const), pick, last: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('lose' as const),
      pick,
      by: fc.constantFrom('end', 'bytes', 'reset'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      ms: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 9_000 })),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('endpoints' as const),
      count: fc.integer({ min: 0, max: 3 }),
    }),
  },
);

const pool = fc.record({
  maxConnections: fc.integer({ min: 1, max: 5 }),
  maxDials: fc.integer({ min: 1, max: 4 }),
  warm: fc.integer({ min: 0, max: 2 }),
  warmMax: fc.integer({ min: 2, max: 4 }),
  maxRequests: fc.constantFrom(0, 0, 2),
  maxAgeMs: fc.constantFrom(0, 0, 15_000),
  maxWaiting: fc.constantFrom(3, 100),
  idleTimeoutMs: fc.constant(10_000),
  learnsIdleLimit: fc.boolean(),
});

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n';

class Model {
  readonly scene: Scene;
  readonly #maxConnections: number;
  readonly #maxDials: number;
  readonly #maxAgeMs: number;
  #seekers: Seeker[] = [];
  /** Leases that are out, in the order in which they were given. */
  #out: Lease[] = [];
  #names = 0;

  constructor(
    options: { maxConnections: number; maxDials: number; maxAgeMs: number },
    seed: number,
  ) {
    this.scene = new Scene({ pool: options, seed, endpoints: 2 });
    this.#maxConnections = options.maxConnections;
    this.#maxDials = options.maxDials;
    this.#maxAgeMs = options.maxAgeMs;
  }

  take(next: Step): void {
    const { scene } = this;
    switch (next.do) {
      case 'acquire':
        this.#names += 1;
        this.#seekers.push(scene.seek(`s${this.#names}`, next));
        break;
      case 'cancel':
        this.#cancel(next.pick);
        break;
      case 'unused':
        this.#takeOut(next.pick)?.giveBack();
        break;
      case 'discard':
        this.#takeOut(next.pick)?.discard('fault');
        break;
      case 'exchange':
        this.#exchange(next.pick, `${ok}${next.last ? 'Connection: close\r\n' : ''}\r\n`);
        break;
      case 'connect':
        chosen(scene.dial.underWay, next.pick)?.succeed();
        break;
      case 'fail':
        chosen(scene.dial.underWay, next.pick)?.fail();
        break;
      case 'lose':
        this.#lose(next.pick, next.by);
        break;
      case 'pass':
        scene.pass(next.ms);
        break;
      case 'endpoints':
        scene.upstream.setEndpoints(addresses(next.count));
        break;
    }
    scene.settle();
    this.#collect();
  }

  #cancel(which: number): void {
    const seeker = chosen(this.#seekers, which);
    if (seeker === undefined) return;
    this.scene.upstream.cancel(seeker);
    this.#seekers = this.#seekers.filter((each) => each !== seeker);
  }

  #takeOut(which: number): Lease | undefined {
    const lease = chosen(this.#out, which);
    this.#out = this.#out.filter((each) => each !== lease);
    return lease;
  }

  #exchange(which: number, response: string): void {
    const lease = this.#takeOut(which);
    if (lease === undefined) return;
    if (lease.carrier.isOpen) this.scene.exchange(lease, response);
    else lease.discard('idle-closed-by-upstream');
  }

  #lose(which: number, by: 'end' | 'bytes' | 'reset'): void {
    const id = chosen(this.scene.idle, which);
    if (id === undefined) return;
    const wire = this.scene.wireOf(id);
    if (by === 'end') wire.end();
    else if (by === 'reset') wire.reset();
    else wire.respond('HTTP/1.1 408 Request Timeout\r\n\r\n');
  }

  /** Seekers that were answered are seekers no more. */
  #collect(): void {
    for (const { lease } of this.#seekers) if (lease !== null) this.#out.push(lease);
    this.#seekers = this.#seekers.filter(({ isAnswered }) => !isAnswered);
  }

  check(): void {
    const { scene } = this;
    const { dial, connections, connecting } = scene;
    expect(connections + connecting).toBeLessThanOrEqual(this.#maxConnections);
    expect(connecting).toBe(dial.underWay.length);
    expect(connecting).toBeLessThanOrEqual(this.#maxDials);
    expect(scene.active).toBe(this.#out.length);
    expect(scene.waiting).toBe(this.#seekers.length);
    const open = dial.wires.filter(({ closed, isOver }) => closed === null && !isOver);
    const lost = this.#out.filter(({ carrier }) => !carrier.isOpen).length;
    expect(open).toHaveLength(connections - lost);
    expect(scene.closed).toHaveLength(scene.opened - connections);
    this.#checkNobodyWaitsInVain();
  }

  /** Who waits does so because none of the idle connections would do. */
  #checkNobodyWaitsInVain(): void {
    for (const { isDraining, idleLimitMs, connections } of this.scene.upstream.snapshot()
      .endpoints) {
      const idle = connections.filter(({ idleMs }) => idleMs !== null);
      if (isDraining) expect(idle).toEqual([]);
      for (const { idleMs, ageMs } of idle) {
        if (this.#maxAgeMs > 0 && ageMs >= this.#maxAgeMs * 0.9) continue;
        const willDo = (idleMs ?? 0) < idleLimitMs;
        const isSteady = (idleMs ?? 0) < idleLimitMs * 0.75;
        for (const { need } of this.#seekers) {
          if (need === 'any') expect(willDo).toBe(false);
          if (need === 'steady') expect(isSteady).toBe(false);
        }
      }
    }
  }

  /** Once dials succeed and leases come back, everybody is served or has been refused. */
  bringToRest(): void {
    this.scene.dial.behaviour = 'connect';
    this.take({ do: 'endpoints', count: 2 });
    for (let round = 0; round < 200; round += 1) {
      for (const dial of this.scene.dial.underWay) dial.succeed();
      this.scene.settle();
      this.#collect();
      for (const lease of this.#out) {
        if (lease.carrier.isOpen) this.scene.exchange(lease);
        else lease.discard('fault');
      }
      this.#out = [];
      this.scene.settle();
      this.#collect();
      if (this.#seekers.length === 0 && this.#out.length === 0) return;
      // Long enough for a dial that is held back, too short for anybody's deadline to end the wait instead.
      if (round % 10 === 9) this.scene.pass(26);
    }
    throw new Error(`${this.#seekers.map(({ name, need }) => `${name} (${need})`)} wait for ever`);
  }

  destroy(): void {
    const { scene } = this;
    const waiting = this.#seekers;
    scene.upstream.destroy();
    for (const lease of this.#out) lease.discard('client-gone');
    scene.pass(100_000);
    expect(waiting.every(({ fault }) => fault?.kind === 'draining')).toBe(true);
    expect([scene.active, scene.waiting, scene.connections, scene.connecting]).toEqual([
      0, 0, 0, 0,
    ]);
    expect([scene.wheel.size, scene.clock.pendingSleeps]).toEqual([0, 0]);
    expect(scene.dial.underWay).toEqual([]);
    expect(scene.dial.wires.filter(({ closed, isOver }) => closed === null && !isOver)).toEqual([]);
    expect(scene.closed).toHaveLength(scene.opened);
  }
}

function chosen<T>(all: readonly T[], which: number): T | undefined {
  return all.length === 0 ? undefined : all[which % all.length];
}

const schedule = { steps: fc.array(step, { maxLength: 60, size: 'max' }), pool, seed: fc.nat() };

it('whatever happens: bounds hold, leases are counted, nobody waits in vain, nothing is left', () => {
  fc.assert(
    fc.property(fc.record(schedule), ({ steps, pool: options, seed }) => {
      const model = new Model(options, seed);
      model.check();
      for (const next of steps) {
        model.take(next);
        model.check();
      }
      model.destroy();
    }),
    { numRuns: 400 },
  );
});

it('whatever has happened: when dials succeed and leases come back, all who wait are served', () => {
  fc.assert(
    fc.property(fc.record(schedule), ({ steps, pool: options, seed }) => {
      const model = new Model(options, seed);
      for (const next of steps) model.take(next);
      model.bringToRest();
      model.check();
      model.destroy();
    }),
    { numRuns: 400 },
  );
});
