/** nginx as a proxy, as its documentation has it for kept connections: HTTP/1.1, no Connection field, `keepalive`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { requireProgram } from '../../support/program.ts';
import { saidVersion } from '../report.ts';
import {
  certificateName,
  keptConnections,
  type Peer,
  type Route,
  running,
  type Target,
} from './peer.ts';
import { routesTo } from './routes.ts';

export const nginxPeer: Peer = {
  name: 'nginx',
  title: 'nginx',
  settings: `one process; upstream keepalive ${keptConnections}, HTTP/1.1; bodies streamed, not buffered to files; TLS verified, sessions reused`,
  prepare: async () =>
    saidVersion(requireProgram('nginx'), '-v').replace('nginx version: nginx/', 'nginx '),
  start: async (target) => {
    const routes = await routesTo(target);
    const prefix = target.dir.file(`nginx-${routes[0]?.port}`);
    mkdirSync(join(prefix, 'temp'), { recursive: true });
    const configPath = join(prefix, 'nginx.conf');
    writeFileSync(configPath, config(prefix, routes, target));
    const args = ['-p', prefix, '-c', configPath, '-e', 'stderr'];
    return await running(target, routes, { command: requireProgram('nginx'), args });
  },
};

function config(
  prefix: string,
  routes: readonly Route[],
  { authority, clients = 2_000 }: Target,
): string {
  const kept = Math.max(keptConnections, clients > 2_000 ? clients : 0);
  const secure = authority
    ? `proxy_ssl_verify on;
  proxy_ssl_trusted_certificate ${authority.certPath};
  proxy_ssl_server_name on;
  proxy_ssl_name ${certificateName};
  proxy_ssl_session_reuse on;
  proxy_ssl_protocols TLSv1.2 TLSv1.3;`
    : '';
  const parts = routes.map(
    ({ port, originPort }, nth) => `
  upstream origin${nth} {
    server 127.0.0.1:${originPort};
    keepalive ${kept};
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / { proxy_pass ${authority ? 'https' : 'http'}://origin${nth}; }
  }`,
  );
  // Its memory grows with worker_connections, used or not: so no more than a client's and an origin's for each.
  const connections = Math.min(2 * clients, 19_950);
  return `
daemon off;
master_process off;
worker_rlimit_nofile 20000;
error_log stderr error;
pid ${prefix}/nginx.pid;
events { worker_connections ${connections}; }
http {
  access_log off;
  client_body_temp_path ${prefix}/temp/body;
  proxy_temp_path ${prefix}/temp/proxy;
  fastcgi_temp_path ${prefix}/temp/fastcgi;
  uwsgi_temp_path ${prefix}/temp/uwsgi;
  scgi_temp_path ${prefix}/temp/scgi;
  client_max_body_size 0;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_request_buffering off;
  proxy_max_temp_file_size 0;
  ${secure}
  ${parts.join('')}
}
`;
}
