/** Bytes behind a response are nobody's answer, however they arrive. */
import { describe, expect, it } from 'vitest';
import { certificates } from '../../support/certificate-scene.ts';
import { response } from '../../support/raw-origin.ts';
import { get, scene } from './scene.ts';

const on = scene();
const tls = certificates('forged-responses');

/** A read of the gateway's takes this much at once: what comes behind it is read in a call of its own. */
const READ_BYTES = 16 * 1024;
const forged = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged';

/** A whole response of exactly so many octets. */
function responseOf(bytes: number): string {
  const head = (length: number) => `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`;
  const length = bytes - head(10_000).length;
  return head(length) + 'x'.repeat(length);
}

describe.each(['plain', 'TLS'] as const)('a second response behind the first, over %s', (over) => {
  it.each([
    ['in one read with it', 1_000],
    ['in the read after it', READ_BYTES],
    ['in the third read', 2 * READ_BYTES],
  ])('%s: is not given to the next who waits for the connection', async (_, bytes) => {
    const origin = await on.origin({
      ...(over === 'TLS' && { tls: await tls.authority.issueForLoopback() }),
      onRequest: ({ target }, connection) => {
        if (target !== '/evil') {
          connection.write(response('good'));
          return;
        }
        // In one system call, and in records of their own.
        connection.socket.cork();
        connection.write(responseOf(bytes));
        connection.write(forged);
        setImmediate(() => connection.socket.uncork());
      },
    });
    const gateway = await on.gateway(origin, {
      pool: { maxConnections: 1, warm: 1, warmMax: 1 },
      ...(over === 'TLS' && { tls: { ca: tls.authority.certPath } }),
    });
    for (let round = 0; round < 5; round += 1) {
      const [attacker, victim] = [await on.client(gateway), await on.client(gateway)];
      const evil = attacker.exchange(get('/evil'));
      const answer = await victim.exchange(get('/victim'));
      expect((await evil).body.length).toBeGreaterThan(900);
      expect(answer.body.toString()).toBe('good');
    }
    expect(gateway.told.closed).toContain('unexpected-bytes');
  });
});
