/** HAProxy, one thread, server connections shared by all clients. */
import { writeFileSync } from 'node:fs';
import { requireProgram } from '../../support/program.ts';
import { saidVersion } from '../report.ts';
import { certificateName, type Peer, type Route, running, type Target } from './peer.ts';
import { routesTo } from './routes.ts';

export const haproxyPeer: Peer = {
  name: 'haproxy',
  title: 'HAProxy',
  settings: 'nbthread 1; http-reuse always; TLS verify required, sessions reused',
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
    return await running(routes, { command: requireProgram('haproxy'), args });
  },
};

function config(routes: readonly Route[], { authority }: Target): string {
  const secure = authority
    ? `ssl verify required ca-file ${authority.certPath} verifyhost ${certificateName} sni str(${certificateName})`
    : '';
  const parts = routes.map(
    ({ port, originPort }, nth) => `
frontend proxy${nth}
  bind 127.0.0.1:${port} backlog 4096
  default_backend origin${nth}
backend origin${nth}
  server origin 127.0.0.1:${originPort} ${secure}
`,
  );
  // Without strict limits: it counts two descriptors for each client, and pooled ones need far fewer.
  return `
global
  nbthread 1
  maxconn 12000
  no strict-limits
defaults
  mode http
  maxconn 12000
  timeout client 1h
  timeout server 1h
  timeout connect 5s
  http-reuse always
${parts.join('')}`;
}
