/** The surroundings of one run, thought up from its seed: what the gateway is configured to, and how its peers are. */
import type { Random } from '../../src/base/clock.ts';
import { parseConfig } from '../../src/config/load.ts';
import { formatMistakes } from '../../src/config/mistake.ts';
import type { ClientOptions } from '../../src/downstream/options.ts';
import type { ExchangePolicy } from '../../src/proxy/options.ts';
import type { UpstreamOptions } from '../../src/upstream/options.ts';
import { pick } from './plan.ts';

/** What is turned on and off, and made small and large, over the whole run. Plain data: a failing one is shrunk. */
export interface WorldConfig {
  readonly pipelining: 'off' | 'auto' | number;
  readonly maxConnections: number;
  readonly maxWaiting: number;
  readonly maxDials: number;
  readonly warm: number;
  readonly endpoints: number;
  readonly idleTimeoutMs: number;
  readonly maxAgeMs: number;
  readonly maxRequests: number;
  readonly waitMs: number;
  readonly firstByteMs: number;
  readonly requestMs: number;
  readonly perTryTimeoutMs: number;
  readonly statuses: boolean;
  readonly onNewConnection: 'safe' | 'idempotent' | 'never';
  readonly resends: 0 | 1;
  readonly promises: boolean;
  /** Endpoints that fail are put aside: as they are by default, or soon and for a short time. */
  readonly outliers: 'off' | 'default' | 'soon';
  readonly breaker: 'off' | 'soon';
  readonly bodyLimitBytes: number;
  readonly bufferTotalBytes: number;
  readonly budgetIsSmall: boolean;
  readonly clientMaxRequests: number;
  readonly clientIdleMs: number;
  readonly holdForLengthMs: number;
  readonly maxBodyBytes: number;
  readonly isEncrypted: boolean;
  readonly windowBytes: number;
  readonly losesUnread: boolean;
  readonly mostlyGets: boolean;
  readonly largeBodies: boolean;
  readonly upgrades: boolean;
  readonly interims: boolean;
  readonly speaks10: boolean;
  readonly malformed: boolean;
  readonly failures: boolean;
  readonly upstreams: 1 | 2;
}

/** The plainest: what a failing run is shrunk towards. */
export const plainConfig: WorldConfig = {
  pipelining: 'off',
  maxConnections: 4,
  maxWaiting: 100,
  maxDials: 4,
  warm: 0,
  endpoints: 1,
  idleTimeoutMs: 5_000,
  maxAgeMs: 0,
  maxRequests: 0,
  waitMs: 1_000,
  firstByteMs: 2_000,
  requestMs: 0,
  perTryTimeoutMs: 0,
  statuses: false,
  onNewConnection: 'safe',
  resends: 1,
  promises: false,
  outliers: 'off',
  breaker: 'off',
  bodyLimitBytes: 64 * 1024,
  bufferTotalBytes: 16 * 1024 * 1024,
  budgetIsSmall: false,
  clientMaxRequests: 0,
  clientIdleMs: 10_000,
  holdForLengthMs: 10,
  maxBodyBytes: 0,
  isEncrypted: false,
  windowBytes: 64 * 1024,
  losesUnread: false,
  mostlyGets: false,
  largeBodies: false,
  upgrades: false,
  interims: false,
  speaks10: false,
  malformed: false,
  failures: false,
  upstreams: 1,
};

export function configBy(random: Random): WorldConfig {
  const maybe = (share: number): boolean => random() < share;
  return {
    pipelining: pick(['off', 'off', 'auto', 'auto', 2, 4, 8] as const, random),
    maxConnections: pick([1, 1, 2, 2, 3, 4, 8], random),
    maxWaiting: pick([100, 100, 100, 100, 3, 1], random),
    maxDials: pick([1, 2, 4], random),
    warm: pick([0, 0, 1, 2, 3], random),
    endpoints: pick([1, 1, 2, 3], random),
    idleTimeoutMs: pick([200, 1_000, 5_000, 60_000], random),
    maxAgeMs: pick([0, 0, 300, 3_000], random),
    maxRequests: pick([0, 0, 1, 2, 5], random),
    waitMs: pick([100, 1_000, 3_000], random),
    firstByteMs: pick([100, 500, 2_000], random),
    requestMs: pick([0, 0, 0, 300, 2_000], random),
    perTryTimeoutMs: pick([0, 0, 0, 50], random),
    statuses: maybe(0.3),
    onNewConnection: pick(['safe', 'safe', 'idempotent', 'never'] as const, random),
    resends: maybe(0.9) ? 1 : 0,
    promises: maybe(0.3),
    outliers: pick(['off', 'default', 'soon', 'soon'] as const, random),
    breaker: maybe(0.2) ? 'soon' : 'off',
    bodyLimitBytes: pick([64 * 1024, 64 * 1024, 500, 0], random),
    bufferTotalBytes: pick([16 * 1024 * 1024, 16 * 1024 * 1024, 2_000, 100], random),
    budgetIsSmall: maybe(0.15),
    clientMaxRequests: pick([0, 0, 1, 3], random),
    clientIdleMs: pick([100, 1_000, 10_000], random),
    holdForLengthMs: pick([10, 10, 0, 100], random),
    maxBodyBytes: pick([0, 0, 0, 1_000], random),
    isEncrypted: maybe(0.3),
    windowBytes: pick([16, 500, 16 * 1024, 64 * 1024, 64 * 1024], random),
    losesUnread: maybe(0.5),
    mostlyGets: maybe(0.4),
    largeBodies: maybe(0.3),
    upgrades: maybe(0.2),
    interims: maybe(0.3),
    speaks10: maybe(0.2),
    malformed: maybe(0.2),
    failures: maybe(0.4),
    upstreams: maybe(0.3) ? 2 : 1,
  };
}

/** What the configuration's own reader makes of a short file: the defaults of every option, those to come included. */
const defaults = (() => {
  const parsed = parseConfig(
    JSON.stringify({
      listeners: [{ address: '127.0.0.1:15101', upstream: 'a' }],
      upstreams: { a: { url: 'http://origin.example' } },
      admin: 'off',
    }),
    { source: 'sim.yaml', env: {}, readFile: () => '' },
  );
  if (!parsed.ok) throw new Error(formatMistakes('sim.yaml', parsed.mistakes));
  const [upstream] = parsed.config.upstreams;
  const [listener] = parsed.config.listeners;
  if (upstream === undefined || listener === undefined) throw new Error('no defaults');
  return { upstream, client: listener.options.client };
})();

const soon = {
  consecutiveFailures: 2,
  statuses: [502, 503, 504],
  successRate: 0.5,
  windowMs: 1_000,
  minRequests: 4,
  baseMs: 200,
  maxMs: 1_000,
  trials: 2,
} as const;

export function upstreamOptionsOf(name: string, config: WorldConfig): UpstreamOptions {
  const { options } = defaults.upstream;
  return {
    ...options,
    name,
    pool: {
      ...options.pool,
      maxConnections: config.maxConnections,
      maxWaiting: config.maxWaiting,
      maxDials: config.maxDials,
      warm: Math.min(config.warm, config.maxConnections),
      warmMax: Math.min(config.warm + 2, config.maxConnections),
      idleTimeoutMs: config.idleTimeoutMs,
      maxAgeMs: config.maxAgeMs,
      maxRequests: config.maxRequests,
      pipelining: config.pipelining,
    },
    timeouts: { ...options.timeouts, connectMs: 400, waitMs: config.waitMs },
    outliers: {
      off: null,
      default: options.outliers ?? null,
      soon: { ...soon, maxEjected: 0.5, panic: 0.5 },
    }[config.outliers],
    breaker: config.breaker === 'off' ? null : soon,
  };
}

export function policyOf(config: WorldConfig): ExchangePolicy {
  const { policy } = defaults.upstream;
  return {
    ...policy,
    timeouts: {
      ...policy.timeouts,
      waitMs: config.waitMs,
      firstByteMs: config.firstByteMs,
      idleMs: 1_000,
      requestMs: config.requestMs,
      tunnelIdleMs: 1_500,
    },
    retry: {
      ...policy.retry,
      resends: config.resends,
      onNewConnection: config.onNewConnection,
      statuses: config.statuses ? [503, 429] : [],
      maxRetryAfterMs: 1_000,
      idempotencyHeaders: config.promises ? ['idempotency-key'] : [],
      perTryTimeoutMs: config.perTryTimeoutMs,
      bodyLimitBytes: config.bodyLimitBytes,
      budgetRatio: config.budgetIsSmall ? 0.01 : policy.retry.budgetRatio,
      budgetFloor: config.budgetIsSmall ? 0.2 : policy.retry.budgetFloor,
    },
    upgrades: config.upgrades ? ['websocket'] : [],
  };
}

export function clientOptionsOf(config: WorldConfig): ClientOptions {
  return {
    ...defaults.client,
    headTimeoutMs: 2_000,
    idleTimeoutMs: config.clientIdleMs,
    maxRequests: config.clientMaxRequests,
    stallTimeoutMs: 3_000,
    lingerMs: 500,
    holdForLengthMs: config.holdForLengthMs,
    maxBodyBytes: config.maxBodyBytes,
  };
}
