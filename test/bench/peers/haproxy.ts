/** HAProxy, one thread, server connections shared by all clients. */
import { writeFileSync } from 'node:fs';
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

export const haproxyPeer: Peer = {
  name: 'haproxy',
  title: 'HAProxy',
  settings: `nbthread 1; http-reuse always; server maxconn ${keptConnections}; TLS verify required, sessions reused`,
  prepare: async () =>
    saidVersion(requireProgram('haproxy'), '-v')
      .split(' ')
      .slice(0, 3)
      .join(' ')
      .replace(' version', ''),
  start: async (target) => {
    const routes = await routesTo(target);
    const configPath = target.dir.file(`haproxy-${routes[0]?.port}.cfg`);
    writeFileSync(configPath, config(routes, target));
    const args = ['-db', '-q', '-f', configPath];
    return await running(target, routes, { command: requireProgram('haproxy'), args });
  },
};

function config(routes: readonly Route[], { authority, clients = 2_000 }: Target): string {
  const secure = authority
    ? `ssl verify required ca-file ${authority.certPath} verifyhost ${certificateName} sni str(${certificateName})`
    : '';
  const parts = routes.map(
    ({ port, originPort }, nth) => `
frontend proxy${nth}
  bind 127.0.0.1:${port} backlog 4096
  default_backend origin${nth}
backend origin${nth}
  server origin 127.0.0.1:${originPort} maxconn ${keptConnections} ${secure}
`,
  );
  // By default it pools no more once a quarter of its descriptors is in use, and those of many clients are.
  // Without strict limits: it counts two descriptors for each client, and pooled ones need far fewer.
  return `
global
  nbthread 1
  maxconn ${clients + 1_000}
  no strict-limits
  tune.pool-high-fd-ratio 95
  tune.pool-low-fd-ratio 90
defaults
  mode http
  maxconn ${clients + 1_000}
  timeout client 1h
  timeout server 1h
  timeout connect 5s
  http-reuse always
${parts.join('')}`;
}
