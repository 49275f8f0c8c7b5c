/**
 * Clients whose reads interleave, every body and target judged. Guards the one buffer that all accepted sockets read
 * into: bytes that are held, waited with or not yet parsed must not be read over by another client's.
 *
 * Each suite runs twice: as sockets are made on this Node, and as on one that does not offer it.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { seeded } from '../../../src/base/clock.ts';
import type * as sockets from '../../../src/downstream/accepted-sockets.ts';
import { noise, sha256 } from '../../support/bodies.ts';
import type { InProcessGateway } from '../../support/in-process-gateway.ts';
import type { RawAddress, RawClient } from '../../support/raw-client.ts';
import { chunked } from '../../support/raw-message.ts';
import { type RawOrigin, type RawOriginConnection, response } from '../../support/raw-origin.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { waitFor } from '../../support/wait-for.ts';
import { get, scene } from './scene.ts';

const accepting = vi.hoisted(() => ({ isShared: true, shared: 0, byEvent: 0 }));

vi.mock('../../../src/downstream/accepted-sockets.ts', async (original) => {
  const { acceptSharing, acceptByEvent } = await original<typeof sockets>();
  return {
    acceptSharing: ((server, onSocket) =>
      accepting.isShared &&
      acceptSharing(server, (socket) => {
        accepting.shared += 1;
        onSocket(socket);
      })) satisfies typeof acceptSharing,
    acceptByEvent: ((server, onSocket) =>
      acceptByEvent(server, (socket) => {
        accepting.byEvent += 1;
        onSocket(socket);
      })) satisfies typeof acceptByEvent,
  };
});

const on = scene();
const dir = makeTempDir('faults-shared');
afterAll(() => dir.remove());

const LARGEST = 400 * 1024;
/** More than the kernel takes off our hands: two socket buffers, which it grows to 6 MB each, and those to the gateway. */
const TUNNELLED = 24 * 1024 * 1024;

/** Answers with the target and the hash of what came. */
function echo(origin: { target: string; body: Buffer }, connection: RawOriginConnection): void {
  connection.write(response(`${origin.target} ${sha256(origin.body)}`));
}

/** An origin of which every other connection reads in fits and starts. */
async function unevenOrigin(): Promise<RawOrigin> {
  return await on.origin({
    onRequest: echo,
    onConnection: (connection) => {
      if (connection.id % 2 === 0) return;
      const random = seeded(connection.id);
      connection.socket.on('data', () => {
        if (random() < 0.6) return;
        connection.stopReading();
        setTimeout(() => connection.resumeReading(), 1 + Math.floor(random() * 12));
      });
    },
  });
}

async function upload(client: RawClient, seed: number): Promise<boolean> {
  const random = seeded(seed);
  const body = noise(1 + Math.floor(random() * (random() < 0.3 ? 3_000 : LARGEST)), seed);
  const isChunked = random() < 0.5;
  const framing = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`;
  const head = `PUT /up/${seed} HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n`;
  const sent = isChunked ? chunked(body, { chunkBytes: 1 + Math.floor(random() * 9_000) }) : body;
  // Together, so that body lies behind the head in a read; or apart.
  if (random() < 0.5) client.write(Buffer.concat([Buffer.from(head), sent]));
  else {
    client.write(head);
    client.write(sent);
  }
  const answer = await client.readResponse({ method: 'PUT', timeoutMs: 20_000 });
  return answer.body.toString() === `/up/${seed} ${sha256(body)}`;
}

/** Some requests at once, with bodies now and then: those behind the first wait unread. */
async function pipeline(client: RawClient, seed: number): Promise<boolean> {
  const random = seeded(seed);
  const expected: string[] = [];
  const parts: Buffer[] = [];
  for (let nth = 0; nth < 12; nth += 1) {
    const target = `/pipe/${seed}/${nth}/${'x'.repeat(Math.floor(random() * 300))}`;
    const body = random() < 0.5 ? noise(1 + Math.floor(random() * 6_000), seed + nth) : null;
    expected.push(`${target} ${sha256(body ?? '')}`);
    if (body === null) parts.push(Buffer.from(get(target)));
    else {
      parts.push(
        Buffer.from(`PUT ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`),
        body,
      );
    }
  }
  client.write(Buffer.concat(parts));
  for (const each of expected) {
    const { body } = await client.readResponse({ timeoutMs: 20_000 });
    if (body.toString() !== each) return false;
  }
  return true;
}

async function repeat(
  to: InProcessGateway | RawAddress,
  { seed, times }: { readonly seed: number; readonly times: number },
  act: (client: RawClient, seed: number) => Promise<boolean>,
): Promise<number> {
  const client = await on.client(to);
  let wrong = 0;
  for (let nth = 0; nth < times; nth += 1) if (!(await act(client, seed * 100 + nth))) wrong += 1;
  client.close();
  return wrong;
}

function total(each: readonly number[]): number {
  return each.reduce((sum, one) => sum + one, 0);
}

describe.each([
  { way: 'one buffer for all', isShared: true },
  { way: "by 'data', as on a Node that offers no other", isShared: false },
])('clients read into $way', ({ isShared }) => {
  beforeAll(() => {
    Object.assign(accepting, { isShared, shared: 0, byEvent: 0 });
  });
  afterAll(() => {
    // What the suite was about has been used, and nothing else.
    expect(accepting.shared > 0).toBe(isShared);
    expect(accepting.byEvent > 0).toBe(!isShared);
  });

  it('large uploads beside pipelined requests, to an origin that half reads slowly', async () => {
    const origin = await unevenOrigin();
    const path = dir.file(`up-${isShared}.sock`);
    const gateway = await on.gateway(
      origin,
      { pool: { maxConnections: 8, warm: 2, warmMax: 8 }, timeouts: { wait: '30s' } },
      {
        listeners: [{ upstream: 'origin' }, { upstream: 'origin', address: `unix:${path}` }],
      },
    );
    const clients = Array.from({ length: 28 }, (_, index) => {
      const to = index % 4 === 0 ? { path } : gateway;
      return index % 3 === 0
        ? repeat(to, { seed: index + 1, times: 12 }, pipeline)
        : repeat(to, { seed: index + 1, times: 12 }, upload);
    });
    expect(total(await Promise.all(clients))).toBe(0);
    expect(gateway.told.faults).toEqual([]);
  });

  it('bodies that are held because the origin cannot be reached yet', async () => {
    const origin = await on.origin({ onRequest: echo });
    // One connection for all: the others wait, with what has come of their bodies.
    const gateway = await on.gateway(origin, {
      pool: { maxConnections: 1, warm: 1, warmMax: 1 },
      timeouts: { wait: '30s' },
    });
    const clients = Array.from({ length: 24 }, (_, index) =>
      repeat(gateway, { seed: 500 + index, times: 2 }, upload),
    );
    expect(total(await Promise.all(clients))).toBe(0);
  });

  it('heads in pieces, each between pieces of other heads', async () => {
    const origin = await on.origin({ onRequest: echo });
    const gateway = await on.gateway(origin, {
      pool: { maxConnections: 8, warm: 1, warmMax: 8 },
      timeouts: { wait: '30s' },
    });
    const all = await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        const target = `/${index}/${noise(40 + index, index).toString('hex')}`;
        const body = noise(200, index);
        const head = `PUT ${target} HTTP/1.1\r\nHost: a\r\nX-Filler: ${'f'.repeat(index)}\r\nTransfer-Encoding: chunked\r\n\r\n`;
        const bytes = Buffer.concat([Buffer.from(head), chunked(body, { chunkBytes: 7 })]);
        const expected = `${target} ${sha256(body)}`;
        return { client: await on.client(gateway), bytes, expected };
      }),
    );
    const random = seeded(7);
    // Round by round, a piece of each; a turn between, so that it is read as it is.
    for (let left = all.map(({ bytes }) => bytes); left.some(({ length }) => length > 0); ) {
      left = left.map((bytes, index) => {
        const piece = 1 + Math.floor(random() * 40);
        if (bytes.length > 0) all[index]?.client.write(bytes.subarray(0, piece));
        return bytes.subarray(piece);
      });
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const { client, expected } of all) {
      expect((await client.readResponse({ method: 'PUT' })).body.toString()).toBe(expected);
    }
  });

  it('tunnels to origins that take nothing for a while', async () => {
    const switched =
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    const origin = await on.origin({
      onRequest: (_, connection) => {
        connection.write(switched);
        connection.stopReading();
      },
    });
    const gateway = await on.gateway(origin, { pool: { warm: 1, warmMax: 1 } });
    const tunnels = await Promise.all(
      Array.from({ length: 3 }, async (_, index) => {
        const client = await on.client(gateway);
        client.write(get(`/${index}`, 'Connection: Upgrade\r\nUpgrade: websocket\r\n'));
        expect((await client.readResponse()).status).toBe(101);
        return { client, sent: noise(TUNNELLED, index) };
      }),
    );
    const size = 30_000;
    for (let at = 0; at < TUNNELLED; at += size)
      for (const { client, sent } of tunnels) client.write(sent.subarray(at, at + size));
    for (const { client } of tunnels) client.fin();
    const unsent = () => tunnels.map(({ client }) => client.socket.writableLength).join();
    let last = '';
    // Until it moves no more.
    await waitFor(
      () => {
        const isStill = unsent() === last;
        last = unsent();
        return isStill;
      },
      { everyMs: 100 },
    );
    expect(last).not.toBe('0,0,0');
    for (const connection of origin.connections) connection.resumeReading();
    for (const [index, { sent }] of tunnels.entries()) {
      const far = origin.connections.find(({ requests }) => requests[0]?.target === `/${index}`);
      await waitFor(() => far?.received.incoming === 'fin', { timeoutMs: 10_000 });
      const { bytes } = far?.received ?? { bytes: Buffer.alloc(0) };
      expect(sha256(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4))).toBe(sha256(sent));
      // It ends its side after the client has: the way back stayed open.
      far?.write('bye');
      far?.fin();
      expect((await tunnels[index]?.client.readToEnd())?.toString()).toBe('bye');
    }
  });
});
