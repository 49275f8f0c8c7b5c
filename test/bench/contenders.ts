/** The origin and the proxies that are compared, each one process. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Certificate, CertificateAuthority } from '../support/certificates.ts';
import { freePort, freePorts } from '../support/free-port.ts';
import { startNginx } from '../support/origins/nginx.ts';
import type { ProgramOrigin } from '../support/origins/origin.ts';
import { type RunningProcess, type StartOptions, startProcess } from '../support/process.ts';
import { requireProgram } from '../support/program.ts';
import type { TempDir } from '../support/temp-dir.ts';

const repository = join(import.meta.dirname, '..', '..');

/** Something that can be started as often as a measurement needs it. */
export interface Contender {
  readonly name: string;
  readonly start: () => Promise<Running>;
}

export interface Running {
  readonly process: RunningProcess;
  /** Of the small response, through this proxy. */
  readonly url: string;
  readonly port: number;
}

export interface Target {
  readonly origin: ProgramOrigin;
  readonly dir: TempDir;
  readonly authority: CertificateAuthority | undefined;
}

export function startOrigin(tls: Certificate | undefined): Promise<ProgramOrigin> {
  return startNginx({
    keepaliveRequests: 1_000_000_000,
    keepaliveTimeout: '1h',
    server: 'location = /small { return 200 "0123456789abcdef0123456789abcdef"; }',
    ...(tls && { tls }),
  });
}

/** As an expert would configure it: one worker, kept connections, HTTP/1.1 to the origin. */
export function nginxProxy({ origin, dir }: Target): Contender {
  return {
    name: 'nginx',
    start: async () => {
      const port = await freePort();
      const prefix = dir.file(`nginx-${port}`);
      mkdirSync(join(prefix, 'temp'), { recursive: true });
      const configPath = join(prefix, 'nginx.conf');
      writeFileSync(configPath, nginxProxyConfig(prefix, port, origin.port));
      const args = ['-p', prefix, '-c', configPath, '-e', 'stderr'];
      return await started(port, { command: requireProgram('nginx'), args });
    },
  };
}

export function haproxyProxy({ origin, dir, authority }: Target): Contender {
  return {
    name: 'HAProxy',
    start: async () => {
      const port = await freePort();
      const configPath = dir.file(`haproxy-${port}.cfg`);
      const secure = authority
        ? `ssl verify required ca-file ${authority.certPath} verifyhost localhost sni str(localhost)`
        : '';
      writeFileSync(configPath, haproxyProxyConfig(port, origin.port, secure));
      return await started(port, {
        command: requireProgram('haproxy'),
        args: ['-db', '-f', configPath],
      });
    },
  };
}

/** `command` up to and with its subcommand, such as `node dist/sidepool.cjs gateway`. */
export function gateway(name: string, command: string, target: Target): Contender {
  return {
    name,
    start: async () => {
      const [port, adminPort] = (await freePorts(2)) as [number, number];
      const spawned = gatewayStart(command, target, port, adminPort);
      return await started(port, { ...spawned, ready: { kind: 'http', url: readyUrl(adminPort) } });
    },
  };
}

export function gatewayStart(
  command: string,
  target: Target,
  port: number,
  adminPort: number,
): StartOptions {
  const [program = '', ...args] = command.split(' ');
  return {
    command: program === 'node' ? process.execPath : program,
    args: [...args, ...gatewayArgs(target, port, adminPort)],
    cwd: repository,
  };
}

function readyUrl(adminPort: number): string {
  return `http://127.0.0.1:${adminPort}/readyz`;
}

/** Why this command cannot be measured, or undefined. */
export function missingBuild(command: string): string | undefined {
  const file = command.split(' ').find((word) => /\.[cm]?[jt]s$/.test(word));
  if (file === undefined || existsSync(join(repository, file)) || existsSync(file))
    return undefined;
  return `${file} is not there: build it first (npm run build)`;
}

function gatewayArgs(
  { origin, dir, authority }: Target,
  port: number,
  adminPort: number,
): string[] {
  const listen = `127.0.0.1:${port}`;
  const admin = `127.0.0.1:${adminPort}`;
  if (authority === undefined)
    return ['--listen', listen, '--upstream', origin.url, '--admin', admin];
  const configPath = dir.file(`gateway-${port}.yaml`);
  const upstream = { url: `https://localhost:${origin.port}`, tls: { ca: authority.certPath } };
  const listeners = [{ address: listen, upstream: 'origin' }];
  writeFileSync(
    configPath,
    JSON.stringify({ listeners, upstreams: { origin: upstream }, admin: { address: admin } }),
  );
  return ['--config', configPath];
}

async function started(port: number, options: StartOptions): Promise<Running> {
  const running = await startProcess({ ready: { kind: 'port', port }, ...options });
  return { process: running, port, url: `http://127.0.0.1:${port}/small` };
}

function nginxProxyConfig(prefix: string, port: number, originPort: number): string {
  return `
daemon off;
master_process off;
worker_rlimit_nofile 20000;
error_log stderr warn;
pid ${prefix}/nginx.pid;
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path ${prefix}/temp/body;
  proxy_temp_path ${prefix}/temp/proxy;
  fastcgi_temp_path ${prefix}/temp/fastcgi;
  uwsgi_temp_path ${prefix}/temp/uwsgi;
  scgi_temp_path ${prefix}/temp/scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  upstream origin {
    server 127.0.0.1:${originPort};
    keepalive 64;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
`;
}

function haproxyProxyConfig(port: number, originPort: number, secure: string): string {
  return `
global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout client 1h
  timeout server 1h
  timeout connect 5s
  http-reuse always
frontend proxy
  bind 127.0.0.1:${port} backlog 4096
  default_backend origin
backend origin
  server origin 127.0.0.1:${originPort} ${secure}
`;
}
