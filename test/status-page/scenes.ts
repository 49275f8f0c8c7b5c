/**
 * Gateways to look at: their admin server is real, and what it tells was made up by a clock that was turned on by hand.
 * So ten minutes of traffic take no time, and look the same each time.
 */
import { seeded } from '../../src/base/clock.ts';
import { type Fault, fault } from '../../src/base/fault.ts';
import { parseConfig } from '../../src/config/load.ts';
import { formatMistakes } from '../../src/config/mistake.ts';
import { redacted } from '../../src/config/redact.ts';
import type { DiscoverySnapshot } from '../../src/discovery/discovery.ts';
import { type AdminServer, startAdmin } from '../../src/telemetry/admin/admin-server.ts';
import type { UpstreamTelemetry } from '../../src/telemetry/telemetry.ts';
import type { ConnectionSnapshot, UpstreamSnapshot } from '../../src/upstream/observer.ts';
import { endpoint, request, scene, snapshot } from '../unit/telemetry/scene.ts';

export const sceneNames = ['healthy', 'faulty', 'empty'] as const;
export type SceneName = (typeof sceneNames)[number];

const configuration = `
listeners:
  - { address: '127.0.0.1:15101', upstream: shop-api }
  - { address: '127.0.0.1:15102', upstream: payments }
  - { address: 'unix:/run/sidepool/search.sock', upstream: search }
upstreams:
  shop-api:
    url: https://api.shop.example
    pool: { warm: 4, maxConnections: 24 }
  payments:
    url: https://payments.example
    retry: { resends: 0 }
    timeouts: { connect: 500ms }
    headers: { set: { X-Team: shop } }
  search:
    url: http://search.internal:9200
    pipelining: auto
limits: { maxClients: 2000 }
`;

interface Traffic {
  /** Requests a second at most. */
  readonly rate: number;
  readonly meanMs: number;
}

const traffic: { readonly [upstream: string]: Traffic } = {
  'shop-api': { rate: 42, meanMs: 18 },
  payments: { rate: 3, meanMs: 120 },
  search: { rate: 130, meanMs: 4 },
};
const names = Object.keys(traffic);

const refused = fault(
  'connect-refused',
  'upstream',
  'Nothing listens on 192.0.2.40:443 (payments.example): is it running, and is the port right?',
  { code: 'ECONNREFUSED' },
);
const ended = fault(
  'connection-ended',
  'upstream',
  'The upstream closed a new connection to 192.0.2.11:443 before it answered.',
  { sent: 'sent', code: 'ECONNRESET' },
);
const slow = fault(
  'first-byte-timeout',
  'upstream',
  'No response began in 2000 ms: see timeouts.firstByte.',
  { sent: 'sent' },
);

/** An admin server to look at; close it when done. */
export async function startScene(name: SceneName): Promise<AdminServer> {
  const play = new Play(name);
  if (name === 'empty') play.clock.pass(42_000);
  else play.traffic();
  if (name === 'faulty') play.faults();
  return await startAdmin({
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    telemetry: play.telemetry,
    clock: play.clock,
    state: {
      pools: () => [...play.states.values()],
      discoveries: () => new Map(names.map((one) => [one, found(one)])),
      config: () => redacted(configOf()),
      ready: () => ({ ready: true, reasons: [] }),
      drain: () => undefined,
      setLogLevel: () => undefined,
    },
  });
}

const SECONDS = 645;
/** When `payments` goes away, in the faulty scene. */
const GONE_AT = 560;

class Play {
  readonly telemetry;
  readonly clock;
  readonly states = new Map(names.map((one) => [one, quiet(one)]));
  readonly #isFaulty: boolean;
  readonly #upstreams: ReadonlyMap<string, UpstreamTelemetry>;
  readonly #chance = seeded(7);

  constructor(name: SceneName) {
    const { telemetry, clock } = scene();
    this.telemetry = telemetry;
    this.clock = clock;
    this.#isFaulty = name === 'faulty';
    this.#upstreams = new Map(
      names.map((one) => [
        one,
        telemetry.upstream(one, () => this.states.get(one) as UpstreamSnapshot),
      ]),
    );
  }

  #of(name: string): UpstreamTelemetry {
    return this.#upstreams.get(name) as UpstreamTelemetry;
  }

  traffic(): void {
    for (let i = 0; i < 40; i += 1) this.telemetry.client.onConnection();
    for (let second = 0; second < SECONDS; second += 1) {
      for (const one of names) this.#second(one, second);
      if (this.#isFaulty) this.#mishap(second);
      if (second === 411) retried(this.#of('shop-api'));
      this.clock.pass(1000);
    }
    for (const one of names) this.states.set(one, busy(one));
  }

  #second(name: string, second: number): void {
    const isGone = this.#isFaulty && name === 'payments' && second > GONE_AT;
    if (!isGone) answer(this.#of(name), name, { second, chance: this.#chance });
    else if (second % 3 === 0) this.#fail(name, refused, { method: 'POST', status: 503 });
  }

  #mishap(second: number): void {
    if (second === 430) this.#fail('shop-api', slow, { method: 'GET', status: 504 });
    if ([300, 301, 600, 641].includes(second))
      this.#fail('shop-api', ended, { method: 'GET', status: 502 });
  }

  #fail(name: string, what: Fault, { method, status }: { method: string; status: number }): void {
    const { exchange } = this.#of(name);
    exchange.onBegan();
    const context = { status, attempts: 1, durationMs: 3, endpoint: null };
    exchange.onFault(what, { ...context, request: request(method, '/') });
    exchange.onEnded({ status, durationMs: status === 504 ? 2000 : 3, isReused: false });
  }

  faults(): void {
    for (let i = 0; i < 24; i += 1) this.#of('payments').upstream.onDialFailed(refused);
    this.states.set('payments', {
      ...quiet('payments'),
      endpoints: [endpoint('192.0.2.40:443')],
      isDown: true,
      lastDialFault: refused,
    });
    this.states.set('shop-api', withOnePutAside(busy('shop-api')));
    this.telemetry.client.onFault(fault('bad-request', 'client', 'Two Host fields.'), 400);
  }
}

/** The address for a browser. */
export function urlOf({ address }: AdminServer): string {
  if (address.kind === 'unix') throw new Error('a TCP address is meant');
  return `http://127.0.0.1:${address.port}/`;
}

function configOf() {
  const parsed = parseConfig(configuration, { source: 'scene.yaml', env: {}, readFile: () => '' });
  if (!parsed.ok) throw new Error(formatMistakes('scene.yaml', parsed.mistakes));
  return parsed.config;
}

function answer(
  { exchange, upstream }: UpstreamTelemetry,
  name: string,
  { second, chance }: { second: number; chance: () => number },
): void {
  const { rate, meanMs } = traffic[name] as Traffic;
  const tide = 0.55 + 0.4 * Math.sin(second / 95 + rate);
  const count = Math.floor(rate * tide * (0.7 + 0.6 * chance()));
  for (let i = 0; i < count; i += 1) {
    const isNew = (second * 7 + i) % 97 === 0;
    if (isNew)
      upstream.onOpened({ tcpMs: 9, tlsMs: name === 'search' ? null : 21, resumed: false });
    exchange.onBegan();
    upstream.onLeased({ isReused: !isNew, isPipelined: false, waitedMs: 0 });
    const isSlow = chance() < 0.012;
    const durationMs = meanMs * (0.4 + 1.1 * chance()) * (isSlow ? 7 : 1);
    exchange.onEnded({ status: 200, durationMs, isReused: !isNew });
  }
}

function retried({ exchange }: UpstreamTelemetry): void {
  for (let i = 0; i < 3; i += 1) {
    exchange.onStale();
    exchange.onRetry('reused-connection-ended', 'succeeded');
  }
}

function some(count: number, state: ConnectionSnapshot['state'], first: number) {
  return Array.from({ length: count }, (_, i): ConnectionSnapshot => {
    const requests = 40 + 13 * i;
    const idleMs = state === 'idle' ? 300 * (i + 1) : null;
    return { id: first + i, state, ageMs: 61_000 + 9000 * i, idleMs, requests };
  });
}

const addresses: { readonly [upstream: string]: readonly string[] } = {
  'shop-api': ['192.0.2.10:443', '192.0.2.11:443'],
  payments: ['192.0.2.40:443'],
  search: ['10.0.7.3:9200', '10.0.7.4:9200', '10.0.9.21:9200'],
};

/** Warm, and nothing under way. */
function quiet(name: string): UpstreamSnapshot {
  const warm = name === 'shop-api' ? 4 : 1;
  const [first = '', ...others] = addresses[name] ?? [];
  return snapshot(name, {
    maxConnections: name === 'shop-api' ? 24 : 32,
    warmWanted: warm,
    endpoints: [
      endpoint(first, { connections: some(warm, 'idle', 1) }),
      ...others.map((address) => endpoint(address)),
    ],
  });
}

function busy(name: string): UpstreamSnapshot {
  const base = quiet(name);
  const active = name === 'search' ? 4 : 2;
  return {
    ...base,
    active: active * base.endpoints.length,
    endpoints: base.endpoints.map((one, at) => ({
      ...one,
      connecting: name === 'shop-api' && at === 1 ? 1 : 0,
      connections: [...some(active, 'active', 1), ...some(base.warmWanted + 2 - at, 'idle', 10)],
      learnedIdleLimitMs: name === 'search' ? 55_000 : null,
      idleLimitMs: name === 'search' ? 55_000 : 60_000,
    })),
  };
}

function withOnePutAside(state: UpstreamSnapshot): UpstreamSnapshot {
  const [first, second] = state.endpoints;
  if (first === undefined || second === undefined) return state;
  const health = {
    state: 'ejected' as const,
    reason: 'consecutive-failures' as const,
    forMs: 1000,
    endsInMs: 24_000,
    consecutiveFailures: 5,
    requests: 9,
    successRate: 0.4,
  };
  const aside = { ...second, connecting: 0, connections: some(1, 'draining', 30), health };
  return { ...state, endpoints: [first, aside] };
}

function found(name: string): DiscoverySnapshot {
  const host = { 'shop-api': 'api.shop.example', payments: 'payments.example' }[name];
  return {
    kind: 'dns',
    host: host ?? 'search.internal',
    addresses: addresses[name] ?? [],
    ageMs: 12_000,
    failures: 0,
    lastFailure: null,
  };
}
