/** What an upstream is, seen from here: its name, its addresses, TLS, an answer, and when it closes what is idle. */

import { systemClock } from '../../base/clock.ts';
import { TimerWheel } from '../../base/timer-wheel.ts';
import type { UpstreamConfig } from '../../config/gateway-config.ts';
import { durationText } from '../../config/units.ts';
import { discoverHost } from '../../discovery/discover-host.ts';
import type { EndpointAddress } from '../../discovery/discovery.ts';
import { endpointName } from '../../upstream/endpoint-name.ts';
import type { UpstreamOptions } from '../../upstream/options.ts';
import { type Finding, ok } from './finding.ts';
import { checkSourcePorts } from './machine-checks.ts';
import { type Answered, open, Probe } from './probe.ts';

export interface UpstreamCheckOptions {
  /** How long an idle connection is watched; 0 for not at all. */
  readonly idleMs: number;
  /** `/proc`, where it is not somewhere else. */
  readonly proc: string;
}

/** Of many addresses, so many are tried. */
const MOST_ADDRESSES = 8;
const RESOLVE_MS = 10_000;
const MOST_ANSWER_MS = 10_000;

export async function checkUpstream(
  config: UpstreamConfig,
  { idleMs, proc }: UpstreamCheckOptions,
): Promise<Finding[]> {
  const { options } = config;
  const { name } = options;
  const resolved = await resolve(options);
  if (resolved.addresses.length === 0) return [resolved.finding];
  const tried = resolved.addresses.slice(0, MOST_ADDRESSES);
  const { maxConnections } = options.pool;
  const ports = await Promise.all(
    tried.map((target) => checkSourcePorts(name, endpointName(target), { maxConnections, proc })),
  );
  const openings = await Promise.all(
    tried.map(async (target) => ({ target, opening: await open(options, target) })),
  );
  const findings = [resolved.finding, ...worst(ports)];
  let probe: Probe | null = null;
  for (const { target, opening } of openings) {
    if (!opening.ok) {
      findings.push(refused(options, opening.fault.kind, opening.fault.cause));
      continue;
    }
    findings.push(connected(options, target, opening.phases));
    if (probe === null) probe = new Probe(opening.wire, options);
    else opening.wire.destroy();
  }
  if (probe !== null) {
    findings.push(...(await checkAnswers(config, probe, idleMs)));
    probe.close();
  }
  return findings;
}

interface Resolved {
  readonly addresses: readonly EndpointAddress[];
  readonly finding: Finding;
}

function resolve(options: UpstreamOptions): Promise<Resolved> {
  const { name: subject, url } = options;
  const beganMs = performance.now();
  const wheel = new TimerWheel(systemClock);
  return new Promise((settle) => {
    const failed = (cause: string): void => {
      settle({
        addresses: [],
        finding: {
          subject,
          check: 'name',
          verdict: 'problem',
          what: cause,
          advice: `Check the spelling of ${url.host}, and the name servers in /etc/resolv.conf: getent ahosts ${url.host}`,
        },
      });
      discovery.stop();
    };
    const timer = setTimeout(
      () => failed(`${url.host} was not resolved within ${RESOLVE_MS / 1000} s`),
      RESOLVE_MS,
    );
    const discovery = discoverHost({
      host: url.host,
      port: url.port,
      clock: systemClock,
      wheel,
      observer: {
        onResolved: () => undefined,
        onResolveFailed: (cause) => {
          clearTimeout(timer);
          failed(cause);
        },
      },
    });
    discovery.start((addresses) => {
      clearTimeout(timer);
      const ms = Math.round(performance.now() - beganMs);
      const list = addresses.map(({ ip }) => ip).join(', ');
      const what = `${url.host} has ${count(addresses.length, 'address')} (${list}), found in ${ms} ms`;
      settle({ addresses, finding: ok(subject, 'name', what) });
      discovery.stop();
    });
  });
}

/** One that is all right speaks for all that are. */
function worst(findings: readonly Finding[]): readonly Finding[] {
  const bad = findings.filter(({ verdict }) => verdict !== 'ok');
  return bad.length > 0 ? bad : findings.slice(0, 1);
}

function connected(
  options: UpstreamOptions,
  { ip, port }: EndpointAddress,
  phases: { readonly tcpMs: number; readonly tlsMs: number | null },
): Finding {
  const tcp = `${ip}, port ${port}: connected in ${phases.tcpMs.toFixed(1)} ms`;
  const what =
    phases.tlsMs === null
      ? tcp
      : `${tcp}, TLS in ${phases.tlsMs.toFixed(1)} ms, the certificate is good for "${options.tls?.serverName}"`;
  return ok(options.name, 'connection', what);
}

function refused(options: UpstreamOptions, kind: string, cause: string): Finding {
  const made = (check: string, advice: string): Finding => ({
    subject: options.name,
    check,
    verdict: 'problem',
    what: cause,
    advice,
  });
  switch (kind) {
    case 'tls-certificate':
      return made(
        'certificate',
        'The reason above says which setting of tls mends it; verify: none would hide it, not mend it.',
      );
    case 'tls-failed':
      return made(
        'TLS',
        `Does this port speak TLS at all? openssl s_client -connect ${options.url.authority} shows.`,
      );
    case 'connect-refused':
      return made('connection', `Is ${options.url.port} the port, and does the server run?`);
    case 'connect-timeout':
      return made('connection', 'Is a firewall, a security group or a NetworkPolicy between?');
    default:
      return made('connection', 'Nothing can be sent there as it is.');
  }
}

async function checkAnswers(
  { options, policy }: UpstreamConfig,
  probe: Probe,
  idleMs: number,
): Promise<Finding[]> {
  const subject = options.name;
  const { firstByteMs } = policy.timeouts;
  const timeoutMs = Math.min(MOST_ANSWER_MS, firstByteMs || MOST_ANSWER_MS);
  const answer = await probe.ask(options.url.authority, timeoutMs);
  if (!answer.ok) {
    const advice =
      'It accepts connections, and does not answer as HTTP/1.1: is this the right port?';
    return [{ subject, check: 'answer', verdict: 'problem', what: answer.cause, advice }];
  }
  const { status, version, keepsAlive, tookMs } = answer;
  const what = `HEAD / was answered ${status} in ${tookMs.toFixed(1)} ms, as ${version}`;
  if (!keepsAlive) {
    return [
      {
        subject,
        check: 'answer',
        verdict: 'warning',
        what: `${what}, and the connection is closed after it`,
        advice:
          'Nothing can be reused towards it: turn keep-alive on there (HTTP/1.1 without "Connection: close").',
      },
    ];
  }
  return [
    ok(subject, 'answer', `${what}; the connection lives on`),
    await idle(answer, options, { probe, idleMs }),
  ];
}

/** Ours should be the shorter: then no request meets a connection that is just being closed. */
async function idle(
  { toldIdleSeconds }: Answered,
  { name: subject, pool }: UpstreamOptions,
  { probe, idleMs }: { readonly probe: Probe; readonly idleMs: number },
): Promise<Finding> {
  const check = 'idle limit';
  const oursMs = pool.idleTimeoutMs;
  const ours = `pool.idleTimeout is ${durationText(oursMs)}`;
  if (toldIdleSeconds !== null) {
    const told = `it says that it keeps idle connections for ${toldIdleSeconds} s (Keep-Alive), and ${ours}`;
    if (toldIdleSeconds * 1000 > oursMs) return ok(subject, check, told);
    return {
      subject,
      check,
      verdict: 'warning',
      what: told,
      advice: `Sidepool heeds what it says, with a margin. To be sure from the first request on: idleTimeout: ${below(toldIdleSeconds * 1000)}.`,
    };
  }
  const endedMs = idleMs === 0 ? null : await probe.idle(Math.min(idleMs, oursMs));
  if (endedMs === null) {
    const watched = Math.min(idleMs, oursMs);
    if (watched >= oursMs && watched > 0)
      return ok(
        subject,
        check,
        `an idle connection was still open after ${durationText(watched)}, and ${ours}`,
      );
    return {
      subject,
      check,
      verdict: 'unknown',
      what:
        idleMs === 0
          ? 'it says nothing of it, and none was watched (--idle 0s)'
          : `it says nothing of it, and had not closed an idle connection after ${durationText(watched)}; ${ours}`,
      advice: `--idle ${durationText(oursMs)} watches for as long as ours.`,
    };
  }
  return {
    subject,
    check,
    verdict: 'warning',
    what: `it closed an idle connection after ${(endedMs / 1000).toFixed(1)} s, and ${ours}`,
    advice: `Sidepool learns this from the first connections that it loses; until then a POST may meet one. Set idleTimeout: ${below(endedMs)}, or let the server keep them for longer.`,
  };
}

/** Four fifths, in whole seconds where it can be. */
function below(ms: number): string {
  const most = ms * 0.8;
  return durationText(most >= 1000 ? Math.floor(most / 1000) * 1000 : Math.floor(most));
}

function count(many: number, noun: string): string {
  return `${many} ${noun}${many === 1 ? '' : 'es'}`;
}
