/** One run of the restarts: clients, gateway, nginx that is stopped and started again, and a slow application. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';
import { startGatewayFor } from '../support/gateway.ts';
import { sumOf } from '../support/metrics.ts';
import { type RunningProcess, runToEnd, startProcess } from '../support/process.ts';
import { requireProgram } from '../support/program.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';
import { detailsOf, type OneAnswer, wallMs } from './one-request.ts';
import type { OpenLoopPlan } from './open-loop.ts';
import type { AppReport } from './slow-app.ts';

export interface RestartOptions {
  readonly method: string;
  /** How nginx is stopped: SIGTERM is its fast shutdown. */
  readonly signal: 'SIGTERM' | 'SIGKILL';
  readonly stops: number;
  readonly perSecond: number;
  /** How long it is away. */
  readonly downMs: number;
  /** How long it runs before each stop, and after the last. */
  readonly upMs: number;
}

export const answerAfterMs = 50;

/** A request that failed, and when: milliseconds after the stop that it belongs to. */
export interface Failure {
  readonly id: string;
  readonly status: number;
  readonly details: string;
  readonly error: string;
  readonly sentAfterStopMs: number;
  readonly endedAfterStopMs: number;
  /** Whether the application saw it: what the caller can not know, and what "sent" has to cover. */
  readonly wasSeen: boolean;
}

export interface RestartResult {
  readonly method: string;
  readonly signal: string;
  readonly sent: number;
  readonly ok: number;
  readonly failed: number;
  readonly failures: readonly Failure[];
  /** Requests under way at each stop: sent before it and not yet answered. */
  readonly inFlight: readonly number[];
  readonly longestMs: number;
  /** How much longer than the application's own time the slowest answer from before the first stop took. */
  readonly noiseMs: number;
  /** Ids of this method that the application saw more than once. */
  readonly seenTwice: number;
  readonly retried: number;
  readonly stale: number;
  readonly opened: number;
  readonly dialsFailed: number;
  /** The idle limit in force at the end: a restart is no idle timeout, and should have taught none. */
  readonly idleLimitMs: number;
}

export async function restarts(options: RestartOptions): Promise<RestartResult> {
  const { method, signal, stops, perSecond, downMs, upMs } = options;
  const dir = makeTempDir('restarts');
  const app = await startProcess({
    command: process.execPath,
    args: [join(import.meta.dirname, 'slow-app.ts'), String(answerAfterMs)],
    ready: { kind: 'line', pattern: /listening \d+/ },
  });
  const appPort = Number((await app.waitForLine(/listening (\d+)/))[1]);
  const port = await freePort();
  let nginx = await startNginxBefore(appPort, port, dir);
  try {
    const gateway = await startGatewayFor(`http://127.0.0.1:${port}`);
    try {
      const forMs = upMs + stops * (downMs + upMs);
      const load = runOpenLoop({ port: gateway.port, method, perSecond, forMs });
      const stoppedAtMs: number[] = [];
      for (let nth = 0; nth < stops; nth += 1) {
        await sleep(upMs);
        stoppedAtMs.push(wallMs());
        nginx.signal(signal);
        await nginx.exited;
        await sleep(downMs - (wallMs() - (stoppedAtMs.at(-1) ?? 0)));
        nginx = await startNginxBefore(appPort, port, dir);
      }
      const answers = await load;
      const metrics = await gateway.metrics();
      await gateway.stop();
      await app.stop();
      const report = JSON.parse(app.stdout().trim().split('\n').at(-1) ?? '{}') as AppReport;
      const failures = failuresOf(answers, stoppedAtMs, report);
      return {
        method,
        signal,
        sent: answers.length,
        ok: answers.length - failures.length,
        failed: failures.length,
        failures,
        inFlight: stoppedAtMs.map(
          (atMs) =>
            answers.filter((each) => each.sentAtMs <= atMs && each.endedAtMs >= atMs).length,
        ),
        longestMs: Math.max(...answers.map((each) => each.endedAtMs - each.sentAtMs)),
        noiseMs: noiseOf(answers, stoppedAtMs),
        seenTwice: report.repeated[method]?.length ?? 0,
        retried: sumOf(metrics, 'sidepool_upstream_retries_total'),
        stale: sumOf(metrics, 'sidepool_upstream_stale_total'),
        opened: sumOf(metrics, 'sidepool_upstream_connections_opened_total'),
        dialsFailed: sumOf(metrics, 'sidepool_upstream_dials_failed_total'),
        idleLimitMs: 1000 * sumOf(metrics, 'sidepool_upstream_idle_limit_seconds'),
      };
    } finally {
      await gateway.stop();
    }
  } finally {
    await nginx.stop();
    await app.stop();
    dir.remove();
  }
}

/** What a run breaks of its promises; empty when it keeps them. */
export function restartBreaches(result: RestartResult): string[] {
  const { method, signal, failures, inFlight, seenTwice } = result;
  const breaches: string[] = [];
  const breach = (what: string): void => {
    breaches.push(`${method}, ${signal}: ${what}`);
  };
  if (method === 'GET') {
    if (failures.length > 0) breach(`${failures.length} of ${result.sent} failed`);
    return breaches;
  }
  if (seenTwice > 0) breach(`the application saw ${seenTwice} twice`);
  const most = inFlight.reduce((sum, count) => sum + count, 0);
  if (failures.length > most + inFlight.length) {
    // One more a stop: what is written while the end of the connection is on its way was sent as well.
    breach(`${failures.length} failed, and ${most} were under way at the stops`);
  }
  for (const failure of failures) {
    const isTold = failure.details === 'sent-no-response' || failure.details === 'partial-response';
    if (failure.wasSeen && !isTold)
      breach(`${failure.id} was seen, and its caller told "${failure.details}"`);
    if (!isTold) breach(`${failure.id} failed with ${failure.status} "${failure.details}"`);
    if (failure.sentAfterStopMs > noticeMs + result.noiseMs)
      breach(`${failure.id} was sent ${failure.sentAfterStopMs.toFixed(0)} ms after the stop`);
    if (failure.endedAfterStopMs < 0)
      breach(`${failure.id} failed ${-failure.endedAfterStopMs.toFixed(0)} ms before the stop`);
  }
  return breaches;
}

/** What may lie between the signal and the gateway's sight of its effect, on a machine that is not busy. */
const noticeMs = 100;

/** What the machine's own load added to the slowest answer from before the first stop. */
function noiseOf(answers: readonly OneAnswer[], stoppedAtMs: readonly number[]): number {
  const firstStopMs = stoppedAtMs[0] ?? Number.POSITIVE_INFINITY;
  const undisturbed = answers.filter(
    ({ status, endedAtMs }) => status === 200 && endedAtMs < firstStopMs,
  );
  const slowestMs = Math.max(0, ...undisturbed.map((each) => each.endedAtMs - each.sentAtMs));
  return Math.max(0, slowestMs - answerAfterMs);
}

function failuresOf(
  answers: readonly OneAnswer[],
  stoppedAtMs: readonly number[],
  report: AppReport,
): Failure[] {
  const seen = new Set(report.ids);
  return answers
    .filter(({ status }) => status !== 200)
    .map((answer) => {
      const nearest = [...stoppedAtMs].sort(
        (a, b) => Math.abs(answer.sentAtMs - a) - Math.abs(answer.sentAtMs - b),
      );
      const stopMs = nearest[0] ?? Number.NaN;
      return {
        id: answer.id,
        status: answer.status,
        details: detailsOf(answer),
        error: answer.error,
        sentAfterStopMs: answer.sentAtMs - stopMs,
        endedAfterStopMs: answer.endedAtMs - stopMs,
        wasSeen: seen.has(answer.id),
      };
    });
}

async function runOpenLoop(plan: OpenLoopPlan): Promise<OneAnswer[]> {
  const { stdout, stderr, code } = await runToEnd({
    command: process.execPath,
    args: [join(import.meta.dirname, 'open-loop.ts'), JSON.stringify(plan)],
    timeoutMs: plan.forMs + 30_000,
  });
  if (code !== 0) throw new Error(`the clients failed: ${stderr}`);
  return JSON.parse(stdout) as OneAnswer[];
}

function startNginxBefore(appPort: number, port: number, dir: TempDir): Promise<RunningProcess> {
  const prefix = dir.path;
  mkdirSync(join(prefix, 'temp'), { recursive: true });
  const configPath = join(prefix, 'nginx.conf');
  writeFileSync(configPath, nginxConfig(prefix, port, appPort));
  return startProcess({
    command: requireProgram('nginx'),
    args: ['-p', prefix, '-c', configPath, '-e', 'stderr'],
    ready: { kind: 'port', port },
  });
}

/** It passes a request on once and never again, so that a second sight of it at the application is the gateway's. */
function nginxConfig(prefix: string, port: number, appPort: number): string {
  return `
daemon off;
master_process off;
error_log stderr error;
pid ${prefix}/nginx.pid;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${prefix}/temp/body;
  proxy_temp_path ${prefix}/temp/proxy;
  fastcgi_temp_path ${prefix}/temp/fastcgi;
  uwsgi_temp_path ${prefix}/temp/uwsgi;
  scgi_temp_path ${prefix}/temp/scgi;
  keepalive_requests 1000000;
  upstream app { server 127.0.0.1:${appPort}; keepalive 64; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_next_upstream off;
    }
  }
}
`;
}
