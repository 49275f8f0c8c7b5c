/** The origin that every proxy is measured against: nginx, one process, plain or TLS, that never closes first. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { noise } from '../support/bodies.ts';
import type { Certificate } from '../support/certificates.ts';
import { freePort } from '../support/free-port.ts';
import { type ProgramOrigin, startProgramOrigin } from '../support/origins/origin.ts';
import { requireProgram } from '../support/program.ts';

export interface BenchOrigin extends ProgramOrigin {
  /** Connections that it has accepted so far, less those that asked for this number. */
  readonly accepted: () => Promise<number>;
  /** Connections that are open now, without the one that asks. */
  readonly open: () => Promise<number>;
}

/**
 * `/small` is 32 octets; `/size/10k`, `/size/100k`, `/size/10m` are files; `/upload` answers once it has read
 * the whole body; `/slow` takes about a second and a half.
 */
export async function startOrigin(tls: Certificate | undefined): Promise<BenchOrigin> {
  const statusPort = await freePort();
  const origin = await startProgramOrigin({
    name: 'bench-origin',
    scheme: tls ? 'https' : 'http',
    plan: (dir, port) => {
      mkdirSync(dir.file('documents', 'size'), { recursive: true });
      mkdirSync(dir.file('temp'));
      const sizes = { '10k': 10 * 1024, '100k': 100 * 1024, '10m': 10 * 1024 * 1024 };
      for (const [name, bytes] of Object.entries(sizes))
        writeFileSync(dir.file('documents', 'size', name), noise(bytes));
      const configPath = dir.file('nginx.conf');
      writeFileSync(configPath, config({ prefix: dir.path, port, statusPort, tls }));
      const args = ['-p', dir.path, '-c', configPath, '-e', 'stderr'];
      return { command: requireProgram('nginx'), args };
    },
  });
  let asked = 0;
  const status = (): Promise<string> => {
    asked++;
    return fetchOnce(statusPort);
  };
  return {
    ...origin,
    accepted: async () => Number(/(\d+) \d+ \d+/.exec(await status())?.[1]) - asked - 1,
    open: async () => Number(/Active connections: (\d+)/.exec(await status())?.[1]) - 1,
  };
}

/** On a connection of its own, so that what it adds to the count is known. */
function fetchOnce(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', path: '/status', agent: false });
    asked.on('error', reject);
    asked.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve(text));
    });
    asked.end();
  });
}

interface ConfigOptions {
  readonly prefix: string;
  readonly port: number;
  readonly statusPort: number;
  readonly tls: Certificate | undefined;
}

function config({ prefix, port, statusPort, tls }: ConfigOptions): string {
  const secure = tls
    ? `ssl_certificate ${tls.certPath};
    ssl_certificate_key ${tls.keyPath};
    ssl_session_cache shared:sessions:4m;`
    : '';
  // `return` answers before it has read a body; handing the request on, without it, makes nginx read it first.
  return `
daemon off;
master_process off;
worker_rlimit_nofile 20000;
error_log stderr error;
pid ${prefix}/nginx.pid;
events { worker_connections 19000; }
http {
  access_log off;
  default_type application/octet-stream;
  client_body_temp_path ${prefix}/temp/body;
  proxy_temp_path ${prefix}/temp/proxy;
  fastcgi_temp_path ${prefix}/temp/fastcgi;
  uwsgi_temp_path ${prefix}/temp/uwsgi;
  scgi_temp_path ${prefix}/temp/scgi;
  client_max_body_size 0;
  client_body_buffer_size 2m;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  upstream reader {
    server unix:${prefix}/reader;
    keepalive 128;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port} ${tls ? 'ssl' : ''} backlog=4096;
    ${secure}
    root ${prefix}/documents;
    location = /small { return 200 "0123456789abcdef0123456789abcdef"; }
    location = /slow { limit_rate 400; return 200 "${'0123456789'.repeat(80)}"; }
    location = /upload {
      proxy_pass http://reader;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Content-Length "";
      proxy_pass_request_body off;
      proxy_method GET;
    }
  }
  server {
    listen unix:${prefix}/reader;
    return 200 "read";
  }
  server {
    listen 127.0.0.1:${statusPort};
    location = /status { stub_status; }
  }
}
`;
}
