/**
 * Runs the gateway inside the test process, over real sockets: quick to start, and a test can look into its pools and
 * hear what its rooms tell.
 */
import { readFileSync } from 'node:fs';
import { systemClock } from '../../src/base/clock.ts';
import type { Fault } from '../../src/base/fault.ts';
import { Gateway } from '../../src/cli/gateway.ts';
import { parseConfig } from '../../src/config/load.ts';
import { formatMistakes } from '../../src/config/mistake.ts';
import type { ExchangeObserver, FaultContext, RetryOutcome } from '../../src/proxy/observer.ts';
import type { RetryReason } from '../../src/resilience/retry-policy.ts';
import type { BreakerChange } from '../../src/resilience/upstream-breaker.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { Telemetry, type UpstreamTelemetry } from '../../src/telemetry/telemetry.ts';
import type {
  CloseReason,
  ConnectionSnapshot,
  EndpointChange,
  UpstreamObserver,
  UpstreamSnapshot,
} from '../../src/upstream/observer.ts';
import type { GatewaySettings } from './gateway.ts';
import { type Metrics, parseMetrics, sumOf } from './metrics.ts';
import { waitFor } from './wait-for.ts';

export interface SeenFault extends Fault {
  readonly status: number;
  readonly attempts: number;
}

/** What the rooms have told, over all upstreams, in order. */
export class Told {
  opened = 0;
  dialsFailed = 0;
  stale = 0;
  began = 0;
  ended = 0;
  readonly closed: CloseReason[] = [];
  readonly retries: { readonly reason: RetryReason; readonly outcome: RetryOutcome }[] = [];
  readonly faults: SeenFault[] = [];
  readonly health: (EndpointChange & { readonly endpoint: string })[] = [];
  readonly panics: boolean[] = [];
  readonly breaker: BreakerChange[] = [];
  readonly states: (() => UpstreamSnapshot)[] = [];
}

class ListeningTelemetry extends Telemetry {
  readonly told = new Told();

  override upstream(name: string, state: () => UpstreamSnapshot): UpstreamTelemetry {
    const made = super.upstream(name, state);
    this.told.states.push(state);
    return {
      discovery: made.discovery,
      upstream: this.#heard(made.upstream),
      exchange: this.#overheard(made.exchange),
      remove: () => made.remove(),
    };
  }

  #heard(next: UpstreamObserver): UpstreamObserver {
    const { told } = this;
    return {
      onOpened: (phases) => {
        told.opened += 1;
        next.onOpened(phases);
      },
      onDialFailed: (failure) => {
        told.dialsFailed += 1;
        next.onDialFailed(failure);
      },
      onClosed: (reason, life) => {
        told.closed.push(reason);
        next.onClosed(reason, life);
      },
      onLeased: (lease) => next.onLeased(lease),
      onWaitEnded: (waitedMs) => next.onWaitEnded(waitedMs),
      onBytes: (sent, received) => next.onBytes(sent, received),
      onRepairedResponse: () => next.onRepairedResponse(),
      onHealth: (endpoint, change) => {
        told.health.push({ endpoint, ...change });
        next.onHealth(endpoint, change);
      },
      onPanic: (isPanic) => {
        told.panics.push(isPanic);
        next.onPanic(isPanic);
      },
      onBreaker: (change) => {
        told.breaker.push(change);
        next.onBreaker(change);
      },
      onShed: () => next.onShed(),
    };
  }

  #overheard(next: ExchangeObserver): ExchangeObserver {
    const { told } = this;
    return {
      onBegan: () => {
        told.began += 1;
        next.onBegan();
      },
      onEnded: (result) => {
        told.ended += 1;
        next.onEnded(result);
      },
      onStale: () => {
        told.stale += 1;
        next.onStale();
      },
      onRetry: (reason, outcome) => {
        told.retries.push({ reason, outcome });
        next.onRetry(reason, outcome);
      },
      onFault: (failure: Fault, context: FaultContext) => {
        const { status, attempts } = context;
        told.faults.push({ ...failure, status, attempts });
        next.onFault(failure, context);
      },
    };
  }
}

export class InProcessGateway {
  readonly told: Told;
  readonly #gateway: Gateway;
  readonly #telemetry: Telemetry;
  readonly #lines: string[];

  constructor(gateway: Gateway, telemetry: ListeningTelemetry, lines: string[]) {
    this.#gateway = gateway;
    this.#telemetry = telemetry;
    this.told = telemetry.told;
    this.#lines = lines;
  }

  /** As configured, with the ports really had. */
  get addresses(): readonly string[] {
    return this.#gateway.addresses.listeners;
  }

  /** The first listener's; 0 for a Unix socket. */
  get port(): number {
    const [first = ''] = this.addresses;
    return first.startsWith('unix:') ? 0 : Number(first.slice(first.lastIndexOf(':') + 1));
  }

  /** The log so far, one JSON object a line. */
  get log(): string {
    return this.#lines.join('');
  }

  get upstreams(): readonly UpstreamSnapshot[] {
    return this.told.states.map((state) => state());
  }

  get connections(): readonly ConnectionSnapshot[] {
    return this.upstreams.flatMap(({ endpoints }) =>
      endpoints.flatMap(({ connections }) => connections),
    );
  }

  /** Connections under a lease. */
  get leased(): number {
    return this.connections.filter(({ state }) => state !== 'idle').length;
  }

  get idle(): number {
    return this.connections.filter(({ state }) => state === 'idle').length;
  }

  get activeExchanges(): number {
    return this.told.began - this.told.ended;
  }

  get openClients(): number {
    return this.#telemetry.clientTotals().open;
  }

  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    return sumOf(await this.metrics(), name, labels);
  }

  async metrics(): Promise<Metrics> {
    return parseMetrics((await this.#telemetry.metricsText()).body);
  }

  /** Waits until so many connections are idle: the warm floor is there. */
  warm(count: number): Promise<true> {
    const what = () => `${count} idle connections: ${JSON.stringify(this.connections)}`;
    return waitFor(() => this.idle >= count, { everyMs: 2, what });
  }

  /** Waits until nothing is under way: no lease, no exchange, nobody waiting. */
  async settled(timeoutMs = 3_000): Promise<void> {
    await waitFor(
      () =>
        this.leased === 0 &&
        this.activeExchanges === 0 &&
        this.upstreams.every(({ waiting }) => waiting === 0),
      { timeoutMs, everyMs: 5, what: () => `nothing under way: ${this.#story()}` },
    );
  }

  /** The same, and no client connection is left. For when the clients are gone. */
  async deserted(timeoutMs = 3_000): Promise<void> {
    await this.settled(timeoutMs);
    await waitFor(() => this.openClients === 0, {
      timeoutMs,
      everyMs: 5,
      what: () => `no client connection: ${this.#story()}`,
    });
  }

  stop(): Promise<void> {
    return this.#gateway.stop();
  }

  #story(): string {
    const { leased, activeExchanges, openClients, connections } = this;
    return JSON.stringify({ leased, activeExchanges, openClients, connections });
  }
}

/** Listeners, unless given, are one for each upstream on a port that is free; there is no admin server. */
export async function startInProcessGateway(settings: GatewaySettings): Promise<InProcessGateway> {
  const listeners =
    settings.listeners ?? Object.keys(settings.upstreams).map((upstream) => ({ upstream }));
  const text = JSON.stringify({
    ...settings,
    listeners: listeners.map((listener) => ({ address: '127.0.0.1:0', ...listener })),
    admin: 'off',
  });
  const parsed = parseConfig(text, {
    source: 'in-process.yaml',
    env: {},
    readFile: (path) => readFileSync(path, 'utf8'),
  });
  if (!parsed.ok) throw new Error(formatMistakes('in-process.yaml', parsed.mistakes));
  const lines: string[] = [];
  const telemetry = new ListeningTelemetry({
    clock: systemClock,
    version: '0.0.0-test',
    log: createLog({
      level: parsed.config.log.level,
      destination: { write: (line) => lines.push(line) },
    }),
  });
  const gateway = new Gateway(parsed.config, {
    clock: systemClock,
    random: Math.random,
    telemetry,
    bornMs: systemClock.now(),
  });
  await gateway.start();
  return new InProcessGateway(gateway, telemetry, lines);
}
