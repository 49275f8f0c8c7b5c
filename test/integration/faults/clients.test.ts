/** Clients that go away, stall, half-close, or send what they should not. */
import { afterAll, describe, expect, it } from 'vitest';
import { noise, sha256 } from '../../support/bodies.ts';
import { chunked } from '../../support/raw-message.ts';
import { alwaysAnswer, response } from '../../support/raw-origin.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { waitFor } from '../../support/wait-for.ts';
import { get, post, scene } from './scene.ts';

const on = scene();

/** Bodies go out as they come: a small one that could be held would come whole first. */
const streamed = { retry: { bodyLimit: '0B' } };

describe('a client that goes away', () => {
  it('before the response: the upstream connection is discarded as client-gone', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    client.write(get());
    await origin.request();
    client.reset();
    await gateway.deserted();
    expect(gateway.told.closed).toEqual(['client-gone']);
    expect(gateway.told.faults.map(({ kind, status }) => [kind, status])).toEqual([
      ['client-gone', 0],
    ]);
  });

  it('in the middle of its body: the upstream sees a break, never a whole request', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin, streamed);
    const client = await on.client(gateway);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\npart');
    const connection = await origin.connection();
    await waitFor(() => connection.received.bytes.includes('part'));
    client.reset();
    await connection.incomingEnd();
    await gateway.deserted();
    expect(origin.requests).toEqual([]);
    expect(gateway.told.closed).toEqual(['client-gone']);
  });

  it('in a long response: discarded as client-gone', async () => {
    const size = 50_000_000;
    const origin = await on.origin({
      onRequest: (_, connection) => {
        connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
        connection.write(Buffer.alloc(size));
      },
    });
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    client.write(get());
    await waitFor(() => client.received.bytes.length > 10_000);
    client.reset();
    await gateway.deserted();
    expect(gateway.told.closed).toEqual(['client-gone']);
  });

  it('when little is left: the rest is read, and the connection kept', async () => {
    const origin = await on.origin({
      onRequest: ({ target }, connection) => {
        if (target === '/slow')
          connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart');
        else connection.write(response());
      },
    });
    const gateway = await on.gateway(origin, { pool: { warm: 1, warmMax: 1, maxConnections: 1 } });
    const client = await on.client(gateway);
    client.write(get('/slow'));
    await waitFor(() => client.received.bytes.includes('part'));
    client.reset();
    await waitFor(() => gateway.activeExchanges === 0);
    origin.connections[0]?.write('_rest!');
    await gateway.deserted();
    const next = await on.client(gateway);
    expect((await next.exchange(get())).body.toString()).toBe('ok');
    expect(gateway.told.closed).toEqual([]);
    expect(origin.connections).toHaveLength(1);
  });

  it('when little is left, and that never comes: closed after idle', async () => {
    const origin = await on.origin({
      onRequest: (_, connection) =>
        connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart'),
    });
    const gateway = await on.gateway(origin, { timeouts: { idle: '150ms' } });
    const client = await on.client(gateway);
    client.write(get());
    await waitFor(() => client.received.bytes.includes('part'));
    client.reset();
    await gateway.deserted();
    expect(gateway.told.closed).toEqual(['client-gone']);
  });

  it('while it waits for a connection: its place is given up', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin, { pool: { maxConnections: 1, warm: 1, warmMax: 1 } });
    const first = await on.client(gateway);
    first.write(get('/first'));
    await origin.request();
    const second = await on.client(gateway);
    second.write(get('/second'));
    await waitFor(() => gateway.upstreams[0]?.waiting === 1);
    second.reset();
    await waitFor(() => gateway.upstreams[0]?.waiting === 0);
    origin.connections[0]?.write(response());
    expect((await first.readResponse()).status).toBe(200);
    expect(origin.requests).toHaveLength(1);
  });

  it('in the pause before a retry: there is none', async () => {
    const busy = response('', { status: '503 Busy', fields: { 'Retry-After': '1' } });
    const origin = await on.origin({ onRequest: (_, connection) => connection.write(busy) });
    const gateway = await on.gateway(origin, { retry: { statuses: [503] } });
    const client = await on.client(gateway);
    client.write(get());
    await origin.request();
    await waitFor(() => gateway.leased === 0 && gateway.idle > 0);
    expect(gateway.activeExchanges).toBe(1);
    client.reset();
    await gateway.deserted(900);
    expect(gateway.told.retries).toEqual([{ reason: 'status', outcome: 'failed' }]);
    expect(origin.requests).toHaveLength(1);
  });

  it('many at once leave nothing behind', async () => {
    const origin = await on.origin({
      onRequest: ({ id }, connection) => {
        if (id % 3 === 0) connection.write(response('x'.repeat(100_000)));
        if (id % 3 === 1)
          connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npa');
      },
    });
    const gateway = await on.gateway(origin, { pool: { warm: 2, warmMax: 8, maxConnections: 8 } });
    for (let round = 0; round < 8; round += 1) {
      const clients = await Promise.all(Array.from({ length: 25 }, () => on.client(gateway)));
      for (const [index, client] of clients.entries())
        client.write(index % 2 === 0 ? get() : post());
      await origin.request(1 + round);
      for (const client of clients) client.reset();
      await gateway.deserted();
    }
  });
});

describe('a client that ends its side', () => {
  it('after its request gets its response, and then an end', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    client.write(get());
    client.fin();
    const request = await origin.request();
    origin.connectionOf(request).write(response());
    expect((await client.readResponse()).body.toString()).toBe('ok');
    expect(await client.closed(1_000)).toBe('fin');
  });

  it('between the head of its response and the body: is closed after it', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    client.write(get());
    const connection = origin.connectionOf(await origin.request());
    connection.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npa');
    await waitFor(() => client.received.bytes.includes('pa'));
    client.fin();
    // A round trip, so that the end has come before the rest.
    await (await on.client(gateway)).exchange('GET / HTTP/9.9\r\n\r\n');
    connection.write('rt');
    expect((await client.readResponse()).body.toString()).toBe('part');
    expect(await client.closed(1_000)).toBe('fin');
  });

  it('after pipelined requests gets all its responses', async () => {
    const origin = await on.origin({
      onRequest: ({ target }, connection) => connection.write(response(target)),
    });
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    client.write(get('/1') + get('/2') + get('/3'));
    client.fin();
    for (const target of ['/1', '/2', '/3']) {
      expect((await client.readResponse()).body.toString()).toBe(target);
    }
    expect(await client.closed(1_000)).toBe('fin');
  });

  it('in the middle of its body is gone', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\npart');
    client.fin();
    await client.closed();
    await gateway.deserted();
    expect(origin.requests).toEqual([]);
    expect(gateway.told.faults.map(({ kind }) => kind)).toEqual(['client-gone']);
  });

  it('without a request is closed without a word', async () => {
    const origin = await on.origin({ onRequest: alwaysAnswer() });
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    client.fin();
    expect((await client.readToEnd()).length).toBe(0);
  });
});

describe('a client that stalls', () => {
  const clients = { headTimeout: '150ms', stallTimeout: '150ms', lingerTime: '100ms' };

  it('in its head gets 408', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin, {}, { clients });
    const client = await on.client(gateway);
    client.write('GET / HTTP/1.1\r\nHost: a\r\nX-');
    const answer = await client.readResponse();
    expect(answer.status).toBe(408);
    expect(answer.fields.get('connection')).toEqual(['close']);
    expect(await client.incomingEnd()).toBe('fin');
  });

  it('octet by octet in its head gets 408: each octet buys it no time', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin, {}, { clients });
    const client = await on.client(gateway);
    client.write('GET / HTTP/1.1\r\nHost: a\r\nX: ');
    const drip = setInterval(() => client.write('x'), 20);
    const answer = await client.readResponse().finally(() => clearInterval(drip));
    expect(answer.status).toBe(408);
  });

  it('before its first octet is closed without a word', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin, {}, { clients });
    const client = await on.client(gateway);
    expect((await client.readToEnd()).length).toBe(0);
  });

  it('in its body gets 408, and the upstream no whole request', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin, {}, { clients });
    const client = await on.client(gateway);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\npart');
    const answer = await client.readResponse();
    expect(answer.status).toBe(408);
    expect(await client.incomingEnd()).toBe('fin');
    await gateway.settled();
    expect(origin.requests).toEqual([]);
  });

  const framings = {
    length: 'HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n',
    'until the end': 'HTTP/1.1 200 OK\r\n\r\n',
  };
  for (const [framing, head] of Object.entries(framings)) {
    it(`and takes nothing of its response (${framing}) is reset, and never sees a clean end`, async () => {
      const origin = await on.origin({
        onRequest: (_, connection) => {
          connection.write(head);
          connection.fin(Buffer.alloc(67_108_864));
        },
      });
      const gateway = await on.gateway(origin, {}, { clients });
      const client = await on.client(gateway);
      client.stopReading();
      client.write('GET / HTTP/1.0\r\n\r\n');
      await waitFor(() => gateway.told.faults.length === 1);
      expect(gateway.told.faults.map(({ kind }) => kind)).toEqual(['client-stalled']);
      await gateway.deserted();
      client.resumeReading();
      const end = await client.incomingEnd();
      if (framing !== 'length') expect(end).toBe('reset');
      expect(client.received.bytes.length).toBeLessThan(67_108_864);
    });
  }
});

describe('a client that reads the end of its response late', () => {
  const dir = makeTempDir('faults-late');
  afterAll(() => dir.remove());
  // A Unix socket holds 200 KB: of this body the last part lies in the gateway when the origin has given all of it.
  const body = noise(240_000);
  const requests = {
    GET: get('/', 'Connection: close\r\n'),
    POST: post('hi', 'Connection: close\r\n'),
    'GET HTTP/1.0': 'GET / HTTP/1.0\r\n\r\n',
    'POST HTTP/1.0': 'POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi',
  };
  for (const [name, request] of Object.entries(requests)) {
    it(`(${name}) gets it whole: only a stall ends its patience`, async () => {
      const path = dir.file('late.sock');
      const origin = await on.origin({
        onRequest: (_, connection) => {
          connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
          connection.write(chunked(body, { chunkBytes: 8_000 }));
        },
      });
      const gateway = await on.gateway(
        origin,
        {},
        {
          listeners: [{ upstream: 'origin', address: `unix:${path}` }],
          clients: { stallTimeout: '5s', lingerTime: '50ms' },
        },
      );
      const client = await on.client({ path });
      client.stopReading();
      client.write(request);
      await waitFor(() => gateway.told.ended === 1);
      await new Promise((resolve) => setTimeout(resolve, 200));
      client.resumeReading();
      const answer = await client.readResponse();
      expect(sha256(answer.body)).toBe(sha256(body));
    });
  }
});
