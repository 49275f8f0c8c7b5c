/** HAProxy as an origin: it answers by itself. Its parser and its ways of closing are what matters here. */
import { writeFileSync } from 'node:fs';
import { noise, sizes } from '../bodies.ts';
import type { Certificate } from '../certificates.ts';
import { requireProgram } from '../program.ts';
import { type ProgramOrigin, startProgramOrigin } from './origin.ts';

export interface HaproxyOptions {
  readonly tls?: Pick<Certificate, 'bundlePath'>;
  readonly keepAliveTimeout?: string;
}

/** `/ok`, `/size/10k`; `/echo` answers with the SHA-256 of a body of up to 100 KiB. */
export function startHaproxy(options: HaproxyOptions = {}): Promise<ProgramOrigin> {
  return startProgramOrigin({
    name: 'haproxy',
    scheme: options.tls ? 'https' : 'http',
    plan: (dir, port) => {
      writeFileSync(dir.file('10k'), noise(sizes['10k']));
      const configPath = dir.file('haproxy.cfg');
      writeFileSync(configPath, haproxyConfig(options, dir.path, port));
      return { command: requireProgram('haproxy'), args: ['-db', '-f', configPath] };
    },
  });
}

function haproxyConfig(
  { tls, keepAliveTimeout = '60s' }: HaproxyOptions,
  root: string,
  port: number,
): string {
  const secure = tls ? ` ssl crt ${tls.bundlePath}` : '';
  return `
global
  nbthread 1
  maxconn 2000
  tune.bufsize 262144
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
  timeout http-keep-alive ${keepAliveTimeout}
frontend origin
  bind 127.0.0.1:${port}${secure}
  option http-buffer-request
  http-request return status 200 content-type text/plain string "ok" if { path /ok }
  http-request return status 200 content-type application/octet-stream file ${root}/10k if { path /size/10k }
  http-request return status 200 content-type application/json lf-string '{"method":"%[method]","sha256":"%[req.body,sha2(256),hex,lower]","bytes":%[req.body_size]}' if { path_beg /echo }
  http-request return status 404
`;
}
