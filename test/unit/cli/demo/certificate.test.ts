import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { makeCertificate } from '../../../../src/cli/demo/certificate.ts';

const toEnd: (() => unknown)[] = [];
afterEach(() => {
  for (const end of toEnd.splice(0)) end();
});

async function listen() {
  const { authority, cert, key } = await makeCertificate();
  const server = createServer({ cert, key }, (socket) => socket.on('error', () => undefined));
  toEnd.push(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { authority, port: (server.address() as AddressInfo).port };
}

describe('the certificate of the demo', () => {
  it.each(['localhost', '127.0.0.1'])(
    'is trusted for %s by who trusts its authority',
    async (host) => {
      const { authority, port } = await listen();
      const client = connect({ port, host, family: 4, ca: authority } as { port: number });
      toEnd.push(() => client.destroy());
      await once(client, 'secureConnect');
      expect(client.authorized).toBe(true);
    },
  );

  it('is trusted by nobody else', async () => {
    const { port } = await listen();
    const client = connect({ port, host: '127.0.0.1' });
    toEnd.push(() => client.destroy());
    await expect(once(client, 'secureConnect')).rejects.toThrow(/certificate/);
  });
});
