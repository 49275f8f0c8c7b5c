/**
 * Many slow readers beside quick ones on the same upstream, every body by its hash. Guards the read buffer that each
 * upstream connection has of its own: bytes that a client has still to take must not be read over.
 */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { seeded } from '../../../src/base/clock.ts';
import { noise, sha256 } from '../../support/bodies.ts';
import { certificates } from '../../support/certificate-scene.ts';
import type { InProcessGateway } from '../../support/in-process-gateway.ts';
import { chunked } from '../../support/raw-message.ts';
import type { RawOrigin, RawOriginConnection, RawRequest } from '../../support/raw-origin.ts';
import { waitFor } from '../../support/wait-for.ts';
import { get, scene } from './scene.ts';

const on = scene();
const tls = certificates('faults-slow');

const LARGEST = 300 * 1024;

const socketPath = () => tls.dir.file('slow.sock');

const listeners = () => [
  { upstream: 'origin' },
  { upstream: 'origin', address: `unix:${socketPath()}` },
];

/** `/size/seed/framing`: noise of that size, framed as asked. */
function answer({ target }: RawRequest, connection: RawOriginConnection): void {
  const [, size, seed, framing] = target.split('/');
  const body = noise(Number(size), Number(seed));
  if (framing === 'chunked') {
    connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    connection.write(chunked(body, { chunkBytes: 1 + (Number(seed) % 9_000) }));
  } else {
    connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
    connection.write(body);
  }
}

/**
 * One client, many requests, each body judged by its hash; a slow one stops reading now and then. The slow ones come
 * over a Unix socket: that holds 200 KB, where the kernel would take 4 MB off our hands on TCP, and nothing were slow.
 */
async function readAll(
  gateway: InProcessGateway,
  { seed, requests, slow }: { seed: number; requests: number; slow: boolean },
): Promise<number> {
  const random = seeded(seed);
  const address = slow ? { path: socketPath() } : { port: gateway.port };
  let client = await on.client(address);
  let wrong = 0;
  for (let nth = 0; nth < requests; nth += 1) {
    // Half of them small: those share a segment with their head.
    const size = 1 + Math.floor(random() * (random() < 0.5 ? 4_000 : LARGEST));
    const key = seed * 1_000 + nth;
    const framing = random() < 0.5 ? 'chunked' : 'length';
    const isBrief = random() < 0.2;
    client.write(get(`/${size}/${key}/${framing}`, isBrief ? 'Connection: close\r\n' : ''));
    if (slow) {
      client.stopReading();
      // Long enough for the origin to fill every buffer on the way, and for others to use its connection.
      await waitFor(() => random() < 0.3, { everyMs: 1 + Math.floor(random() * 8) });
      client.resumeReading();
    }
    const { body } = await client.readResponse({ timeoutMs: 15_000 });
    if (body.length !== size || sha256(body) !== sha256(noise(size, key))) wrong += 1;
    if (!isBrief) continue;
    client.reset();
    client = await on.client(address);
  }
  client.reset();
  return wrong;
}

async function thousandBodies(gateway: InProcessGateway): Promise<void> {
  const readers = Array.from({ length: 20 }, (_, index) =>
    readAll(gateway, { seed: index + 1, requests: 50, slow: index % 4 !== 0 }),
  );
  const wrong = await Promise.all(readers);
  expect(wrong.reduce((sum, each) => sum + each, 0)).toBe(0);
  expect(gateway.told.faults).toEqual([]);
}

describe('1,000 bodies of 1 B to 300 KB to slow and quick readers', () => {
  const pool = { maxConnections: 6, warm: 2, warmMax: 6 };

  it('over plain connections', async () => {
    const origin = await on.origin({ onRequest: answer });
    const gateway = await on.gateway(
      origin,
      { pool, timeouts: { wait: '30s' } },
      { listeners: listeners() },
    );
    await thousandBodies(gateway);
    // Back in their pool, connections still hear their peer: an end evicts them at once.
    await gateway.settled();
    for (const connection of origin.open) connection.fin();
    await waitFor(() => gateway.told.closed.length >= origin.connections.length - gateway.idle);
  });

  it('over TLS', async () => {
    const origin = await on.origin({
      tls: await tls.authority.issueForLoopback(),
      onRequest: answer,
    });
    const ca = tls.authority.certPath;
    const gateway = await on.gateway(
      origin,
      { pool, timeouts: { wait: '30s' }, tls: { ca } },
      { listeners: listeners() },
    );
    await thousandBodies(gateway);
  });
});

describe('a slow reader', () => {
  /** Bytes that the origin could get rid of while the client read nothing. */
  async function takenUnread(origin: RawOrigin, gateway: InProcessGateway): Promise<number> {
    const client = await on.client(gateway);
    client.stopReading();
    client.write(get('/flood'));
    const request = await origin.request();
    const { socket } = origin.connectionOf(request);
    const taken = () => socket.bytesWritten - socket.writableLength;
    let last = -1;
    // Until it moves no more.
    await waitFor(
      () => {
        const isStill = taken() === last;
        last = taken();
        return isStill && last > 0;
      },
      { everyMs: 150 },
    );
    return last;
  }

  it('stops the writer: what lies on the way is bounded', async () => {
    const size = 64 * 1024 * 1024;
    const origin = await on.origin({
      onRequest: (_, connection) => {
        connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
        connection.write(Buffer.alloc(size));
      },
    });
    const gateway = await on.gateway(origin);
    const before = process.memoryUsage().arrayBuffers;
    // Four socket buffers of the kernel's, which it grows to 6 MB each, lie on the way besides ours.
    expect(await takenUnread(origin, gateway)).toBeLessThan(28 * 1024 * 1024);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(80 * 1024 * 1024);
  });

  it('of an upload is the origin: it stops the client', async () => {
    const size = 64 * 1024 * 1024;
    const origin = await on.origin({
      onConnection: (connection) => connection.stopReading(),
      onRequest: (_, connection) => connection.write('HTTP/1.1 204 No Content\r\n\r\n'),
    });
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    client.write(`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
    const body = noise(size);
    client.write(body);
    let last = -1;
    await waitFor(
      () => {
        const taken = client.socket.bytesWritten - client.socket.writableLength;
        const isStill = taken === last;
        last = taken;
        return isStill;
      },
      { everyMs: 150 },
    );
    expect(client.socket.writableLength).toBeGreaterThan(0);
    for (const connection of origin.connections) connection.resumeReading();
    expect((await client.readResponse({ method: 'PUT', timeoutMs: 15_000 })).status).toBe(204);
    const [request] = origin.requests;
    expect(
      createHash('sha256')
        .update(request?.body ?? '')
        .digest('hex'),
    ).toBe(sha256(body));
  });
});
