/** From the file's words to the options that the rooms declare. Only what was found sound gets here. */
import type { ClientOptions, ListenerOptions } from '../downstream/options.ts';
import type { RequestEdits } from '../http1/request-writer.ts';
import type { ExchangePolicy } from '../proxy/options.ts';
import type { OutlierRules } from '../resilience/outliers.ts';
import type { UpstreamBreakerRules } from '../resilience/upstream-breaker.ts';
import type { TlsOptions, UpstreamOptions } from '../upstream/options.ts';
import { fieldLine } from './field-rules.ts';
import type { GatewayConfig } from './gateway-config.ts';
import type { FileOutput, UpstreamOutput } from './schema.ts';

export interface Surroundings {
  /** What stands in the file, references to secrets unresolved. */
  readonly document: unknown;
  /** Makes a path in the file absolute. */
  readonly resolvePath: (path: string) => string;
}

export function toGatewayConfig(file: FileOutput, surroundings: Surroundings): GatewayConfig {
  const client = clientOptions(file);
  const { drain, log, limits } = file;
  return {
    listeners: file.listeners.map((listener) => ({
      upstream: listener.upstream,
      options: listenerOptions(listener, client),
    })),
    upstreams: Object.entries(file.upstreams).map(([name, upstream]) => ({
      options: upstreamOptions(name, upstream, { limits, ...surroundings }),
      policy: exchangePolicy(upstream),
    })),
    endpoints:
      file.endpoints === undefined
        ? null
        : { ...file.endpoints, tokenFile: surroundings.resolvePath(file.endpoints.tokenFile) },
    limits: { maxClients: limits.maxClients, bufferTotalBytes: limits.bufferTotal },
    admin:
      file.admin === null
        ? null
        : { address: file.admin.address, readyWaitMs: file.admin.readyWait },
    drain: { quietMs: drain.quiet, deadlineMs: drain.deadline },
    log: { level: log.level, access: log.access },
    document: surroundings.document,
  };
}

function clientOptions({ limits, clients }: FileOutput): ClientOptions {
  return {
    head: { headBytes: limits.head, targetBytes: limits.target, maxFields: limits.fields },
    headTimeoutMs: clients.headTimeout,
    idleTimeoutMs: clients.idleTimeout,
    maxRequests: clients.maxRequests,
    stallTimeoutMs: clients.stallTimeout,
    lingerMs: clients.lingerTime,
    lingerBytes: clients.lingerBytes,
    holdForLengthMs: clients.holdTime,
    holdForLengthBytes: clients.holdBytes,
    maxBodyBytes: limits.body,
  };
}

function listenerOptions(
  { address, backlog, mode, owner }: FileOutput['listeners'][number],
  client: ClientOptions,
): ListenerOptions {
  return { address, backlog, socketMode: mode ?? null, socketOwner: owner ?? null, client };
}

function upstreamOptions(
  name: string,
  { url, tls, pool, timeouts, pipelining, outliers, breaker }: UpstreamOutput,
  { limits, resolvePath }: Surroundings & Pick<FileOutput, 'limits'>,
): UpstreamOptions {
  return {
    name,
    url,
    tls: url.scheme === 'https' ? tlsOptions(url.host, tls, resolvePath) : null,
    pool: {
      maxConnections: pool.maxConnections,
      warm: pool.warm,
      warmMax: pool.warmMax,
      idleTimeoutMs: pool.idleTimeout,
      maxAgeMs: pool.maxAge,
      maxRequests: pool.maxRequests,
      maxWaiting: pool.maxWaiting,
      maxDials: pool.maxDials,
      learnsIdleLimit: pool.learnIdleTimeout,
      pipelining,
    },
    timeouts: { connectMs: timeouts.connect, waitMs: timeouts.wait },
    outliers: outliers === null ? null : outlierRules(outliers),
    breaker: breaker === null ? null : breakerRules(breaker),
    responseLimits: { headBytes: limits.head, maxFields: limits.fields },
  };
}

function outlierRules(outliers: NonNullable<UpstreamOutput['outliers']>): OutlierRules {
  return {
    consecutiveFailures: outliers.consecutiveFailures,
    statuses: outliers.statuses,
    successRate: outliers.successRate,
    windowMs: outliers.window,
    minRequests: outliers.minRequests,
    baseMs: outliers.baseEjection,
    maxMs: outliers.maxEjection,
    trials: outliers.trials,
    maxEjected: outliers.maxEjected,
    panic: outliers.panic,
  };
}

function breakerRules(breaker: NonNullable<UpstreamOutput['breaker']>): UpstreamBreakerRules {
  return {
    consecutiveFailures: breaker.consecutiveFailures,
    statuses: breaker.statuses,
    successRate: breaker.successRate,
    windowMs: breaker.window,
    minRequests: breaker.minRequests,
    baseMs: breaker.baseOpen,
    maxMs: breaker.maxOpen,
    trials: breaker.trials,
  };
}

function tlsOptions(
  host: string,
  tls: UpstreamOutput['tls'],
  resolvePath: (path: string) => string,
): TlsOptions {
  const { certFile, keyFile } = tls ?? {};
  return {
    ca: (tls?.ca ?? []).map((path) => (path === 'system' ? path : resolvePath(path))),
    // RFC 6066 3: a server name is sent without a trailing dot.
    serverName: tls?.serverName ?? host.replace(/\.$/, ''),
    certificate:
      certFile === undefined || keyFile === undefined
        ? null
        : { certFile: resolvePath(certFile), keyFile: resolvePath(keyFile) },
    verify: tls?.verify ?? 'full',
  };
}

function exchangePolicy(upstream: UpstreamOutput): ExchangePolicy {
  const { timeouts, retry } = upstream;
  return {
    edits: requestEdits(upstream),
    timeouts: {
      waitMs: timeouts.wait,
      firstByteMs: timeouts.firstByte,
      idleMs: timeouts.idle,
      requestMs: timeouts.request,
      tunnelIdleMs: timeouts.tunnelIdle,
    },
    retry: {
      resends: retry.resends,
      onNewConnection: retry.onNewConnection,
      statuses: retry.statuses,
      maxRetryAfterMs: retry.maxRetryAfter,
      idempotencyHeaders: retry.idempotencyHeaders,
      perTryTimeoutMs: retry.perTryTimeout,
      bodyLimitBytes: retry.bodyLimit,
      budgetRatio: retry.budget,
      budgetFloor: retry.budgetFloor,
      backoffBaseMs: retry.backoff.base,
      backoffMaxMs: retry.backoff.max,
    },
    upgrades: upstream.upgrades,
    requiresUpgrade: upstream.requireUpgrade,
    ownAuthorities: upstream.authorities,
  };
}

function requestEdits({ url, host, headers, via }: UpstreamOutput): RequestEdits {
  const set = Object.entries(headers.set);
  const removed = new Set(
    [...set.map(([name]) => name), ...headers.remove].map((name) => name.toLowerCase()),
  );
  return {
    authority: host === 'upstream' ? url.authority : undefined,
    defaultAuthority: url.authority,
    setLines: set.map(([name, value]) => fieldLine(name, value)).join(''),
    removed: removed.size === 0 ? null : removed,
    via: via ?? undefined,
  };
}
