/** The data path under a clock that stands still: clients' connections, exchanges, an upstream; sockets made up. */
import type { Random } from '../../../src/base/clock.ts';
import type { Fault } from '../../../src/base/fault.ts';
import { TimerWheel } from '../../../src/base/timer-wheel.ts';
import { deafUpstream } from '../../../src/cli/rehearsal-props.ts';
import type { ListenerConfig, UpstreamConfig } from '../../../src/config/gateway-config.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { formatMistakes } from '../../../src/config/mistake.ts';
import { ClientConnection } from '../../../src/downstream/client-connection.ts';
import { ClientGate } from '../../../src/downstream/client-gate.ts';
import type { RequestHandler } from '../../../src/downstream/handler.ts';
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
import { promise } from '../engine/target.ts';

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

export class GatewayScene {
  readonly clients: FakeClientSocket[] = [];
  requests = 0;
  retries = 0;
  readonly #clock = new FakeClock();
  readonly #wheel = new TimerWheel(this.#clock, { slotMs: 8 });
  readonly #dial = new FakeDial(this.#clock);
  readonly #upstream: Upstream;
  readonly #gate: ClientGate;
  readonly #handler: RequestHandler;
  readonly #bodies = new BodyBudget(100_000);
  #began = 0;
  #ended = 0;
  #internal: Fault | null = null;

  constructor(random: Random, isPipelining: boolean) {
    const clock = this.#clock;
    const wheel = this.#wheel;
    this.#dial.behaviour = 'connect';
    this.#upstream = new Upstream({
      options: {
        ...upstream.options,
        pool: { ...upstream.options.pool, pipelining: isPipelining ? 4 : 'off' },
      },
      clock,
      wheel,
      random,
      dial: this.#dial.dial,
      observer: deafUpstream,
      onAddressDoubt: () => undefined,
      onWarm: () => undefined,
    });
    this.#upstream.setEndpoints([{ ip: '10.0.0.1', port: 80 }]);
    const dates = new DateSource(clock);
    const observer = this.#clientObserver();
    this.#gate = new ClientGate({ clock, wheel, dates, observer, maxClients: 10 });
    const route = {
      upstream: this.#upstream,
      policy: upstream.policy,
      budget: new RetryBudget(0.2, 3, clock.now()),
      observer: this.#exchangeObserver(),
    };
    const context = { clock, wheel, random, bodies: this.#bodies };
    this.#handler = beginExchanges({ route, authorities: [] }, context);
  }

  #clientObserver(): ClientObserver {
    return {
      onConnection: () => undefined,
      onConnectionClosed: () => undefined,
      onRequest: () => {
        this.requests += 1;
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
        this.retries += 1;
      },
      onFault: (failure) => this.#note(failure),
    };
  }

  #note(failure: Fault): void {
    if (failure.kind === 'internal') this.#internal ??= failure;
  }

  connect(): FakeClientSocket {
    const socket = new FakeClientSocket(this.#clock);
    this.clients.push(socket);
    this.#gate.open += 1;
    new ClientConnection({
      socket,
      gate: this.#gate,
      terms: { client: listener.options.client, isRetired: false },
      handler: this.#handler,
      owner: {
        onClosed: () => {
          this.#gate.open -= 1;
        },
      },
    });
    return socket;
  }

  get wires(): readonly FakeWire[] {
    return this.#dial.wires;
  }

  /** Those that an upstream could still be heard on. */
  get live(): FakeWire[] {
    return this.wires.filter((wire) => !wire.isOver && wire.closed === null && !wire.isReleased);
  }

  settle(): void {
    for (let turns = 0; this.#clock.pendingTurns > 0; turns += 1) {
      promise(turns < 10_000, () => 'it never comes to rest');
      this.#clock.runTurn();
    }
  }

  pass(ms: number): void {
    this.#clock.advance(ms);
    this.settle();
  }

  /** All clients go away. */
  leave(): void {
    for (const client of this.clients) {
      client.drain();
      this.settle();
      if (!client.isClosed) client.reset();
      if (!client.isClosed) client.resume();
      this.settle();
    }
  }

  /** The upstream goes too: nothing may be left of anything. */
  end(): void {
    // Rests of responses that nobody waits for, and tunnels, end by their limits.
    this.pass(200_000);
    this.#upstream.destroy();
    this.settle();
    const { open, active } = this.#gate;
    promise(this.#internal === null, () => `a defect: ${this.#internal?.cause}`);
    promise(open === 0 && active === 0, () => `${open} connections, ${active} exchanges are left`);
    promise(this.#began === this.#ended, () => `${this.#began} began, ${this.#ended} ended`);
    promise(
      this.#bodies.usedBytes === 0,
      () => `${this.#bodies.usedBytes} octets of body are left`,
    );
    promise(this.#wheel.size === 0, () => `${this.#wheel.size} deadlines are left`);
  }
}
