import { expect, it } from 'vitest';
import { sha256 } from '../../support/bodies.ts';
import { startGatewayFor } from '../../support/gateway.ts';
import { startApache } from '../../support/origins/apache.ts';
import { requestOnce } from '../../support/raw-client.ts';
import { describeOrigin, request } from './origin-suite.ts';

describeOrigin(
  {
    title: 'Apache httpd',
    programs: ['apache2'],
    start: () => startApache(),
    connections: 'keep',
    sizes: ['10k', '100k', '10m'],
    upload: {
      methods: ['POST'],
      path: '/reflect',
      bytes: 300_000,
      codings: ['length', 'chunked'],
      receivedHash: (answer) => sha256(answer.body),
    },
  },
  () => {
    it('closes every fifth request and after a second of rest, and no client notices', async () => {
      const origin = await startApache({ keepAliveTimeoutS: 1, maxKeepAliveRequests: 5 });
      const gateway = await startGatewayFor(origin.url);
      try {
        for (let nth = 0; nth < 40; nth++) {
          const answer = await requestOnce(gateway.port, request('GET', '/ok', { version: '1.0' }));
          expect([nth, answer.status]).toEqual([nth, 200]);
          if (nth % 20 === 19) await new Promise((resolve) => setTimeout(resolve, 1_000));
        }
      } finally {
        await gateway.stop();
        await origin.stop();
      }
    });
  },
);
