import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { portNear } from '../../../../src/cli/demo/ports.ts';
import { freePort } from '../../../support/free-port.ts';

describe('a port', () => {
  it('is the wanted one when that is free', async () => {
    const wanted = await freePort();
    expect(await portNear(wanted)).toBe(wanted);
  });

  it('is another one when the wanted is taken', async () => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const { port: taken } = server.address() as AddressInfo;
      const other = await portNear(taken);
      expect(other).not.toBe(taken);
      expect(other).toBeGreaterThan(0);
    } finally {
      server.close();
    }
  });
});
