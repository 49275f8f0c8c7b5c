/** Requests that are refused, each followed by a graceful close; limits; addresses that are no TCP port. */
import { statSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { chunked } from '../../support/raw-message.ts';
import { alwaysAnswer, response } from '../../support/raw-origin.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { waitFor } from '../../support/wait-for.ts';
import { get, scene } from './scene.ts';

const on = scene();

const body = 'Content-Length: 200000\r\n';
const refusals = {
  'an expectation that is unknown': [
    417,
    `POST / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n${body}\r\n`,
  ],
  'a foreign authority': [
    421,
    'POST http://other.test/ HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n',
  ],
  'fields too many': [431, `POST / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(120)}${body}\r\n`],
  'a head too long': [431, `POST / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`],
  'a target too long': [414, `GET /${'x'.repeat(17_000)} HTTP/1.1\r\nHost: a\r\n\r\n`],
  'a coding that is unknown': [
    501,
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n',
  ],
  CONNECT: [501, 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n'],
  'another version': [505, `POST / HTTP/2.0\r\nHost: a\r\n${body}\r\n`],
  'no version': [400, 'GET /\r\n\r\n'],
  'a body too large by its length': [413, `POST / HTTP/1.1\r\nHost: a\r\n${body}\r\n`],
  'two lengths': [
    400,
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx',
  ],
} as const;

describe('a request that is refused', () => {
  const limits = { limits: { body: '100KiB' }, clients: { lingerTime: '400ms' } };

  for (const [name, [status, request]] of Object.entries(refusals)) {
    it(`for ${name}: ${status}, read without a reset by a client that is still sending`, async () => {
      const origin = await on.origin();
      const gateway = await on.gateway(origin, {}, limits);
      const client = await on.client(gateway);
      client.write(request);
      // It goes on, as a client does that looks for an answer only when it has sent everything.
      for (let nth = 0; nth < 10; nth += 1) {
        await new Promise((resolve) => client.socket.write(Buffer.alloc(10_000, 'x'), resolve));
        await new Promise(setImmediate);
      }
      const answer = await client.readResponse();
      expect(answer.status).toBe(status);
      expect(answer.fields.get('connection')).toEqual(['close']);
      expect(answer.fields.get('proxy-status')?.[0]).toContain('details="not-sent"');
      expect(await client.incomingEnd()).toBe('fin');
      client.fin();
      expect(await client.closed()).toBe('fin');
      expect(origin.requests).toEqual([]);
    });
  }

  it('for a chunked body that turns out too large: 413, and the upstream sees no whole request', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin, {}, limits);
    const client = await on.client(gateway);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    client.write(chunked('x'.repeat(200_000)));
    expect((await client.readResponse()).status).toBe(413);
    expect(await client.incomingEnd()).toBe('fin');
    // The client neither closes nor reads on: its time is bounded all the same.
    await gateway.deserted();
    expect(origin.requests).toEqual([]);
  });

  it('lingers no longer than lingerTime, and reads no more than lingerBytes', async () => {
    const origin = await on.origin();
    const clients = { lingerTime: '200ms', lingerBytes: '64KiB' };
    const gateway = await on.gateway(origin, {}, { clients });
    const patient = await on.client(gateway);
    patient.write('BAD\r\n\r\n');
    expect((await patient.readResponse()).status).toBe(400);
    const beganMs = performance.now();
    await waitFor(() => gateway.openClients === 0);
    expect(performance.now() - beganMs).toBeLessThan(1_000);
    const flood = await on.client(gateway);
    flood.write('BAD\r\n\r\n');
    expect((await flood.readResponse()).status).toBe(400);
    flood.write(Buffer.alloc(1_000_000));
    await waitFor(() => gateway.openClients === 0, { timeoutMs: 150 });
  });

  it('for lack of an upgrade, where one is required: 426 names it, and the connection stays', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin, { requireUpgrade: true });
    const client = await on.client(gateway);
    const answer = await client.exchange(get());
    expect(answer.status).toBe(426);
    expect(answer.fields.get('upgrade')).toEqual(['websocket']);
    expect(answer.fields.get('connection')?.[0]).toMatch(/upgrade/i);
    expect((await client.exchange(get())).status).toBe(426);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n');
    expect((await client.readResponse()).fields.get('connection')?.[0]).toMatch(/close/);
    client.write(Buffer.alloc(100_000));
    expect(await client.incomingEnd()).toBe('fin');
  });
});

describe('a head that floods', () => {
  it('octet by octet, to its limit: 431', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin, {}, { limits: { head: '4KiB', target: '2KiB' } });
    const client = await on.client(gateway);
    client.write('GET / HTTP/1.1\r\nHost: a\r\nX: ');
    let isAnswered = false;
    const answered = client.readResponse().finally(() => {
      isAnswered = true;
    });
    for (let nth = 0; nth < 6_000 && !isAnswered; nth += 1) {
      await new Promise((resolve) => client.socket.write('x', resolve));
    }
    expect((await answered).status).toBe(431);
  });

  it('as a flood of octets without a line end: 414', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    client.write(`GET /${'x'.repeat(100_000)}`);
    expect((await client.readResponse()).status).toBe(414);
  });

  it('as empty lines: 400', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    client.write('\r\n'.repeat(50));
    expect((await client.readResponse()).status).toBe(400);
  });
});

describe('limits', () => {
  it('maxClients refuses the next, counts it, and serves again when there is room', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin, {}, { limits: { maxClients: 2 } });
    const clients = [await on.client(gateway), await on.client(gateway)];
    // They wait for their responses: whoever owed a request would give way to the next one.
    for (const client of clients) client.write(get());
    await origin.request(2);
    const refused = await on.client(gateway);
    await refused.incomingEnd();
    expect(refused.received.bytes).toHaveLength(0);
    expect(await gateway.metric('sidepool_client_refused_total', { reason: 'max-clients' })).toBe(
      1,
    );
    // Both go away: a response would be sent on a connection that nobody reads.
    for (const client of clients) client.reset();
    await waitFor(() => gateway.openClients === 0);
    const next = await on.client(gateway);
    next.write(get());
    const { connectionId } = await origin.request(3);
    origin.connections[connectionId - 1]?.write(response());
    expect((await next.readResponse()).status).toBe(200);
  });

  it('maxClients: whoever has owed a request for a while gives way, and nobody else', async () => {
    const origin = await on.origin({ onRequest: alwaysAnswer() });
    const gateway = await on.gateway(origin, {}, { limits: { maxClients: 2 } });
    const busy = await on.client(gateway);
    // One that says nothing, and one that does not end its head.
    for (const said of ['', 'GET / HTTP/1.1\r\nHost: a\r\nX: ']) {
      await waitFor(() => gateway.openClients === 1);
      const owing = await on.client(gateway);
      owing.write(said);
      await waitFor(
        async () => {
          expect((await busy.exchange(get())).status).toBe(200);
          const next = await on.client(gateway);
          next.write(get());
          await next.readResponse().catch(() => undefined);
          next.close();
          return owing.received.incoming !== 'open';
        },
        { timeoutMs: 8_000, everyMs: 50 },
      );
      expect(owing.received.bytes).toHaveLength(0);
    }
    const gaveWay = await gateway.metric('sidepool_client_refused_total', { reason: 'gave-way' });
    expect(gaveWay).toBe(2);
    await waitFor(() => gateway.openClients === 1);
  });

  it('pool.maxWaiting refuses the next with 503 and Retry-After', async () => {
    const origin = await on.origin();
    const pool = { warm: 1, warmMax: 1, maxConnections: 1, maxWaiting: 1 };
    const gateway = await on.gateway(origin, { pool, timeouts: { wait: '200ms' } });
    const clients = [];
    for (let nth = 0; nth < 3; nth += 1) {
      const client = await on.client(gateway);
      client.write(get(`/${nth}`));
      clients.push(client);
      if (nth === 0) await origin.request();
      if (nth === 1) await waitFor(() => gateway.upstreams[0]?.waiting === 1);
    }
    const [, waited, refused] = clients;
    const answer = await refused?.readResponse();
    expect(answer?.status).toBe(503);
    expect(answer?.fields.get('retry-after')).toEqual(['1']);
    // The one that waits is told when its time is over.
    expect((await waited?.readResponse())?.status).toBe(503);
    expect(origin.requests).toHaveLength(1);
  });
});

describe('a Unix socket', () => {
  const dir = makeTempDir('faults-unix');
  afterAll(() => dir.remove());

  it('has the mode that was asked for, and serves', async () => {
    const path = dir.file('api.sock');
    const origin = await on.origin({ onRequest: alwaysAnswer() });
    const listeners = [{ upstream: 'origin', address: `unix:${path}`, mode: '0620' }];
    const gateway = await on.gateway(origin, {}, { listeners });
    expect(statSync(path).mode & 0o777).toBe(0o620);
    const client = await on.client({ path });
    expect((await client.exchange(get())).status).toBe(200);
    expect(gateway.addresses).toEqual([`unix:${path}`]);
  });

  it('a response that is cut ends its client, though a Unix socket knows no reset', async () => {
    const path = dir.file('cut.sock');
    const origin = await on.origin({
      onRequest: (_, connection) => {
        connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n');
      },
    });
    const listeners = [{ upstream: 'origin', address: `unix:${path}` }];
    const gateway = await on.gateway(origin, {}, { listeners });
    const client = await on.client({ path });
    client.write('GET / HTTP/1.0\r\n\r\n');
    await waitFor(() => client.received.bytes.includes('part'));
    for (const connection of origin.open) connection.reset();
    await client.incomingEnd();
    expect(gateway.told.faults.map(({ kind }) => kind)).toEqual(['body-cut']);
    const next = await on.client({ path });
    next.write(get());
    await waitFor(() => next.received.bytes.includes('part'));
    // Nor can it be seen of a Unix socket that its client has gone altogether: the origin has to end this.
    for (const connection of origin.open) connection.reset();
    await next.incomingEnd();
  });
});
