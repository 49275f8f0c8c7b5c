/**
 * Requests that share connections, under random schedules: an origin that answers in order, in pieces, and ends its
 * connections at any octet; clients that come and go. Every response is its request's own, everybody is told, and
 * nothing is left.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Fault } from '../../../src/base/fault.ts';
import type { RequestHead, ResponseHead } from '../../../src/message/head.ts';
import type { Lease, LeaseNeed, LeaseSeeker, ResponseSink } from '../../../src/upstream/carrier.ts';
import type { CloseReason } from '../../../src/upstream/observer.ts';
import type { FakeWire } from '../../support/fake-wire.ts';
import { request, Scene } from './scene.ts';

type Step =
  | { readonly do: 'ask' | 'answer' | 'gone' | 'end' | 'reset' | 'slow'; readonly pick: number }
  | { readonly do: 'send'; readonly pick: number; readonly bytes: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'turn' };

/** One client's request, as an exchange would carry it. */
class Asker implements LeaseSeeker, ResponseSink {
  readonly id: number;
  readonly #scene: Scene;
  need: LeaseNeed = 'any';
  avoid: string | null = null;
  canPipeline = true;
  waitingSinceMs = 0;
  queuedBefore: LeaseSeeker | null = null;
  queuedAfter: LeaseSeeker | null = null;
  isQueued = false;
  lease: Lease | null = null;
  hasSent = false;
  #head: RequestHead | null = null;
  #resends = 0;
  body = '';
  told: 'answered' | 'failed' | 'gone' | null = null;

  constructor(id: number, scene: Scene) {
    this.id = id;
    this.#scene = scene;
  }

  ask(): void {
    this.hasSent = false;
    this.#scene.upstream.acquire(this);
  }

  onLease(lease: Lease): void {
    expect(this.lease).toBeNull();
    this.lease = lease;
    this.#use(lease);
  }

  #use(lease: Lease): void {
    const { carrier } = lease;
    if (!carrier.isOpen) {
      this.#take().discard('idle-closed-by-upstream');
      this.ask();
    } else if (carrier.isSettled) {
      this.hasSent = true;
      const sent = request({}, [`GET /${this.id} HTTP/1.1`, 'Host: a']);
      this.#head = sent.head;
      carrier.send(sent, this);
    } else {
      this.#scene.clock.afterTurn(() => {
        if (this.lease === lease && this.told === null) this.#use(lease);
      });
    }
  }

  #take(): Lease {
    const { lease } = this;
    if (lease === null) throw new Error(`${this.id} has no lease`);
    this.lease = null;
    return lease;
  }

  #tell(how: 'answered' | 'failed' | 'gone'): void {
    expect(this.told).toBeNull();
    this.told = how;
    // The client's next request gets the same head object.
    if (this.#head !== null) this.#head.method = 'HEAD';
  }

  onNoLease(): void {
    this.#tell('failed');
  }

  onInterim(): void {}

  onHead(head: ResponseHead): void {
    expect(head.fields.find('x-id')).toBe(String(this.id));
  }

  onResponseBody(data: Buffer): boolean {
    this.body += data.toString('latin1');
    return true;
  }

  onResponseReadEnd(): void {}
  onUpstreamWritable(): void {}
  onSwitched(): void {}

  holdsBytes(): boolean {
    return false;
  }

  onResponseEnd(_: unknown, canReuse: true | CloseReason): void {
    expect(this.body).toBe(bodyOf(this.id));
    const lease = this.#take();
    if (canReuse === true) lease.giveBack();
    else lease.discard(canReuse);
    this.#tell('answered');
  }

  onFault(fault: Fault): void {
    this.#take().discard('fault');
    this.canPipeline = false;
    const isBehind = fault.behind !== undefined || fault.sent !== 'sent';
    if (!isBehind) this.#resends += 1;
    if (fault.received !== 'nothing' || this.#resends > 1) {
      this.#tell('failed');
      return;
    }
    this.need = isBehind ? 'any' : 'new';
    this.body = '';
    this.ask();
  }

  leave(): void {
    if (this.told !== null) return;
    this.#tell('gone');
    if (this.isQueued) this.#scene.upstream.cancel(this);
    else if (this.lease !== null && this.hasSent) this.#take().discard('client-gone');
    else if (this.lease !== null) this.#take().giveBack();
  }
}

function bodyOf(id: number): string {
  return `${id};`.repeat(id % 7);
}

/** What the origin has been asked on one connection, and what it has answered. */
class OriginSide {
  readonly wire: FakeWire;
  #answered = 0;
  #unsent = '';
  hasEnded = false;

  constructor(wire: FakeWire) {
    this.wire = wire;
  }

  get asked(): number[] {
    return [...this.wire.written.matchAll(/GET \/(\d+) /g)].map(([, id]) => Number(id));
  }

  get isOwing(): boolean {
    return !this.hasEnded && (this.#unsent !== '' || this.#answered < this.asked.length);
  }

  answer({ isLast = false } = {}): void {
    const id = this.asked[this.#answered];
    if (id === undefined || this.hasEnded) return;
    this.#answered += 1;
    const body = bodyOf(id);
    const framing =
      id % 2 === 0
        ? `Content-Length: ${body.length}\r\n${isLast ? 'Connection: close\r\n' : ''}\r\n${body}`
        : `Transfer-Encoding: chunked\r\n\r\n${body === '' ? '' : `${body.length.toString(16)}\r\n${body}\r\n`}0\r\n\r\n`;
    this.#unsent += `HTTP/1.1 200 OK\r\nX-Id: ${id}\r\n${framing}`;
  }

  send(bytes: number): void {
    const piece = this.#unsent.slice(0, bytes);
    this.#unsent = this.#unsent.slice(bytes);
    if (piece !== '' && this.wire.closed === null && !this.wire.isOver) this.wire.respond(piece);
  }

  end(how: 'end' | 'reset'): void {
    if (this.hasEnded || this.wire.closed !== null || this.wire.isOver) return;
    this.hasEnded = true;
    if (how === 'end') this.wire.end();
    else this.wire.reset();
  }
}

class Model {
  readonly scene: Scene;
  readonly askers: Asker[] = [];
  readonly #origins = new Map<FakeWire, OriginSide>();

  constructor(pipelining: 'auto' | number, maxConnections: number, seed: number) {
    this.scene = new Scene({ pool: { pipelining, maxConnections }, seed, waitMs: 60_000 });
    this.scene.dial.behaviour = 'connect';
  }

  #origin(pick: number): OriginSide | undefined {
    for (const wire of this.scene.dial.wires) {
      if (!this.#origins.has(wire)) this.#origins.set(wire, new OriginSide(wire));
    }
    const open = [...this.#origins.values()].filter(
      ({ wire }) => wire.closed === null && !wire.isOver,
    );
    return open.length === 0 ? undefined : open[pick % open.length];
  }

  take(step: Step): void {
    const { scene, askers } = this;
    switch (step.do) {
      case 'ask': {
        const asker = new Asker(askers.length + 1, scene);
        askers.push(asker);
        asker.ask();
        break;
      }
      case 'gone':
        if (askers.length > 0) askers[step.pick % askers.length]?.leave();
        break;
      case 'answer':
        this.#origin(step.pick)?.answer({ isLast: step.pick % 11 === 0 });
        break;
      case 'send':
        this.#origin(step.pick)?.send(step.bytes);
        break;
      case 'slow':
        // The first in line waits, and others are answered meanwhile.
        for (let turn = 0; turn < 6; turn += 1) {
          scene.pass(12);
          this.#origin(step.pick + 1)?.answer();
          this.#origin(step.pick + 1)?.send(1_000);
        }
        break;
      case 'end':
      case 'reset':
        this.#origin(step.pick)?.end(step.do);
        break;
      case 'pass':
        scene.pass(step.ms);
        break;
      case 'turn':
        scene.clock.runTurn();
        break;
    }
  }

  check(): void {
    const out = this.askers.filter(({ lease }) => lease !== null).length;
    expect(this.scene.active).toBe(out);
    expect(this.scene.connections).toBeLessThanOrEqual(8);
  }

  /** The origin answers everything that it was asked: then everybody has been told. */
  bringToRest(): void {
    for (let round = 0; round < 2_000; round += 1) {
      this.scene.settle();
      if (this.askers.every(({ told }) => told !== null)) return;
      for (let pick = 0; pick < 8; pick += 1) {
        const origin = this.#origin(pick);
        if (origin?.isOwing !== true) continue;
        origin.answer();
        origin.send(100_000);
      }
      if (round % 10 === 9) this.scene.pass(26);
    }
    const open = this.askers.filter(({ told }) => told === null);
    throw new Error(`${open.map(({ id, hasSent }) => `${id} (${hasSent})`)} are never told`);
  }

  destroy(): void {
    const { scene } = this;
    scene.settle();
    expect(scene.active).toBe(0);
    scene.upstream.destroy();
    scene.pass(100_000);
    expect([scene.wheel.size, scene.clock.pendingSleeps]).toEqual([0, 0]);
    expect(scene.closed).toHaveLength(scene.opened);
  }
}

const pick = fc.nat({ max: 60 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('ask' as const), pick }) },
  { weight: 10, arbitrary: fc.record({ do: fc.constant('answer' as const), pick }) },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      pick,
      bytes: fc.oneof(fc.integer({ min: 1, max: 90 }), fc.constant(5_000)),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('gone', 'slow', 'end', 'reset'), pick }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 60 }) }),
  },
  { weight: 8, arbitrary: fc.constant({ do: 'turn' as const }) },
);

it('whatever happens: each response is its request’s own, all are told, nothing is left', () => {
  let shared = 0;
  let rescued = 0;
  fc.assert(
    fc.property(
      fc.record({
        steps: fc.array(step, { maxLength: 120, size: 'max' }),
        pipelining: fc.constantFrom<'auto' | number>('auto', 2, 4, 16),
        maxConnections: fc.integer({ min: 1, max: 3 }),
        seed: fc.nat(),
      }),
      ({ steps, pipelining, maxConnections, seed }) => {
        const model = new Model(pipelining, maxConnections, seed);
        for (const next of steps) {
          model.take(next);
          model.check();
        }
        model.bringToRest();
        model.destroy();
        const hasEnds = steps.some((each) => each.do === 'end' || each.do === 'reset');
        const failed = model.askers.filter(({ told }) => told === 'failed');
        if (!hasEnds) expect(failed).toEqual([]);
        shared += model.scene.leases.filter(({ isPipelined }) => isPipelined).length;
        rescued += model.scene.closed.filter((reason) => reason === 'rescued').length;
      },
    ),
    { numRuns: 600 },
  );
  // It has been about what it is about.
  expect(shared).toBeGreaterThan(1_000);
  expect(rescued).toBeGreaterThan(0);
});
