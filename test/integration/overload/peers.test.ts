/** Clients and upstreams that never end what they began: what they get, and that others are served meanwhile. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { alwaysAnswer, type RawOriginConnection, response } from '../../support/raw-origin.ts';
import { waitFor } from '../../support/wait-for.ts';
import { get, scene } from '../faults/scene.ts';

const on = scene();

const upgrade = get(
  '/chat',
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
);
const switched =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

/** Writes this again and again, as fast as it is taken, until the other side has ended it. */
function pour(connection: RawOriginConnection, text: string): void {
  const data = Buffer.from(text);
  const more = (): void => {
    while (!connection.socket.destroyed && connection.socket.write(data));
  };
  connection.socket.on('drain', more);
  more();
}

describe('an upstream that never ends', () => {
  const endless: [string, string, string, number][] = [
    ['its interim responses', '', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n', 502],
    ['its head', 'HTTP/1.1 200 OK\r\n', 'X-More: and more\r\n', 502],
    ['the reason of its status line', 'HTTP/1.1 200 ', 'and so on and so forth ', 502],
    [
      'its trailers',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n',
      'X-More: and more\r\n',
      // The head has gone out by then.
      200,
    ],
    [
      'a chunk extension',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1',
      ';more=and-more',
      200,
    ],
  ];

  for (const [what, beginning, more, status] of endless) {
    it(`${what}: its client is told or cut off, and the connection is closed`, async () => {
      const origin = await on.origin({
        onRequest: (_, connection) => {
          connection.write(beginning);
          pour(connection, more.repeat(500));
        },
      });
      const gateway = await on.gateway(origin);
      const client = await on.client(gateway);
      client.write(get());
      const isOver = () =>
        client.received.bytes.includes('HTTP/1.1 502 ') || client.received.incoming !== 'open';
      await waitFor(isOver, { timeoutMs: 15_000 });
      const text = client.received.bytes.toString('latin1');
      // What has begun is cut off, and does not look whole; where nothing had gone out there is room for an answer.
      if (!text.includes('HTTP/1.1 502 ')) {
        expect(status).toBe(200);
        expect(text).not.toContain('\r\n0\r\n\r\n');
      }
      await waitFor(() => gateway.leased === 0);
      expect(gateway.told.faults).toHaveLength(1);
    });
  }

  it('chunks of one octet: the client gets them all, in order, and others are served', async () => {
    const body = Array.from({ length: 30_000 }, (_, nth) => String(nth % 10)).join('');
    const chunks = [...body].map((octet) => `1\r\n${octet}\r\n`).join('');
    const origin = await on.origin({
      onRequest: ({ target }, connection) =>
        connection.write(
          target === '/tiny'
            ? `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`
            : response(),
        ),
    });
    const gateway = await on.gateway(origin);
    const [client, other] = [await on.client(gateway), await on.client(gateway)];
    client.write(get('/tiny'));
    expect((await other.exchange(get())).status).toBe(200);
    const { body: got } = await client.readResponse({ timeoutMs: 15_000 });
    expect(got.toString()).toBe(body);
  });

  it('resetting every connection: it is not dialled without pause for a floor that cannot be had', async () => {
    const origin = await on.origin({ onConnection: (connection) => connection.reset() });
    const gateway = await on.gateway(origin, { pool: { warm: 4, warmMax: 4 } });
    const beganMs = performance.now();
    await waitFor(() => performance.now() - beganMs > 1_500, { everyMs: 100 });
    const seconds = (performance.now() - beganMs) / 1_000;
    // Nobody asks: a handful a second at most, once it is clear that they do not last.
    expect(origin.connections.length).toBeLessThan(40 * seconds);
    const client = await on.client(gateway);
    expect((await client.exchange(get(), { timeoutMs: 10_000 })).status).toBeGreaterThan(500);
  });
});

describe('tunnels that stay open', () => {
  it('are not counted among the connections that requests share', async () => {
    const origin = await on.origin({
      onRequest: ({ target }, connection) =>
        connection.write(target === '/chat' ? switched : response()),
    });
    const pool = { maxConnections: 2, warm: 1, warmMax: 1 };
    const gateway = await on.gateway(origin, { pool });
    const tunnels = [];
    for (let nth = 0; nth < 6; nth += 1) {
      const client = await on.client(gateway);
      expect((await client.exchange(upgrade)).status).toBe(101);
      tunnels.push(client);
    }
    const client = await on.client(gateway);
    expect((await client.exchange(get())).status).toBe(200);
    expect(await gateway.metric('sidepool_upstream_connections', { state: 'tunnel' })).toBe(6);
    for (const tunnel of tunnels) tunnel.reset();
    await waitFor(() => gateway.leased === 0);
    expect(await gateway.metric('sidepool_upstream_connections', { state: 'tunnel' })).toBe(0);
  });

  it('opened all at once beyond maxConnections: nobody waits in vain', async () => {
    const origin = await on.origin({ onRequest: (_, connection) => connection.write(switched) });
    const pool = { maxConnections: 2, warm: 1, warmMax: 1 };
    const gateway = await on.gateway(origin, { pool, timeouts: { wait: '20s' } });
    const clients = await Promise.all(Array.from({ length: 12 }, () => on.client(gateway)));
    const answers = await Promise.all(
      clients.map((client) => client.exchange(upgrade, { timeoutMs: 15_000 })),
    );
    expect(answers.map(({ status }) => status)).toEqual(clients.map(() => 101));
    for (const client of clients) client.reset();
    await waitFor(() => gateway.leased === 0);
  });
});

describe('a flood of connections', () => {
  it('that are closed at once leaves nothing, and somebody who asks is served in between', async () => {
    const origin = await on.origin({ onRequest: alwaysAnswer() });
    const gateway = await on.gateway(origin);
    const come = async (): Promise<void> => {
      const socket = connect({ host: '127.0.0.1', port: gateway.port });
      socket.on('error', () => {});
      await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
      socket.resetAndDestroy();
    };
    for (let round = 0; round < 20; round += 1) {
      const crowd = Promise.all(Array.from({ length: 50 }, come));
      const client = await on.client(gateway);
      expect((await client.exchange(get(), { timeoutMs: 15_000 })).status).toBe(200);
      client.close();
      await crowd;
    }
    await waitFor(() => gateway.openClients === 0);
  });
});
