/**
 * 240,000 clients of one HTTP/1.0 request each: eight times as many connections as there are source ports, through the
 * gateway to nginx over TLS, and the same number directly.
 *
 *   npm run build && node test/soak/ab-240000.ts [--count 240000] [--concurrency 32] [--only gateway|direct]
 *     [--markdown docs/benchmarks/ab-240000.md] [--json FILE]
 *
 * Some minutes. Without `--markdown` the table goes to standard output alone. The gateway is the bundle unless
 * `SIDEPOOL_GATEWAY` names another command. Ends with 1 when a request through the gateway failed or it opened more
 * connections than clients came at a time.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { processorTimeUs } from '../bench/process-figures.ts';
import { circumstances, markdownTable } from '../bench/report.ts';
import { CertificateAuthority } from '../support/certificates.ts';
import { startGateway } from '../support/gateway.ts';
import { sumOf } from '../support/metrics.ts';
import { startNginx } from '../support/origins/nginx.ts';
import type { ProgramOrigin } from '../support/origins/origin.ts';
import { runToEnd } from '../support/process.ts';
import { findProgram, requireProgram } from '../support/program.ts';
import { makeTempDir } from '../support/temp-dir.ts';

const { values: options } = parseArgs({
  options: {
    count: { type: 'string', default: '240000' },
    concurrency: { type: 'string', default: '32' },
    only: { type: 'string' },
    markdown: { type: 'string' },
    json: { type: 'string' },
  },
});
const count = Number(options.count);
const concurrency = Number(options.concurrency);
const bundle = 'node dist/sidepool.cjs gateway';
const { SIDEPOOL_GATEWAY: command = bundle } = process.env;
// What test/support/gateway.ts starts.
Object.assign(process.env, { SIDEPOOL_GATEWAY: command });

interface AbRun {
  readonly exitCode: number | null;
  /** The last words of ab when it gave up; empty when it went to its end. */
  readonly gaveUp: string;
  readonly completed: number;
  readonly failed: number;
  readonly non2xx: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly longestMs: number;
  /** More sockets in TIME_WAIT than before, at most and at the end; on the whole machine. */
  readonly timeWaitMost: number;
  readonly timeWaitAtEnd: number;
  readonly nginxSeconds: number;
}

interface Through extends AbRun {
  readonly gatewaySeconds: number;
  readonly opened: number;
  readonly reused: number;
  readonly resumed: number;
  readonly faults: number;
}

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};
const begun = circumstances();
const dir = makeTempDir('ab');
try {
  await main();
} finally {
  dir.remove();
}

async function main(): Promise<void> {
  if (!findProgram('ab') || !findProgram('nginx')) return say('ab and nginx are needed: not run');
  const authority = await CertificateAuthority.create(dir.path);
  const certificate = await authority.issueForLoopback();
  const nginx = await startNginx({
    tls: certificate,
    keepaliveRequests: 1_000_000_000,
    server: 'location = /small { return 200 "0123456789abcdef0123456789abcdef"; }',
  });
  try {
    const through =
      options.only === 'direct' ? undefined : await throughGateway(nginx, authority.certPath);
    const direct = options.only === 'gateway' ? undefined : await runDirect(nginx);
    publish(through, direct);
  } finally {
    await nginx.stop();
  }
}

async function throughGateway(nginx: ProgramOrigin, caPath: string): Promise<Through> {
  say(`through the gateway: ${command}`);
  const gateway = await startGateway({
    upstreams: { origin: { url: `https://localhost:${nginx.port}`, tls: { ca: caPath } } },
  });
  try {
    const cpuBefore = processorTimeUs(gateway.pid);
    const run = await runAb(nginx, `${gateway.url}/small`);
    const gatewaySeconds = (processorTimeUs(gateway.pid) - cpuBefore) / 1e6;
    const metrics = await gateway.metrics();
    return {
      ...run,
      gatewaySeconds,
      opened: sumOf(metrics, 'sidepool_upstream_connections_opened_total'),
      reused: sumOf(metrics, 'sidepool_upstream_requests_reused_total'),
      resumed: sumOf(metrics, 'sidepool_upstream_tls_resumed_total'),
      faults: sumOf(metrics, 'sidepool_faults_total'),
    };
  } finally {
    await gateway.stop();
  }
}

function runDirect(nginx: ProgramOrigin): Promise<AbRun> {
  say('directly');
  return runAb(nginx, `${nginx.url}/small`);
}

async function runAb(nginx: ProgramOrigin, url: string): Promise<AbRun> {
  const timeWaitBefore = timeWaits();
  const nginxBefore = processorTimeUs(nginx.process.pid);
  let timeWaitMost = 0;
  const watch = setInterval(() => {
    timeWaitMost = Math.max(timeWaitMost, timeWaits() - timeWaitBefore);
  }, 250);
  const beganMs = performance.now();
  try {
    const { code, stdout, stderr } = await runToEnd({
      command: requireProgram('ab'),
      args: ['-q', '-n', String(count), '-c', String(concurrency), url],
      timeoutMs: 900_000,
    });
    const timeWaitAtEnd = timeWaits() - timeWaitBefore;
    return {
      exitCode: code,
      gaveUp: code === 0 ? '' : lastWords(stderr),
      completed:
        number(stdout, /Complete requests:\s+(\d+)/) ||
        number(stderr, /Total of (\d+) requests completed/) ||
        0,
      failed: number(stdout, /Failed requests:\s+(\d+)/) || 0,
      non2xx: number(stdout, /Non-2xx responses:\s+(\d+)/) || 0,
      seconds: (performance.now() - beganMs) / 1_000,
      perSecond: number(stdout, /Requests per second:\s+([\d.]+)/),
      p50Ms: number(stdout, /^\s+50%\s+(\d+)/m),
      p99Ms: number(stdout, /^\s+99%\s+(\d+)/m),
      longestMs: number(stdout, /^\s+100%\s+(\d+)/m),
      timeWaitMost: Math.max(timeWaitMost, timeWaitAtEnd),
      timeWaitAtEnd,
      nginxSeconds: (processorTimeUs(nginx.process.pid) - nginxBefore) / 1e6,
    };
  } finally {
    clearInterval(watch);
  }
}

/** Of the whole machine. */
function timeWaits(): number {
  return number(readFileSync('/proc/net/sockstat', 'utf8'), /^TCP:.* tw (\d+)/m);
}

function lastWords(stderr: string): string {
  return stderr.trim().split('\n').slice(-3).join(' / ');
}

function number(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? Number.NaN);
}

function publish(through: Through | undefined, direct: AbRun | undefined): void {
  const page = markdown(through, direct);
  console.log(page);
  if (options.markdown !== undefined) {
    mkdirSync(dirname(options.markdown), { recursive: true });
    writeFileSync(options.markdown, page);
  }
  if (options.json !== undefined) {
    const all = { circumstances: begun, count, concurrency, through, direct };
    writeFileSync(options.json, `${JSON.stringify(all, undefined, 2)}\n`);
  }
  if (through === undefined) return;
  const lost = count - through.completed + through.failed + through.non2xx;
  if (lost === 0 && through.opened <= concurrency) return;
  console.log(`MISSED: ${lost} requests failed, ${through.opened} connections opened`);
  process.exitCode = 1;
}

function markdown(through: Through | undefined, direct: AbRun | undefined): string {
  const runs: (readonly [string, AbRun])[] = [];
  if (through) runs.push(['through Sidepool', through]);
  if (direct) runs.push(['directly', direct]);
  const row = (name: string, read: (run: AbRun) => string): string[] => [
    name,
    ...runs.map(([, run]) => read(run)),
  ];
  const own = (name: string, read: (run: Through) => string): string[] => [
    name,
    ...runs.map(([, run]) => ('opened' in run ? read(run as Through) : '-')),
  ];
  const perRequestUs = (seconds: number, run: AbRun): string =>
    `${seconds.toFixed(1)} s (${((seconds * 1e6) / run.completed).toFixed(0)} us each)`;
  const table = markdownTable(
    ['', ...runs.map(([name]) => name)],
    [
      row('requests completed', (run) => grouped(run.completed)),
      row('failed', (run) => grouped(run.failed + run.non2xx)),
      row('ab gave up', (run) => run.gaveUp || 'no'),
      row('time', (run) => `${run.seconds.toFixed(1)} s`),
      row('requests a second', (run) => run.perSecond.toFixed(0)),
      row('median, 99 %, longest', (run) => `${run.p50Ms}, ${run.p99Ms}, ${run.longestMs} ms`),
      row('connections to nginx', (run) =>
        grouped('opened' in run ? (run as Through).opened : run.completed),
      ),
      own('requests over a connection used before', (run) => grouped(run.reused)),
      row('processor time of nginx', (run) => perRequestUs(run.nginxSeconds, run)),
      own('processor time of the gateway', (run) => perRequestUs(run.gatewaySeconds, run)),
      row('more sockets in TIME_WAIT, at most', (run) => grouped(run.timeWaitMost)),
    ],
  );
  const { node, nginx, ab } = begun.versions;
  return `# 240,000 clients of one request each

<!-- Written by test/soak/ab-240000.ts. Do not edit: run it again. -->

\`ab -n ${count} -c ${concurrency}\`: HTTP/1.0 without keep-alive, so a connection for each request; about eight times as many
as this machine has source ports (${sourcePorts()}). nginx serves 32 octets over TLS, with \`keepalive_requests\`
raised. Through the gateway ab speaks plain HTTP on loopback, and the gateway TLS to nginx; directly ab speaks TLS
to nginx itself. Client, gateway and nginx share the machine.

${table}

What is in TIME_WAIT counts for the whole machine, against what there was before; through the gateway these are
sockets of loopback, inside the pod. Directly there are next to none of its own, by an accident: ab answers nginx's
close_notify with one of its own, to a connection that nginx has closed already, and the reset that it gets clears
the socket (of 500 such connections 2 were left, and the kernel counted 496 more \`TCPAbortOnData\`; without TLS all 500
were left). So the source ports do not run out here, on one machine whose ends share a kernel; what the connections
cost is in the processor time and in the latency. Clients that close in order leave one in TIME_WAIT for each request,
for 60 seconds, on their side or the server's, and NAT between the two keeps a port for each as well.

| Circumstance | |
| --- | --- |
| date | ${begun.date} |
| machine | ${machine()} |
| \`net.ipv4.ip_local_port_range\`, \`tcp_tw_reuse\`, \`tcp_max_tw_buckets\` | ${setting('ip_local_port_range')}; ${setting('tcp_tw_reuse')}; ${setting('tcp_max_tw_buckets')} |
| commit | ${begun.commit} |
| gateway | \`${command}\` |
| Node | ${node} |
| nginx | ${nginx}, ${nginxTls()} |
| ab | ${ab} |
| load average before the run | ${begun.loadAverage.toFixed(2)} |
`;
}

function grouped(value: number): string {
  return value.toLocaleString('en-US');
}

/** What figures depend on, and nothing that tells whose machine it is. */
function machine(): string {
  const linux = begun.kernel.split('.', 2).join('.');
  return `${cpus().length} processors, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${linux}`;
}

function sourcePorts(): string {
  const [from = 0, to = 0] = setting('ip_local_port_range').split(' to ').map(Number);
  return grouped(to - from + 1);
}

function setting(name: string): string {
  return readFileSync(`/proc/sys/net/ipv4/${name}`, 'utf8').trim().split(/\s+/).join(' to ');
}

function nginxTls(): string {
  const said = execFileSync('/bin/sh', ['-c', '"$0" -V 2>&1', requireProgram('nginx')], {
    encoding: 'utf8',
  });
  return /built with (.*)|running with (.*)/.exec(said)?.[1]?.trim() ?? 'OpenSSL';
}
