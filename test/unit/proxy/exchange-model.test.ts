/**
 * Clients, their connections, exchanges and carriers, in any order of what each of them may do.
 *
 * Whatever the order: a lease is settled once, an exchange that began ends once, no client gets more responses than it
 * sent requests, each response is the one to its request and proper HTTP, and when all have gone nothing is left: no
 * exchange, no octet of body, no deadline. And when from some moment on everybody behaves, every client that was not
 * told that its connection is over gets all its responses.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { seeded } from '../../../src/base/clock.ts';
import { type FaultKind, fault } from '../../../src/base/fault.ts';
import type { FakeCarrier, FakeTunnelSocket } from '../../support/fake-carrier.ts';
import type { FakeClientSocket } from '../../support/fake-client-socket.ts';
import { readResponses } from './received-responses.ts';
import { Scene } from './scene.ts';

const { SIDEPOOL_MODEL_RUNS: runs = '400' } = process.env;
const CLIENTS = 3;

// ---- What clients send

const kinds = {
  'GET 1.1': (target: string) => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`,
  'GET 1.1 close': (target: string) =>
    `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
  'GET 1.0': (target: string) => `GET ${target} HTTP/1.0\r\n\r\n`,
  'GET 1.0 keep-alive': (target: string) =>
    `GET ${target} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`,
  'HEAD 1.1': (target: string) => `HEAD ${target} HTTP/1.1\r\nHost: a\r\n\r\n`,
  'POST length': (target: string) =>
    `POST ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: 60\r\n\r\n${'p'.repeat(60)}`,
  'POST 1.0 keep-alive': (target: string) =>
    `POST ${target} HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 9\r\n\r\n${'p'.repeat(9)}`,
  'PUT chunked': (target: string) =>
    `PUT ${target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n${'c'.repeat(20)}\r\n14\r\n${'c'.repeat(20)}\r\n0\r\nX-T: 1\r\n\r\n`,
  'POST expect': (target: string) =>
    `POST ${target} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello`,
  'POST broken': (target: string) =>
    `POST ${target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n`,
  upgrade: (target: string) =>
    `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n`,
} as const;
type Kind = keyof typeof kinds;
const allKinds = Object.keys(kinds) as Kind[];

// ---- What may happen

const faults: readonly FaultKind[] = [
  'connection-ended',
  'first-byte-timeout',
  'malformed-response',
];
const client = fc.nat(CLIENTS - 1);
const carrier = fc.nat(5);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      client,
      bytes: fc.integer({ min: 1, max: 200 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('answer' as const),
      carrier,
      bytes: fc.constantFrom(0, 5, 300, 90_000),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('head' as const),
      carrier,
      how: fc.constantFrom('length', 'chunked', 'close', '503', '204'),
      bytes: fc.constantFrom(5, 300, 90_000),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('data' as const),
      carrier,
      bytes: fc.constantFrom(1, 100, 50_000),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('end' as const), carrier }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('interim' as const), carrier }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('fault' as const),
      carrier,
      kind: fc.constantFrom(...faults),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unsent' as const), carrier }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('switch' as const), carrier }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('die' as const), carrier }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('slow' as const, 'writable' as const), carrier }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('block' as const, 'drain' as const), client }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('fin' as const, 'reset' as const), client }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('turn' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, 15, 60, 600) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('wait' as const, 'give' as const, 'refuse' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('speak' as const), http10: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('tunnel-data' as const, 'tunnel-end' as const, 'tunnel-close' as const),
      tunnel: fc.nat(2),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('draining' as const, 'close-idle' as const) }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type CarrierStep = Extract<Step, { carrier: number }>;

const run = fc.record({
  scripts: fc.array(fc.array(fc.constantFrom(...allKinds), { minLength: 1, maxLength: 5 }), {
    minLength: CLIENTS,
    maxLength: CLIENTS,
  }),
  requestMs: fc.constantFrom(0, 0, 300),
  tunnelIdleMs: fc.constantFrom(0, 300),
  lingerMs: fc.constantFrom(0, 50),
  statuses: fc.constantFrom([], [503]),
  seed: fc.nat(),
  steps: fc.array(step, { maxLength: 80 }),
});
type Run = typeof run extends fc.Arbitrary<infer T> ? T : never;

// ---- Doing it

class Client {
  readonly socket: FakeClientSocket;
  readonly requests: readonly {
    readonly method: string;
    readonly isHttp10: boolean;
    readonly target: string;
  }[];
  #unsent: string;

  constructor(socket: FakeClientSocket, script: readonly Kind[], name: number) {
    this.socket = socket;
    const made = script.map((kind, index) => ({ kind, target: `/${name}/${index}` }));
    this.#unsent = made.map(({ kind, target }) => kinds[kind](target)).join('');
    this.requests = made.map(({ kind, target }) => ({
      target,
      method: kinds[kind](target).split(' ')[0] ?? '',
      isHttp10: kind.includes('1.0'),
    }));
  }

  send(bytes: number): void {
    if (this.#unsent === '' || this.socket.hasPeerEnded) return;
    this.socket.send(this.#unsent.slice(0, bytes));
    this.#unsent = this.#unsent.slice(bytes);
  }
}

class Player {
  readonly on: Scene;
  readonly clients: Client[];
  readonly tunnels: FakeTunnelSocket[] = [];
  /** Octets of known length that are still to be given, and whether the connection may live on. */
  readonly #responses = new WeakMap<FakeCarrier, { left: number; framing: string }>();

  constructor({ scripts, requestMs, tunnelIdleMs, lingerMs, statuses, seed }: Run) {
    this.on = new Scene({
      retry: { statuses, bodyLimitBytes: 40, backoffBaseMs: 10, backoffMaxMs: 40 },
      timeouts: { requestMs, tunnelIdleMs },
      client: { stallTimeoutMs: 500, headTimeoutMs: 500, lingerMs, idleTimeoutMs: 100_000 },
      bufferBytes: 70,
      random: seeded(seed),
    });
    this.on.upstream.most = 2;
    this.clients = scripts.map((script, name) => new Client(this.on.connect(), script, name));
  }

  take(step: Step): void {
    const { on } = this;
    if ('client' in step) this.#takeByClient(step, this.clients[step.client] as Client);
    else if ('carrier' in step) {
      const carriers = on.upstream.carriers;
      const carrier = carriers.at(-1 - (step.carrier % Math.max(1, carriers.length)));
      if (carrier !== undefined) this.#takeByCarrier(step, carrier);
    } else if ('tunnel' in step) {
      const tunnel = this.tunnels[step.tunnel];
      if (tunnel !== undefined) takeByTunnel(step.do, tunnel);
    } else {
      switch (step.do) {
        case 'turn':
          on.clock.runTurn();
          break;
        case 'pass':
          on.clock.advance(step.ms);
          break;
        case 'wait':
          on.upstream.givesAtOnce = false;
          break;
        case 'give':
          on.upstream.givesAtOnce = true;
          on.upstream.give();
          break;
        case 'refuse':
          on.upstream.refuse(fault('wait-timeout', 'gateway', 'No.'));
          break;
        case 'draining':
          on.gate.isDraining = true;
          break;
        case 'close-idle':
          for (const connection of on.connections) connection.closeIfIdle();
          break;
        default:
          on.upstream.speaks10 = step.http10;
      }
    }
    this.check();
  }

  #takeByClient(step: Extract<Step, { client: number }>, client: Client): void {
    const { socket } = client;
    if (step.do === 'send') client.send(step.bytes);
    else if (step.do === 'block') socket.block();
    else if (step.do === 'drain') socket.drain();
    else if (step.do === 'fin') socket.fin();
    else socket.reset();
  }

  #takeByCarrier(step: CarrierStep, carrier: FakeCarrier): void {
    if (!carrier.isBusy) {
      if (step.do === 'die') carrier.die();
    } else if (step.do === 'fault') carrier.fault(carrier.isInBody ? 'body-cut' : step.kind);
    else if (step.do === 'slow') carrier.takesMore = false;
    else if (step.do === 'writable') carrier.writable();
    else if (!carrier.isPaused && carrier.isInBody) this.#goOn(step, carrier);
    else if (!carrier.isPaused) this.#respond(step, carrier);
  }

  #respond(step: CarrierStep, carrier: FakeCarrier): void {
    switch (step.do) {
      case 'answer':
        this.#head(carrier, 'length', step.bytes);
        if (carrier.isInBody && !carrier.isPaused) this.#finish(carrier);
        break;
      case 'head':
        this.#head(carrier, step.how, step.bytes);
        break;
      case 'interim':
        carrier.interim('HTTP/1.1 103 Early Hints', 'Link: </a>');
        break;
      case 'unsent':
        carrier.fault('write-failed', { sent: 'not-sent' });
        break;
      case 'switch':
        if (carrier.request.extras.upgrade !== null) this.tunnels.push(carrier.switch('hello'));
        break;
      default:
    }
  }

  #goOn(step: CarrierStep, carrier: FakeCarrier): void {
    if (step.do === 'data') this.#data(carrier, step.bytes);
    else if (step.do === 'end' || step.do === 'answer') this.#finish(carrier);
  }

  /** Each response names its target, and its body is made of one letter by that. */
  #head(carrier: FakeCarrier, how: string, bytes: number): void {
    const target = carrier.head.split(' ')[1] ?? '';
    const tag = `X-Target: ${target}`;
    const length = `Content-Length: ${bytes}`;
    const head = {
      length: ['HTTP/1.1 200 OK', length, tag],
      chunked: ['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', tag],
      close: ['HTTP/1.0 200 OK', tag],
      '503': ['HTTP/1.1 503 Service Unavailable', length, tag],
      '204': ['HTTP/1.1 204 No Content', tag],
    }[how] as string[];
    const hasBody = how !== '204' && carrier.method !== 'HEAD' && bytes > 0;
    const isCounted = how === 'length' || how === '503';
    const left = !hasBody ? 0 : isCounted ? bytes : Number.POSITIVE_INFINITY;
    this.#responses.set(carrier, { left, framing: hasBody ? how : 'none' });
    carrier.respond(head);
    if (!hasBody && carrier.isInBody) this.#end(carrier);
  }

  #data(carrier: FakeCarrier, bytes: number): void {
    const response = this.#responses.get(carrier);
    if (response === undefined) return;
    const length = Math.min(bytes, response.left);
    if (length === 0) return;
    response.left -= length;
    carrier.data(letterOf(carrier.head.split(' ')[1] ?? '').repeat(length));
    if (response.left === 0 && carrier.isInBody && !carrier.isPaused) this.#end(carrier);
  }

  /** Gives what is still to come. */
  #finish(carrier: FakeCarrier): void {
    const response = this.#responses.get(carrier);
    if (response === undefined) return;
    if (Number.isFinite(response.left) && response.left > 0) this.#data(carrier, response.left);
    else this.#end(carrier);
  }

  #end(carrier: FakeCarrier): void {
    const isClose = this.#responses.get(carrier)?.framing === 'close';
    carrier.end(carrier.isWhole ? (isClose ? 'not-reusable' : true) : 'early-response');
  }

  /** From now on everybody behaves. */
  calm(): void {
    const { on } = this;
    on.upstream.givesAtOnce = true;
    for (let round = 0; round < 60; round += 1) {
      for (const each of this.clients) {
        each.socket.drain();
        each.send(10_000);
      }
      on.settle();
      on.upstream.give();
      for (const carrier of on.upstream.carriers) {
        if (!carrier.isBusy) continue;
        carrier.writable();
        on.settle();
        const canRead = carrier.isBusy && !carrier.isPaused;
        if (!canRead || !(carrier.isWhole || carrier.isInBody)) continue;
        if (!carrier.isInBody) this.#head(carrier, 'length', 5);
        if (carrier.isInBody && !carrier.isPaused) this.#finish(carrier);
      }
      on.pass(20);
    }
  }

  /** What holds at any moment. */
  check(): void {
    const { on } = this;
    expect(on.upstream.leasesOut).toBeLessThanOrEqual(on.upstream.most);
    expect(on.ended.length).toBeLessThanOrEqual(on.began);
    expect(on.told.length).toBeLessThanOrEqual(on.requests);
    expect(on.gate.active).toBeGreaterThanOrEqual(0);
    expect(on.bodies.usedBytes).toBeGreaterThanOrEqual(0);
    expect(on.bodies.usedBytes).toBeLessThanOrEqual(70);
    // What a client has yet to take: the limit, and the read that went past it.
    for (const { socket } of this.clients) expect(socket.writableLength).toBeLessThan(160_000);
    // Whoever calls out of turn throws, and is answered as a defect of ours.
    expect(on.told.filter(({ kind }) => kind === 'internal')).toEqual([]);
    expect(on.faults.filter(([kind]) => kind === 'internal')).toEqual([]);
  }

  /** What each client got is what it asked for, in order. */
  checkReceived(): void {
    for (const { socket, requests } of this.clients) {
      const { responses, isTunnel } = readResponses(socket.received, requests, {
        hasEnded: socket.incoming === 'fin',
      });
      for (const [index, { fields, body, status, isWhole }] of responses.entries()) {
        const { target } = requests[index] as { target: string };
        const isOwn = fields.has('proxy-status');
        if (!isOwn) {
          expect(fields.get('x-target')).toBe(target);
          expect(body.replaceAll(letterOf(target), '')).toBe('');
        }
        if (isOwn) expect(status).toBeGreaterThanOrEqual(400);
        // Only the last may be cut.
        if (index < responses.length - 1) expect(isWhole).toBe(true);
      }
      // Told nothing to the contrary, a client that is still there has all it asked for.
      if (socket.incoming !== 'open' || socket.hasPeerEnded || isTunnel) continue;
      expect(responses.map(({ isWhole }) => isWhole)).toEqual(requests.map(() => true));
    }
  }
}

function takeByTunnel(what: string, tunnel: FakeTunnelSocket): void {
  if (tunnel.isClosed) return;
  if (what === 'tunnel-close') tunnel.close();
  else if (what === 'tunnel-end') tunnel.fin();
  else if (!tunnel.isPaused && !tunnel.hasEnded) tunnel.data('t');
}

function letterOf(target: string): string {
  const [, name = '0', index = '0'] = target.split('/');
  return String.fromCharCode(0x61 + Number(name) * 8 + Number(index));
}

it('whatever the order of events, each exchange ends once and nothing is left', () => {
  fc.assert(
    fc.property(run, (each) => {
      const player = new Player(each);
      for (const step of each.steps) player.take(step);
      player.calm();
      player.check();
      player.checkReceived();
      player.on.leave();
      expect(player.on.leftovers()).toEqual([]);
      player.check();
    }),
    { numRuns: Number(runs) },
  );
}, 600_000);
