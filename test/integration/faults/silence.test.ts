/** The upstream says nothing, too little, too early or too late. */
import { describe, expect, it } from 'vitest';
import { chunked } from '../../support/raw-message.ts';
import { type RawOriginConnection, response } from '../../support/raw-origin.ts';
import { waitFor } from '../../support/wait-for.ts';
import { detailsOf, get, post, scene } from './scene.ts';

const on = scene();

describe('an origin that does not answer', () => {
  for (const request of [get(), post()]) {
    const method = request.slice(0, request.indexOf(' '));
    it(`${method}: 504 after firstByte, sent-no-response, never sent again`, async () => {
      const origin = await on.origin();
      const gateway = await on.gateway(origin, { timeouts: { firstByte: '100ms' } });
      const client = await on.client(gateway);
      const answer = await client.exchange(request);
      expect(answer.status).toBe(504);
      expect(answer.fields.get('proxy-status')?.[0]).toContain('error=http_response_timeout');
      expect(detailsOf(answer)).toBe('sent-no-response');
      expect(origin.requests).toHaveLength(1);
      // The client's connection is as good as before; the upstream's is not.
      expect(answer.fields.has('connection')).toBe(false);
      expect(gateway.told.closed).toEqual(['fault']);
    });
  }

  it('sends 100 and then nothing: 504 after firstByte', async () => {
    const origin = await on.origin({
      onRequest: (_, connection) => connection.write('HTTP/1.1 100 Continue\r\n\r\n'),
    });
    const gateway = await on.gateway(origin, { timeouts: { firstByte: '100ms' } });
    const client = await on.client(gateway);
    client.write(get());
    expect((await client.readResponse()).status).toBe(100);
    const answer = await client.readResponse();
    expect(answer.status).toBe(504);
    expect(detailsOf(answer)).toBe('sent-no-response');
  });

  it('sends part of a head and then nothing: 504, partial-response', async () => {
    const origin = await on.origin({
      onRequest: (_, connection) => connection.write('HTTP/1.1 200 OK\r\nDate: Thu'),
    });
    const gateway = await on.gateway(origin, { timeouts: { firstByte: '100ms' } });
    const client = await on.client(gateway);
    const answer = await client.exchange(get());
    expect(answer.status).toBe(504);
    expect(detailsOf(answer)).toBe('partial-response');
  });

  it('goes silent in a body: the client sees that it is not whole', async () => {
    const origin = await on.origin({
      onRequest: (_, connection) =>
        connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart'),
    });
    const gateway = await on.gateway(origin, { timeouts: { idle: '100ms' } });
    const client = await on.client(gateway);
    client.write(get());
    await expect(client.readResponse()).rejects.toThrow('ended before a whole response');
    expect(gateway.told.faults.map(({ kind }) => kind)).toEqual(['idle-timeout']);
  });

  it('goes silent in a body: an HTTP/1.0 client without a length is reset', async () => {
    const origin = await on.origin({
      onRequest: (_, connection) =>
        connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n'),
    });
    const gateway = await on.gateway(origin, { timeouts: { idle: '100ms' } });
    const client = await on.client(gateway);
    client.write('GET / HTTP/1.0\r\n\r\n');
    expect(await client.incomingEnd()).toBe('reset');
  });

  it('takes no more of a body: 504 after idle', async () => {
    const origin = await on.origin({ onConnection: (connection) => connection.stopReading() });
    const gateway = await on.gateway(origin, { timeouts: { idle: '200ms' } });
    const client = await on.client(gateway);
    const size = 64 * 1024 * 1024;
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
    client.write(Buffer.alloc(size));
    expect((await client.readResponse()).status).toBe(504);
    expect(gateway.told.faults.map(({ kind }) => kind)).toEqual(['idle-timeout']);
  });

  it('answers within the request limit or is given up', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin, { timeouts: { request: '100ms' } });
    const client = await on.client(gateway);
    const answer = await client.exchange(get());
    expect(answer.status).toBe(504);
    expect(detailsOf(answer)).toBe('sent-no-response');
    expect(gateway.told.faults.map(({ kind }) => kind)).toEqual(['request-timeout']);
  });
});

describe('an origin that answers before the body has ended', () => {
  const head = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n';

  /** Answers as soon as the head is there. */
  function early(text: string, after?: (connection: RawOriginConnection) => void) {
    return {
      onConnection: (connection: RawOriginConnection) => {
        connection.socket.once('data', () => {
          connection.write(text);
          after?.(connection);
        });
      },
    };
  }

  it('is relayed; then both connections close, the client by a proper end', async () => {
    const origin = await on.origin(
      early(response('too large', { status: '413 Content Too Large' })),
    );
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    client.write(`${head}some of it`);
    const answer = await client.readResponse();
    expect(answer.status).toBe(413);
    expect(answer.fields.get('connection')).toEqual(['close']);
    // Still sending: no reset may overtake the answer.
    client.write('more of it');
    expect(await client.incomingEnd()).toBe('fin');
    client.write('and more');
    client.fin();
    expect(await client.closed()).toBe('fin');
    expect(gateway.told.closed).toEqual(['early-response']);
    expect(gateway.told.faults).toEqual([]);
  });

  it('and resets: the answer still reaches the client', async () => {
    const text = response('no', { status: '403 Forbidden' });
    const origin = await on.origin(
      early(text, (connection) => {
        waitFor(() => connection.socket.writableLength === 0).then(() => connection.fin());
      }),
    );
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    client.write(`${head}some of it`);
    const answer = await client.readResponse();
    expect(answer.status).toBe(403);
    expect(await client.incomingEnd()).toBe('fin');
  });

  it('with a long body: response and request go on side by side [9112-9.5-05]', async () => {
    const origin = await on.origin(early('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'));
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    client.write('3\r\none\r\n');
    const connection = await origin.connection();
    await waitFor(() => connection.received.bytes.includes('one'));
    connection.write('3\r\nONE\r\n');
    await waitFor(() => client.received.bytes.includes('ONE'));
    client.write('3\r\ntwo\r\n0\r\n\r\n');
    expect((await connection.request()).body.toString()).toBe('onetwo');
    connection.write('3\r\nTWO\r\n0\r\n\r\n');
    expect((await client.readResponse()).body.toString()).toBe('ONETWO');
  });

  it('and takes no more of a long body: the client, stuck in its sending, gets the answer', async () => {
    const origin = await on.origin({ onConnection: (connection) => connection.stopReading() });
    const gateway = await on.gateway(origin, { pool: { warm: 1, warmMax: 1, maxConnections: 1 } });
    const client = await on.client(gateway);
    const size = 64 * 1024 * 1024;
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
    client.write(Buffer.alloc(size));
    let last = -1;
    await waitFor(
      () => {
        const taken = client.socket.bytesWritten - client.socket.writableLength;
        const isStill = taken === last;
        last = taken;
        return isStill;
      },
      { everyMs: 100 },
    );
    origin.connections[0]?.write(response('no', { status: '413 Content Too Large' }));
    expect((await client.readResponse()).status).toBe(413);
    await gateway.deserted();
    expect(gateway.told.closed).toEqual(['early-response']);
  });

  it('is not read as the answer to the next request [9112-9.3-05]', async () => {
    const origin = await on.origin({
      onConnection: (connection) => {
        if (connection.id === 1)
          connection.socket.once('data', () => connection.write(response('A')));
      },
      onRequest: ({ target }, connection) => connection.write(response(target)),
    });
    const gateway = await on.gateway(origin);
    const first = await on.client(gateway);
    first.write(`${head}part`);
    expect((await first.readResponse()).body.toString()).toBe('A');
    const second = await on.client(gateway);
    for (const target of ['/b', '/c', '/d']) {
      expect((await second.exchange(get(target))).body.toString()).toBe(target);
    }
  });
});

describe('a response as it comes', () => {
  it('one octet at a time is put together', async () => {
    const origin = await on.origin({
      onRequest: async (_, connection) => {
        const text = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n${chunked('0123456789', { chunkBytes: 3, trailers: { 'X-Sum': '45' } })}`;
        for (const octet of text) {
          await new Promise<void>((resolve) => {
            connection.socket.write(octet, () => setImmediate(resolve));
          });
        }
      },
    });
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    const answer = await client.exchange(get('/', 'TE: trailers\r\nConnection: TE\r\n'));
    expect(answer.body.toString()).toBe('0123456789');
    expect(answer.trailers.get('x-sum')).toEqual(['45']);
    await gateway.warm(1);
    expect(gateway.told.closed).toEqual([]);
  });

  const broken = {
    'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!',
    'a length and chunks':
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'no HTTP at all': 'SSH-2.0-OpenSSH_9.6\r\n',
    'an unasked switch':
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n',
    'a head without end': `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(40_000)}`,
    'too many fields': `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(101)}\r\n`,
    'a thousand and one 1xx': 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(1_001),
  } as const;
  for (const [name, text] of Object.entries(broken)) {
    it(`with ${name} is refused with 502, and never sent again`, async () => {
      const origin = await on.origin({ onRequest: (_, connection) => connection.write(text) });
      const gateway = await on.gateway(origin);
      const client = await on.client(gateway);
      const answer = await client.exchange(get());
      expect(answer.status).toBe(502);
      expect(detailsOf(answer)).toBe('partial-response');
      expect(origin.requests).toHaveLength(1);
      expect(gateway.told.closed).toEqual(['fault']);
    });
  }
});
