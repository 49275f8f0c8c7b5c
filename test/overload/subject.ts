/** What is abused: Sidepool, or nginx as a proxy for comparison, before the same origins. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../support/free-port.ts';
import { type Metrics, parseMetrics } from '../support/metrics.ts';
import { type RunningProcess, startProcess } from '../support/process.ts';
import { requireProgram } from '../support/program.ts';
import type { TempDir } from '../support/temp-dir.ts';

/**
 * Three ways in. `among`: to the good origin, where abusing clients go as well. `beside`: to the good origin too, by
 * another listener and another upstream. `bad`: to the origin that does harm.
 */
export const ways = ['among', 'beside', 'bad'] as const;
export type Way = (typeof ways)[number];

export interface SubjectPlan {
  readonly dir: TempDir;
  readonly goodPort: number;
  readonly badPort: number;
  /** Of Sidepool alone: options of every upstream, and the rest of the configuration. */
  readonly upstream?: object;
  readonly settings?: object;
  /** What the shell does before it becomes the proxy. */
  readonly before?: string;
  /** Where its standard output goes; left out, to us. */
  readonly outputTo?: string;
  /** Of Sidepool's Node. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Subject {
  readonly pid: number;
  readonly ports: Readonly<Record<Way, number>>;
  readonly process: RunningProcess;
  /** Null where there are none. */
  metrics(): Promise<Metrics | null>;
  stop(): Promise<number | null>;
}

export type SubjectName = 'Sidepool' | 'nginx';

export function startSubject(name: SubjectName, plan: SubjectPlan): Promise<Subject> {
  return name === 'nginx' ? startNginxProxy(plan) : startSidepool(plan);
}

async function freeWays(): Promise<Record<Way, number>> {
  return { among: await freePort(), beside: await freePort(), bad: await freePort() };
}

async function startSidepool(plan: SubjectPlan): Promise<Subject> {
  const ports = await freeWays();
  const adminPort = await freePort();
  const configPath = plan.dir.file(`gateway-${adminPort}.json`);
  const origin = (way: Way): number => (way === 'bad' ? plan.badPort : plan.goodPort);
  writeFileSync(
    configPath,
    JSON.stringify({
      listeners: ways.map((way) => ({ address: `127.0.0.1:${ports[way]}`, upstream: way })),
      upstreams: Object.fromEntries(
        ways.map((way) => [way, { url: `http://127.0.0.1:${origin(way)}`, ...plan.upstream }]),
      ),
      admin: { address: `127.0.0.1:${adminPort}` },
      drain: { quiet: '50ms', deadline: '2s' },
      ...plan.settings,
    }),
  );
  const { SIDEPOOL_GATEWAY: build } = process.env;
  const words = (build || `node ${sources()} gateway`)
    .split(' ')
    .map((word, nth) => (nth === 0 && word === 'node' ? process.execPath : word));
  const url = `http://127.0.0.1:${adminPort}`;
  const started = await startProcess({
    ...shell(plan, [...words, '--config', configPath]),
    ...(plan.env && { env: plan.env }),
    ready: { kind: 'http', url: `${url}/readyz` },
    readyTimeoutMs: 30_000,
  });
  return {
    pid: started.pid,
    ports,
    process: started,
    metrics: async () => {
      const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(10_000) });
      return parseMetrics(await response.text());
    },
    stop: async () => (await started.stop(8_000)).code,
  };
}

function sources(): string {
  return join(import.meta.dirname, '..', '..', 'cmd', 'sidepool.ts');
}

/** The shell becomes the proxy, so that there is one process to look at and to end. */
function shell({ before, outputTo }: SubjectPlan, words: readonly string[]) {
  const script = `${before ?? ':'}; exec "$@"${outputTo === undefined ? '' : ` >> ${outputTo}`}`;
  return { command: '/bin/sh', args: ['-c', script, 'sh', ...words] };
}

/** One process, as its documentation has it for kept connections; what it buffers it buffers by its defaults. */
async function startNginxProxy(plan: SubjectPlan): Promise<Subject> {
  const ports = await freeWays();
  const prefix = plan.dir.file(`nginx-${ports.bad}`);
  if (!existsSync(prefix)) mkdirSync(join(prefix, 'temp'), { recursive: true });
  const configPath = join(prefix, 'nginx.conf');
  writeFileSync(configPath, nginxConfig(prefix, ports, plan));
  const words = [requireProgram('nginx'), '-p', prefix, '-c', configPath, '-e', 'stderr'];
  const started = await startProcess({
    ...shell(plan, words),
    ready: { kind: 'port', port: ports.bad },
  });
  return {
    pid: started.pid,
    ports,
    process: started,
    metrics: async () => null,
    stop: async () => (await started.stop(5_000)).code,
  };
}

function nginxConfig(prefix: string, ports: Record<Way, number>, plan: SubjectPlan): string {
  const parts = ways.map((way) => {
    const origin = way === 'bad' ? plan.badPort : plan.goodPort;
    return `
  upstream ${way} { server 127.0.0.1:${origin} max_fails=0; keepalive 32; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${ports[way]} backlog=511;
    location / { proxy_pass http://${way}; }
  }`;
  });
  return `
daemon off;
master_process off;
worker_rlimit_nofile 20000;
error_log /dev/null crit;
pid ${prefix}/nginx.pid;
events { worker_connections 19900; }
http {
  access_log off;
  client_body_temp_path ${prefix}/temp/body;
  proxy_temp_path ${prefix}/temp/proxy;
  fastcgi_temp_path ${prefix}/temp/fastcgi;
  uwsgi_temp_path ${prefix}/temp/uwsgi;
  scgi_temp_path ${prefix}/temp/scgi;
  client_max_body_size 0;
  client_header_timeout 10s;
  large_client_header_buffers 4 32k;
  proxy_http_version 1.1;
  proxy_set_header Connection $kept_connection;
  proxy_set_header Upgrade $http_upgrade;
  map $http_upgrade $kept_connection { default upgrade; '' ''; }
  proxy_buffers 8 32k;
  proxy_buffer_size 32k;
  ${parts.join('')}
}
`;
}
