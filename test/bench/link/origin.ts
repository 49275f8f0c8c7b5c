/** The origin: nginx at the far end of the link, TLS and plain, one worker. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Certificate } from '../../support/certificates.ts';
import { type RunningProcess, startProcess } from '../../support/process.ts';
import { requireProgram } from '../../support/program.ts';
import type { TempDir } from '../../support/temp-dir.ts';
import { farAddresses, type Link } from './link.ts';

export class LinkOrigin {
  readonly #link: Link;
  readonly #args: readonly string[];
  #process: RunningProcess;

  private constructor(link: Link, args: readonly string[], started: RunningProcess) {
    this.#link = link;
    this.#args = args;
    this.#process = started;
  }

  static async start(link: Link, dir: TempDir, certificate: Certificate): Promise<LinkOrigin> {
    const prefix = dir.file('origin');
    mkdirSync(join(prefix, 'temp'), { recursive: true });
    const configPath = join(prefix, 'nginx.conf');
    writeFileSync(configPath, nginxConfig(prefix, certificate));
    const args = ['-p', prefix, '-c', configPath, '-e', 'stderr'];
    return new LinkOrigin(link, args, await startFar(link, args));
  }

  async stop(): Promise<void> {
    await this.#process.stop();
  }

  /** Again, with the same addresses, after a stop. */
  async startAgain(): Promise<void> {
    this.#process = await startFar(this.#link, this.#args);
  }
}

function startFar(link: Link, args: readonly string[]): Promise<RunningProcess> {
  return startProcess({
    ...link.far(requireProgram('nginx'), args),
    ready: { kind: 'port', port: 80, host: farAddresses[1] },
  });
}

/** It says which of its connections a request came over, and the how many-th it was there. */
function nginxConfig(prefix: string, { certPath, keyPath }: Certificate): string {
  return `
daemon off;
master_process off;
error_log stderr notice;
pid ${prefix}/nginx.pid;
events { worker_connections 4096; }
http {
  access_log off;
  default_type text/plain;
  client_body_temp_path ${prefix}/temp/body;
  proxy_temp_path ${prefix}/temp/proxy;
  fastcgi_temp_path ${prefix}/temp/fastcgi;
  uwsgi_temp_path ${prefix}/temp/uwsgi;
  scgi_temp_path ${prefix}/temp/scgi;
  keepalive_timeout 75s;
  keepalive_requests 1000000;
  server {
    listen 80;
    listen 443 ssl;
    ssl_certificate ${certPath};
    ssl_certificate_key ${keyPath};
    ssl_protocols TLSv1.2 TLSv1.3;
    location / { return 200 "origin $connection $connection_requests $host\\n"; }
  }
}
`;
}
