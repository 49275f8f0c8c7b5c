import { startHaproxy } from '../../support/origins/haproxy.ts';
import { describeOrigin, hashFromEcho } from './origin-suite.ts';

describeOrigin({
  title: 'HAProxy that answers by itself',
  programs: ['haproxy'],
  start: () => startHaproxy(),
  connections: 'keep',
  sizes: ['10k'],
  upload: {
    methods: ['POST', 'PUT'],
    path: '/echo',
    bytes: 100_000,
    codings: ['length', 'chunked'],
    receivedHash: hashFromEcho,
  },
});
