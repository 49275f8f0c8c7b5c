/** All that is compared, in the order of the tables. */
import { caddyPeer } from './caddy.ts';
import { directPeer } from './direct.ts';
import { envoyPeer } from './envoy.ts';
import { haproxyPeer } from './haproxy.ts';
import { nginxPeer } from './nginx.ts';
import type { Peer } from './peer.ts';
import { ownBuild, sidepoolPeer } from './sidepool.ts';
import { traefikPeer } from './traefik.ts';
import { undiciPeer } from './undici.ts';

/** `command` is another build of the gateway, up to and with its subcommand. */
export function peerCatalogue(command: string | undefined): Peer[] {
  const builds: Peer[] = [
    sidepoolPeer({
      name: 'sidepool',
      title: 'Sidepool',
      settings: 'default settings; TLS verified',
      command: ownBuild,
    }),
    sidepoolPeer({
      name: 'sidepool-auto',
      title: 'Sidepool, pipelining auto',
      settings: '`pipelining: auto`, else default settings',
      command: ownBuild,
      upstream: { pipelining: 'auto' },
    }),
  ];
  if (command !== undefined)
    builds.push(
      sidepoolPeer({
        name: 'sidepool-other',
        title: 'Sidepool, other build',
        settings: 'default settings; TLS verified',
        command,
      }),
    );
  return [
    nginxPeer,
    haproxyPeer,
    ...builds,
    envoyPeer,
    undiciPeer,
    traefikPeer,
    caddyPeer,
    directPeer,
  ];
}
