/** Client connections under a clock that stands still, with a handler that does as a test says. */
import { afterEach } from 'vitest';
import type { Fault } from '../../../src/base/fault.ts';
import { TimerWheel } from '../../../src/base/timer-wheel.ts';
import { ClientConnection } from '../../../src/downstream/client-connection.ts';
import { ClientGate } from '../../../src/downstream/client-gate.ts';
import type { ListenerTerms } from '../../../src/downstream/client-parts.ts';
import type { RequestHandler } from '../../../src/downstream/handler.ts';
import type { ClientObserver } from '../../../src/downstream/observer.ts';
import type { ClientOptions } from '../../../src/downstream/options.ts';
import { DateSource } from '../../../src/message/http-date.ts';
import { FakeClientSocket } from '../../support/fake-client-socket.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeExchange } from './fake-exchange.ts';

/** The wheel's own: a deadline is late by at most this, and a millisecond. */
const SLOT_MS = 8;

export const plainClient: ClientOptions = {
  head: { headBytes: 32 * 1024, targetBytes: 16 * 1024, maxFields: 100 },
  headTimeoutMs: 10_000,
  idleTimeoutMs: 75_000,
  maxRequests: 0,
  stallTimeoutMs: 60_000,
  lingerMs: 2_000,
  lingerBytes: 1_000,
  holdForLengthMs: 10,
  holdForLengthBytes: 1_000,
  maxBodyBytes: 0,
};

/** What every connection of a scene is told of, and what it has told. */
export class ClientSide {
  readonly clock = new FakeClock();
  readonly wheel = new TimerWheel(this.clock, { slotMs: SLOT_MS });
  readonly terms: ListenerTerms;
  readonly gate: ClientGate;
  readonly sockets: FakeClientSocket[] = [];
  readonly connections: ClientConnection[] = [];
  /** Kind and status of each refusal that was told. */
  readonly faults: [Fault['kind'], number][] = [];
  /** Heads that came. */
  requests = 0;
  /** [received, sent] of each connection that closed. */
  readonly bytes: [number, number][] = [];
  readonly #makeHandler: () => RequestHandler;
  #handler: RequestHandler | null = null;

  /** The handler is made for the first client. */
  constructor(makeHandler: () => RequestHandler, options: Partial<ClientOptions>) {
    this.terms = { client: { ...plainClient, ...options }, isRetired: false };
    this.gate = new ClientGate({
      clock: this.clock,
      wheel: this.wheel,
      dates: new DateSource(this.clock),
      observer: this.#observer(),
      maxClients: 100,
    });
    this.#makeHandler = makeHandler;
  }

  #observer(): ClientObserver {
    return {
      onConnection: () => undefined,
      onConnectionClosed: () => undefined,
      onRequest: () => {
        this.requests += 1;
      },
      onRefused: () => undefined,
      onFault: (fault, status) => {
        this.faults.push([fault.kind, status]);
      },
      onBytes: (received, sent) => {
        this.bytes.push([received, sent]);
      },
    };
  }

  /** A client that has connected. */
  connect(): FakeClientSocket {
    const socket = new FakeClientSocket(this.clock);
    this.#handler ??= this.#makeHandler();
    this.sockets.push(socket);
    this.gate.open += 1;
    this.connections.push(
      new ClientConnection({
        socket,
        gate: this.gate,
        terms: this.terms,
        handler: this.#handler,
        owner: {
          onClosed: () => {
            this.gate.open -= 1;
          },
        },
      }),
    );
    return socket;
  }

  /** Lets time pass, and what that has set in motion come to rest. */
  pass(ms: number): void {
    this.clock.advance(ms);
    this.settle();
  }

  /** Lets so much time pass that a deadline of `ms` has fallen due. */
  passLimit(ms: number): void {
    this.pass(ms + SLOT_MS + 1);
  }

  /** Lets everything happen that needs no time. */
  settle(): void {
    for (let turns = 0; this.clock.pendingTurns > 0; turns += 1) {
      if (turns > 1_000) throw new Error('it never comes to rest');
      this.clock.runTurn();
    }
  }

  /** All clients go away; then nothing may be left of any of them. */
  leave(): void {
    for (const socket of this.sockets) {
      socket.drain();
      this.settle();
      if (!socket.isClosed) socket.reset();
      // A paused socket sees its end only when it is read or written again, or by a limit.
      if (!socket.isClosed) socket.resume();
      this.settle();
    }
  }

  /** What is wrong once all clients have gone; empty when nothing is. */
  leftovers(): string[] {
    const { gate, wheel, sockets, bytes } = this;
    const wrong: string[] = [];
    if (sockets.some(({ isClosed }) => !isClosed)) wrong.push('a socket is open');
    if (gate.active !== 0) wrong.push(`${gate.active} exchanges active`);
    if (gate.open !== 0) wrong.push(`${gate.open} connections open`);
    if (wheel.size !== 0) wrong.push(`${wheel.size} deadlines set`);
    if (bytes.length !== sockets.length) wrong.push(`${bytes.length} connections told their end`);
    return wrong;
  }
}

export class Scene extends ClientSide {
  /** In the order in which they began. */
  readonly exchanges: FakeExchange[];
  /** Called with each exchange in the course of `begin`. */
  onBegin: ((exchange: FakeExchange) => void) | null = null;
  /** What receivers were called though their exchange was over. */
  readonly violations: string[];

  constructor(options: Partial<ClientOptions> = {}) {
    const exchanges: FakeExchange[] = [];
    const violations: string[] = [];
    super(
      () => ({
        begin: (head, client) => {
          const exchange = new FakeExchange(head, client, violations);
          exchanges.push(exchange);
          this.onBegin?.(exchange);
          return exchange;
        },
      }),
      options,
    );
    this.exchanges = exchanges;
    this.violations = violations;
  }

  /** The exchange that began last. */
  get last(): FakeExchange {
    const last = this.exchanges.at(-1);
    if (last === undefined) throw new Error('no exchange has begun');
    return last;
  }

  override leftovers(): string[] {
    return [...super.leftovers(), ...this.violations];
  }
}

/** Makes scenes for the tests of a file. After each test its clients go away, and nothing may be left. */
export function scenes<T extends ClientSide, A extends unknown[]>(make: (...values: A) => T) {
  let all: T[] = [];
  afterEach(() => {
    const made = all;
    all = [];
    for (const scene of made) {
      scene.leave();
      const wrong = scene.leftovers();
      if (wrong.length > 0) throw new Error(`left behind: ${wrong.join('; ')}`);
    }
  });
  return (...values: A): T => {
    const scene = make(...values);
    all.push(scene);
    return scene;
  };
}

/** A head of these lines, written as a client does. */
export function lines(...all: string[]): string {
  return `${all.join('\r\n')}\r\n\r\n`;
}

export function get(target = '/', ...fields: string[]): string {
  return lines(`GET ${target} HTTP/1.1`, 'Host: a', ...fields);
}

export function get10(target = '/', ...fields: string[]): string {
  return lines(`GET ${target} HTTP/1.0`, ...fields);
}

export function post(body: string, ...fields: string[]): string {
  return lines('POST / HTTP/1.1', 'Host: a', `Content-Length: ${body.length}`, ...fields) + body;
}

export function chunkedPost(rest = '', ...fields: string[]): string {
  return lines('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked', ...fields) + rest;
}
