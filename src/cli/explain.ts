/** `sidepool explain FILE`: what each listener will do, in sentences, with every default filled in. */
import type { GatewayConfig, UpstreamConfig } from '../config/gateway-config.ts';
import { durationText } from '../config/units.ts';
import type { ListenAddress } from '../downstream/options.ts';
import { readSource } from './config-file.ts';

export interface Explanation {
  /** What it is about: a listener's address, or `gateway`. */
  readonly subject: string;
  readonly sentences: readonly string[];
}

/** Prints it and gives the exit code: 2 for a configuration that is wrong. */
export function explain(file: string, json: boolean): number {
  const read = readSource({ kind: 'file', file, admin: undefined });
  if (!read.ok) {
    process.stderr.write(read.message);
    return 2;
  }
  const explained = explanations(read.config);
  process.stdout.write(
    json ? `${JSON.stringify({ explained }, undefined, 2)}\n` : `${explained.map(text).join('\n')}`,
  );
  return 0;
}

function text({ subject, sentences }: Explanation): string {
  return `${subject}\n${sentences.map((sentence) => `  ${sentence}\n`).join('')}`;
}

export function explanations(config: GatewayConfig): Explanation[] {
  const byName = new Map(config.upstreams.map((upstream) => [upstream.options.name, upstream]));
  const listeners = config.listeners.map((listener) => {
    // The configuration was checked: each listener's upstream is there.
    const upstream = byName.get(listener.upstream) as UpstreamConfig;
    return {
      subject: addressText(listener.options.address),
      sentences: [
        ...wayOf(upstream),
        ...poolOf(upstream),
        ...timesOf(upstream),
        ...retriesOf(upstream),
      ],
    };
  });
  const listened = new Set(config.listeners.map(({ upstream }) => upstream));
  const idle = config.upstreams.filter(({ options }) => !listened.has(options.name));
  const unused = idle.map(({ options }) => `No listener leads to the upstream "${options.name}".`);
  return [...listeners, { subject: 'gateway', sentences: [...gatewayOf(config), ...unused] }];
}

function wayOf({ options, policy }: UpstreamConfig): string[] {
  const { url, tls, name } = options;
  const { edits } = policy;
  const sentences = [
    `Requests go to "${name}", ${url.scheme}://${url.authority}${url.service === undefined ? '' : `, the endpoints of the Service ${url.service}`}.`,
  ];
  sentences.push(
    edits.authority === undefined
      ? "The client's own Host is sent on."
      : `Host is set to ${edits.authority}.`,
  );
  if (tls === null) sentences.push('They travel unencrypted.');
  else if (tls.verify === 'none')
    sentences.push(
      'They travel over TLS, and nothing is verified: anybody can be at the other end.',
    );
  else {
    const roots = tls.ca.length === 0 ? "the system's authorities" : `${tls.ca.join(', ')}`;
    const shown =
      tls.certificate === null ? '' : `, and ${tls.certificate.certFile} is shown to it`;
    sentences.push(
      `They travel over TLS; the certificate must be for "${tls.serverName}" and from ${roots}${shown}.`,
    );
  }
  if (policy.requiresUpgrade)
    sentences.push(`Only upgrades to ${list(policy.upgrades)} are carried.`);
  else if (policy.upgrades.length > 0)
    sentences.push(`Upgrades to ${list(policy.upgrades)} become tunnels.`);
  return sentences;
}

function poolOf({ options }: UpstreamConfig): string[] {
  const { pool } = options;
  const sentences = [
    `At most ${pool.maxConnections} connections are open at a time; up to ${pool.maxWaiting} more requests wait for one in turn.`,
    pool.warm === 0
      ? 'No idle connection is kept ready.'
      : `${pool.warm} idle connections are kept ready at all times, and up to ${pool.warmMax} after busy times.`,
    `An idle connection is closed after ${durationText(pool.idleTimeoutMs)}${pool.learnsIdleLimit ? ', or sooner where the upstream is seen to close its own sooner' : ''}.`,
  ];
  if (pool.maxAgeMs > 0)
    sentences.push(`A connection is replaced at an age of about ${durationText(pool.maxAgeMs)}.`);
  if (pool.maxRequests > 0)
    sentences.push(`A connection is replaced after ${pool.maxRequests} requests.`);
  if (pool.pipelining !== 'off') {
    const depth = pool.pipelining === 'auto' ? 'as many as goes well' : `up to ${pool.pipelining}`;
    sentences.push(`GET and HEAD requests share connections, ${depth} at a time.`);
  }
  return sentences;
}

function timesOf({ options, policy }: UpstreamConfig): string[] {
  const { timeouts } = policy;
  const limits: [number, string][] = [
    [options.timeouts.connectMs, 'for a connection'],
    [timeouts.waitMs, 'in line for one'],
    [timeouts.firstByteMs, 'for the first octet of a response'],
    [timeouts.idleMs, 'without an octet of body'],
    [timeouts.requestMs, 'for a whole exchange'],
  ];
  const told = limits.filter(([ms]) => ms > 0).map(([ms, what]) => `${durationText(ms)} ${what}`);
  return [`Time runs out after ${list(told)}; the client is told 504 or 503.`];
}

function retriesOf({ options, policy: { retry } }: UpstreamConfig): string[] {
  const sentences: string[] = [];
  if (retry.resends === 0) sentences.push('A request that was sent is never sent again.');
  else {
    sentences.push(
      'A request whose connection ends before any response is sent once more if its method may be repeated (not POST, not PATCH) and its body is at most ' +
        `${retry.bodyLimitBytes} octets; retries are at most ${Math.round(retry.budgetRatio * 100)} % of requests.`,
    );
  }
  if (retry.idempotencyHeaders.length > 0)
    sentences.push(
      `A request with ${list(retry.idempotencyHeaders)} may be repeated whatever its method.`,
    );
  if (retry.statuses.length > 0)
    sentences.push(`Responses of status ${list(retry.statuses.map(String))} are tried again.`);
  if (retry.perTryTimeoutMs > 0)
    sentences.push(
      `A try without a response is given up for another after ${durationText(retry.perTryTimeoutMs)}.`,
    );
  if (options.outliers)
    sentences.push(
      `Of several addresses, one that fails ${options.outliers.consecutiveFailures} times in a row is put aside for a while.`,
    );
  if (options.breaker)
    sentences.push(
      `After ${options.breaker.consecutiveFailures} failures in a row of the whole upstream, requests are refused with 503 for a while.`,
    );
  return sentences;
}

function gatewayOf({ limits, admin, drain, log }: GatewayConfig): string[] {
  return [
    `At most ${limits.maxClients} clients are connected at a time; ${limits.bufferTotalBytes} octets of request bodies are held at most.`,
    admin === null
      ? 'There is no admin address: no metrics, no status page, no probes.'
      : `Metrics, probes and the status page are at ${addressText(admin.address)}.`,
    `On SIGTERM it serves on until nothing has been under way for ${durationText(drain.quietMs)}, for ${durationText(drain.deadlineMs)} at most.`,
    `It logs from level ${log.level} on.`,
  ];
}

function addressText(address: ListenAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  return address.host.includes(':')
    ? `[${address.host}]:${address.port}`
    : `${address.host}:${address.port}`;
}

function list(words: readonly string[]): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
