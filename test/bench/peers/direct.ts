/** No proxy: clients speak to the origin, TLS and all. */
import type { Peer } from './peer.ts';

export const directPeer: Peer = {
  name: 'direct',
  title: 'no proxy',
  settings: 'clients speak to the origin itself',
  prepare: async () => 'no proxy',
  start: async ({ origins }) => ({
    pid: undefined,
    urls: origins.map(({ url }) => url),
    stop: async () => {},
  }),
};
