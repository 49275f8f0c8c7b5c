/**
 * The data path as a whole, without a socket: octets into a client's connection, octets out of a made-up upstream, in
 * pieces and in an order that the octets themselves choose; then everybody leaves.
 */
import { type Random, seeded } from '../../../src/base/clock.ts';
import type { Fault } from '../../../src/base/fault.ts';
import { TimerWheel } from '../../../src/base/timer-wheel.ts';
import { deafUpstream } from '../../../src/cli/rehearsal-props.ts';
import type { ListenerConfig, UpstreamConfig } from '../../../src/config/gateway-config.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { formatMistakes } from '../../../src/config/mistake.ts';
import { ClientConnection } from '../../../src/downstream/client-connection.ts';
import { ClientGate } from '../../../src/downstream/client-gate.ts';
import type { ClientObserver } from '../../../src/downstream/observer.ts';
import { DateSource } from '../../../src/message/http-date.ts';
import { beginExchanges } from '../../../src/proxy/begin.ts';
import { BodyBudget } from '../../../src/proxy/held-body.ts';
import type { ExchangeObserver } from '../../../src/proxy/observer.ts';
import { RetryBudget } from '../../../src/resilience/retry-budget.ts';
import { Upstream } from '../../../src/upstream/upstream.ts';
import { FakeClientSocket } from '../../support/fake-client-socket.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeDial } from '../../support/fake-dial.ts';
import type { FakeWire } from '../../support/fake-wire.ts';
import { readWireCases } from '../../wire/read-wire.ts';
import { type FuzzTarget, fingerprint, promise } from '../engine/target.ts';
import { readStrictly } from '../strict-reader.ts';

const DIVIDER = '\n%%%\n';

/** The first octet: 1 the client's side ends after its last octet, 2 the upstream's, 4 pipelining, 8 the upstream is cut. */
export const gatewayTarget: FuzzTarget = {
  name: 'gateway',
  promise:
    'what an upstream and a client get is proper; no request twice, no lease left, nothing thrown',
  seeds: () => {
    const answers = readWireCases('responses').filter(({ settings }) => !settings.has('method'));
    return readWireCases('requests').map(({ bytes }, index) =>
      Buffer.concat([
        Buffer.of(index & 15),
        bytes,
        Buffer.from(DIVIDER),
        answers[index % answers.length]?.bytes ?? Buffer.alloc(0),
      ]),
    );
  },
  morsels: [
    DIVIDER,
    'Upgrade: websocket\r\nConnection: upgrade\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n',
    'HTTP/1.1 100 Continue\r\n\r\n',
  ],
  run(data) {
    const bits = data[0] ?? 0;
    const text = data.toString('latin1', 1);
    const divider = text.indexOf(DIVIDER);
    const sent = divider === -1 ? text : text.slice(0, divider);
    const answered = divider === -1 ? '' : text.slice(divider + DIVIDER.length);
    new Play(seeded(fingerprint(data)), bits).run(sent, answered);
  },
};

const canned = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

const text = `
listeners: [{ address: "127.0.0.1:15101", upstream: api }]
upstreams:
  api:
    url: http://10.0.0.1
    host: client
    pool: { maxConnections: 2, warm: 0, warmMax: 0, maxWaiting: 10, maxDials: 2 }
    timeouts: { firstByte: 5s, idle: 5s, tunnelIdle: 5s }
    retry: { bodyLimit: 1KiB }
    upgrades: [websocket]
limits: { bufferTotal: 100KiB }
`;
const parsed = parseConfig(text, { source: '/sidepool.yaml', env: {}, readFile: () => '' });
if (!parsed.ok) throw new Error(formatMistakes('the target', parsed.mistakes));
const [listener] = parsed.config.listeners as [ListenerConfig];
const [upstream] = parsed.config.upstreams as [UpstreamConfig];

class Play {
  readonly #random: Random;
  readonly #bits: number;
  readonly #clock = new FakeClock();
  readonly #wheel = new TimerWheel(this.#clock, { slotMs: 8 });
  readonly #dial = new FakeDial(this.#clock);
  readonly #upstream: Upstream;
  readonly #gate: ClientGate;
  readonly #bodies = new BodyBudget(100_000);
  readonly #socket = new FakeClientSocket(this.#clock);
  readonly #answered = new Map<FakeWire, number>();
  #requests = 0;
  #began = 0;
  #ended = 0;
  #sends = 0;
  #retries = 0;
  #isSwitched = false;
  #internal: Fault | null = null;

  constructor(random: Random, bits: number) {
    this.#random = random;
    this.#bits = bits;
    this.#dial.behaviour = 'connect';
    this.#upstream = new Upstream({
      options: {
        ...upstream.options,
        pool: { ...upstream.options.pool, pipelining: (bits & 4) !== 0 ? 4 : 'off' },
      },
      clock: this.#clock,
      wheel: this.#wheel,
      random,
      dial: this.#dial.dial,
      observer: deafUpstream,
      onAddressDoubt: () => undefined,
      onWarm: () => undefined,
    });
    this.#upstream.setEndpoints([{ ip: '10.0.0.1', port: 80 }]);
    this.#gate = new ClientGate({
      clock: this.#clock,
      wheel: this.#wheel,
      dates: new DateSource(this.#clock),
      observer: this.#clientObserver(),
      maxClients: 10,
    });
    this.#gate.open += 1;
    new ClientConnection({
      socket: this.#socket,
      gate: this.#gate,
      terms: { client: listener.options.client, isRetired: false },
      handler: beginExchanges(
        { route: this.#route(), authorities: [] },
        {
          clock: this.#clock,
          wheel: this.#wheel,
          random,
          bodies: this.#bodies,
        },
      ),
      owner: {
        onClosed: () => {
          this.#gate.open -= 1;
        },
      },
    });
  }

  #route() {
    return {
      upstream: this.#upstream,
      policy: upstream.policy,
      budget: new RetryBudget(0.2, 3, this.#clock.now()),
      observer: this.#exchangeObserver(),
    };
  }

  #clientObserver(): ClientObserver {
    return {
      onConnection: () => undefined,
      onConnectionClosed: () => undefined,
      onRequest: () => {
        this.#requests += 1;
      },
      onRefused: () => undefined,
      onFault: (failure) => this.#note(failure),
      onBytes: () => undefined,
    };
  }

  #exchangeObserver(): ExchangeObserver {
    return {
      onBegan: () => {
        this.#began += 1;
      },
      onEnded: () => {
        this.#ended += 1;
      },
      onStale: () => undefined,
      onRetry: () => {
        this.#retries += 1;
      },
      onFault: (failure) => this.#note(failure),
    };
  }

  #note(failure: Fault): void {
    if (failure.kind === 'internal') this.#internal ??= failure;
  }

  run(sent: string, answered: string): void {
    const fromClient = this.#pieces(sent);
    const fromUpstream = this.#pieces(answered);
    for (let steps = 0; fromClient.length + fromUpstream.length > 0 && steps < 500; steps += 1) {
      const isClients =
        fromUpstream.length === 0 || (fromClient.length > 0 && this.#random() < 0.6);
      if (isClients) this.#socket.send(Buffer.from(fromClient.shift() as string, 'latin1'));
      else this.#answer(fromUpstream);
      if (this.#random() < 0.8) this.#settle();
      if (this.#random() < 0.05) this.#pass(this.#random() * 50);
    }
    if ((this.#bits & 2) !== 0)
      for (const wire of this.#dial.wires) if (!wire.isOver && !wire.isReleased) wire.end();
    if ((this.#bits & 1) !== 0) this.#socket.fin();
    this.#settle();
    this.#checkWires();
    this.#leave();
  }

  #pieces(text: string): string[] {
    const pieces: string[] = [];
    for (let at = 0; at < text.length; ) {
      const length = this.#random() < 0.5 ? text.length : 1 + Math.floor(this.#random() * 40);
      pieces.push(text.slice(at, at + length));
      at += length;
    }
    return pieces;
  }

  /** The first connection with a request gets what the octets say; others are answered properly. */
  #answer(pieces: string[]): void {
    const live = this.#dial.wires.filter(
      (wire) => !wire.isOver && wire.closed === null && !wire.isReleased,
    );
    const asked = live.find((wire) => wire.written.includes('\r\n\r\n'));
    if (asked === undefined) {
      pieces.length = 0;
      return;
    }
    asked.respond(pieces.shift() as string);
    if ((this.#bits & 8) !== 0 && this.#random() < 0.2) asked.reset();
  }

  #settle(): void {
    for (let turns = 0; this.#clock.pendingTurns > 0; turns += 1) {
      promise(turns < 10_000, () => 'it never comes to rest');
      this.#clock.runTurn();
    }
  }

  #pass(ms: number): void {
    this.#clock.advance(ms);
    this.#settle();
  }

  /** What each connection of the upstream was sent is requests, one behind the other, the last perhaps not whole. */
  #checkWires(): void {
    this.#sends = 0;
    for (const wire of this.#dial.wires) {
      const text = wire.written;
      for (let at = 0; at < text.length; ) {
        const message = readStrictly(text, at, { role: 'request' });
        this.#sends += 1;
        if (message === null) break;
        at = message.end;
      }
      if (wire.isReleased) this.#isSwitched = true;
    }
    promise(
      this.#sends <= this.#requests + this.#retries,
      () =>
        `${this.#sends} requests were sent on of ${this.#requests}, with ${this.#retries} retries`,
    );
  }

  /** What the client got is responses, no more of them than it made requests (and one refusal). */
  #checkReceived(text: string): void {
    let finals = 0;
    for (let at = 0; at < text.length; ) {
      // Which of them answers a HEAD is not known here: their bodies are not followed.
      const message = readStrictly(text, at, { role: 'response', isClosed: true });
      if (message === null || / 101 /.test(message.startLine.slice(0, 13))) break;
      if (!/^HTTP\/1\.1 1/.test(message.startLine)) finals += 1;
      at = message.end;
    }
    promise(
      finals <= this.#requests + 1,
      () => `${finals} responses to ${this.#requests} requests`,
    );
  }

  #leave(): void {
    // Those that are still asked answer properly, so that what comes behind them is served too.
    for (let round = 0; round < 5; round += 1) {
      for (const wire of this.#dial.wires) {
        const length = wire.written.length;
        if (
          wire.isOver ||
          wire.closed !== null ||
          wire.isReleased ||
          this.#answered.get(wire) === length
        )
          continue;
        this.#answered.set(wire, length);
        if (round > 0) wire.respond(canned);
      }
      this.#settle();
    }
    const hasHead = /^HEAD /m.test(this.#dial.wires.map(({ written }) => written).join('\n'));
    if (!hasHead && !this.#isSwitched) this.#checkReceived(this.#socket.received);
    this.#checkWires();
    this.#socket.drain();
    this.#settle();
    if (!this.#socket.isClosed) this.#socket.reset();
    if (!this.#socket.isClosed) this.#socket.resume();
    this.#settle();
    // Rests of responses that nobody waits for, and tunnels, end by their limits.
    this.#pass(200_000);
    this.#upstream.destroy();
    this.#settle();
    const { open, active } = this.#gate;
    promise(this.#internal === null, () => `a defect: ${this.#internal?.cause}`);
    promise(
      open === 0 && active === 0,
      () => `${open} connections and ${active} exchanges are left`,
    );
    promise(
      this.#began === this.#ended,
      () => `${this.#began} exchanges began, ${this.#ended} ended`,
    );
    promise(
      this.#bodies.usedBytes === 0,
      () => `${this.#bodies.usedBytes} octets of body are left`,
    );
    promise(this.#wheel.size === 0, () => `${this.#wheel.size} deadlines are left`);
  }
}
