/** undici behind node:http: what a Node program would use, and what Sidepool does not. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { npmPackage } from './install.ts';
import { certificateName, type Peer, running } from './peer.ts';
import { routesTo } from './routes.ts';

const version = '8.12.4';
let folder = '';

export const undiciPeer: Peer = {
  name: 'undici',
  title: 'undici behind node:http',
  settings: 'Pool with 128 connections, stream(); TLS verified',
  prepare: async () => {
    folder = await npmPackage('undici', version);
    return `undici ${version} on Node ${process.version}`;
  },
  start: async (target) => {
    const routes = await routesTo(target);
    const { authority, connections = 128 } = target;
    const settings = {
      connections,
      routes: routes.map(({ port, originPort }) => ({
        port,
        origin: `${authority ? 'https' : 'http'}://127.0.0.1:${originPort}`,
      })),
      connect: authority && {
        ca: readFileSync(authority.certPath, 'utf8'),
        servername: certificateName,
      },
    };
    const entry = pathToFileURL(join(folder, 'index.js')).href;
    const script = join(import.meta.dirname, 'undici-proxy.js');
    return await running(target, routes, {
      command: process.execPath,
      args: [script, entry, JSON.stringify(settings)],
    });
  },
};
