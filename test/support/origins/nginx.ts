/** nginx as an origin, with its own prefix: nothing of the system's configuration is read. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { writeDocuments } from '../bodies.ts';
import type { Certificate } from '../certificates.ts';
import { requireProgram } from '../program.ts';
import { type ProgramOrigin, startProgramOrigin } from './origin.ts';

export interface NginxOptions {
  /** The files of a certificate: the port then speaks TLS. */
  readonly tls?: Pick<Certificate, 'certPath' | 'keyPath'> & { readonly clientCaPath?: string };
  /** Requests on one connection before nginx closes it. */
  readonly keepaliveRequests?: number;
  /** Seconds that an idle connection lives, or any value of the directive. */
  readonly keepaliveTimeout?: string;
  /** More directives and locations for the server. */
  readonly server?: string;
}

/** `/ok`, `/size/…`; `/discard` answers any method with 200 before it has read the body; PUT to `/stored/…` is kept and can be got; `/status` counts connections. */
export function startNginx(options: NginxOptions = {}): Promise<ProgramOrigin> {
  return startProgramOrigin({
    name: 'nginx',
    scheme: options.tls ? 'https' : 'http',
    plan: (dir, port) => {
      writeDocuments(dir.file('documents'));
      mkdirSync(dir.file('temp'));
      const configPath = dir.file('nginx.conf');
      writeFileSync(configPath, nginxConfig(options, dir.path, port));
      return {
        command: requireProgram('nginx'),
        args: ['-p', dir.path, '-c', configPath, '-e', 'stderr'],
      };
    },
  });
}

/** Connections accepted and requests read, as nginx counts them; the request for them is among them. */
export async function nginxCounts(
  origin: ProgramOrigin,
): Promise<{ accepted: number; requests: number }> {
  const text = await (await fetch(`${origin.url}/status`)).text();
  const [, accepted, , requests] = /(\d+) (\d+) (\d+)/.exec(text) ?? [];
  return { accepted: Number(accepted), requests: Number(requests) };
}

function nginxConfig(options: NginxOptions, prefix: string, port: number): string {
  const { tls, keepaliveRequests = 1_000_000, keepaliveTimeout = '75s', server = '' } = options;
  const secure = tls
    ? `ssl_certificate ${tls.certPath};
    ssl_certificate_key ${tls.keyPath};
    ${tls.clientCaPath ? `ssl_client_certificate ${tls.clientCaPath}; ssl_verify_client on;` : ''}`
    : '';
  // One process and no daemon: the pid that was started is the one that serves, and that ends.
  return `
daemon off;
master_process off;
error_log stderr notice;
pid ${prefix}/nginx.pid;
events { worker_connections 4096; }
http {
  access_log off;
  default_type application/octet-stream;
  client_body_temp_path ${prefix}/temp/body;
  proxy_temp_path ${prefix}/temp/proxy;
  fastcgi_temp_path ${prefix}/temp/fastcgi;
  uwsgi_temp_path ${prefix}/temp/uwsgi;
  scgi_temp_path ${prefix}/temp/scgi;
  client_max_body_size 0;
  keepalive_requests ${keepaliveRequests};
  keepalive_timeout ${keepaliveTimeout};
  server {
    listen 127.0.0.1:${port}${tls ? ' ssl' : ''};
    ${secure}
    root ${prefix}/documents;
    location = /discard { return 200 "discarded"; }
    location = /no-content { return 204; }
    location /stored/ { dav_methods PUT DELETE; create_full_put_path on; }
    location = /status { stub_status; }
    ${server}
  }
}
`;
}
