/** What HTTP asks of a gateway between unequal peers: 1.0 clients, interim responses, trailers, pipelining. */
import { describe, expect, it } from 'vitest';
import { chunked } from '../../support/raw-message.ts';
import { type RawOriginConnection, response } from '../../support/raw-origin.ts';
import { waitFor } from '../../support/wait-for.ts';
import { get, scene } from './scene.ts';

const on = scene();

const get10 = 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n';
const chunkedHead = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

describe('an HTTP/1.0 client that asked for keep-alive', () => {
  it('gets a Content-Length for a chunked response that is quick, and stays', async () => {
    const origin = await on.origin({
      onRequest: (_, connection) => {
        connection.write(chunkedHead);
        connection.write(chunked('hello, you', { chunkBytes: 4 }));
      },
    });
    const gateway = await on.gateway(origin, {}, { clients: { holdTime: '500ms' } });
    const client = await on.client(gateway);
    for (let round = 0; round < 3; round += 1) {
      const answer = await client.exchange(get10);
      expect(answer.framing).toBe('length');
      expect(answer.body.toString()).toBe('hello, you');
      expect(answer.fields.get('connection')).toEqual(['keep-alive']);
      expect(answer.fields.has('transfer-encoding')).toBe(false);
    }
  });

  it('gets a slow chunked response at once, to the end of the connection', async () => {
    const origin = await on.origin({
      onRequest: (_, connection) => {
        connection.write(chunkedHead);
        connection.write('5\r\nfirst\r\n');
      },
    });
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    client.write(get10);
    // The second part waits for the first to have been read.
    await waitFor(() => client.received.bytes.includes('first'), { timeoutMs: 1_000 });
    origin.connections[0]?.write('6\r\nsecond\r\n0\r\n\r\n');
    const answer = await client.readResponse();
    expect(answer.framing).toBe('close');
    expect(answer.body.toString()).toBe('firstsecond');
    expect(answer.fields.get('connection')).toEqual(['close']);
  });

  it('gets a large chunked response to the end of the connection, not held for its length', async () => {
    const origin = await on.origin({
      onRequest: (_, connection) => {
        connection.write(chunkedHead);
        connection.write(chunked('x'.repeat(100_000)));
      },
    });
    const gateway = await on.gateway(origin, {}, { clients: { holdTime: '10s' } });
    const client = await on.client(gateway);
    const answer = await client.exchange(get10);
    expect(answer.framing).toBe('close');
    expect(answer.body.length).toBe(100_000);
  });

  it('that is cut while it is held is answered with 502', async () => {
    const origin = await on.origin({
      onRequest: (_, connection) => connection.fin(`${chunkedHead}5\r\nfirst\r\n`),
    });
    const gateway = await on.gateway(origin, {}, { clients: { holdTime: '2s' } });
    const client = await on.client(gateway);
    expect((await client.exchange(get10)).status).toBe(502);
  });
});

describe('interim responses', () => {
  const hints = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n';
  const origin = () =>
    on.origin({ onRequest: (_, connection) => connection.write(hints + hints + response()) });

  it('reach an HTTP/1.1 client', async () => {
    const gateway = await on.gateway(await origin());
    const client = await on.client(gateway);
    client.write(get());
    for (const status of [103, 103, 200]) {
      const answer = await client.readResponse();
      expect(answer.status).toBe(status);
      if (status === 103) expect(answer.fields.get('link')).toEqual(['</a.css>; rel=preload']);
    }
  });

  it('never reach an HTTP/1.0 client', async () => {
    const gateway = await on.gateway(await origin());
    const client = await on.client(gateway);
    client.write('GET / HTTP/1.0\r\n\r\n');
    expect((await client.readResponse()).status).toBe(200);
    expect((await client.readToEnd()).length).toBe(0);
  });
});

describe('Expect: 100-continue', () => {
  const head = (version: string) =>
    `POST / HTTP/${version}\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n`;

  it('is passed through: the body is sent once the origin has asked for it', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    client.write(head('1.1'));
    const connection = await origin.connection();
    expect(await connection.head()).toContain('Expect: 100-continue\r\n');
    connection.write('HTTP/1.1 100 Continue\r\n\r\n');
    expect((await client.readResponse()).status).toBe(100);
    client.write('hello');
    expect((await connection.request()).body.toString()).toBe('hello');
    connection.write(response());
    expect((await client.readResponse()).status).toBe(200);
  });

  it('is refused by the origin: the answer is relayed, and the body never asked for', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    client.write(head('1.1'));
    const connection = await origin.connection();
    await connection.head();
    connection.write(response('no', { status: '417 Expectation Failed' }));
    const answer = await client.readResponse();
    expect(answer.status).toBe(417);
    expect(answer.fields.get('connection')).toEqual(['close']);
  });

  it('of an HTTP/1.0 client is dropped', async () => {
    const origin = await on.origin({ onRequest: (_, connection) => connection.write(response()) });
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    client.write(`${head('1.0')}hello`);
    expect((await client.readResponse()).status).toBe(200);
    expect(origin.requests[0]?.fields.has('expect')).toBe(false);
  });
});

describe('trailers', () => {
  it('pass both ways', async () => {
    const body = (sum: string) => chunked('hello', { trailers: { 'X-Sum': sum } });
    const origin = await on.origin({
      onRequest: (_, connection) => {
        connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n');
        connection.write(body('back'));
      },
    });
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    client.write(
      'POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n',
    );
    client.write(body('forth'));
    const answer = await client.readResponse();
    expect(answer.trailers.get('x-sum')).toEqual(['back']);
    expect(answer.fields.get('trailer')).toEqual(['X-Sum']);
    expect(origin.requests[0]?.trailers.get('x-sum')).toEqual(['forth']);
    expect(origin.requests[0]?.fields.get('te')).toEqual(['trailers']);
  });

  it('are no part of what an HTTP/1.0 client gets', async () => {
    const origin = await on.origin({
      onRequest: (_, connection) => {
        connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n');
        connection.write(chunked('hello', { trailers: { 'X-Sum': '1' } }));
      },
    });
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    const answer = await client.exchange(get10);
    expect(answer.body.toString()).toBe('hello');
    expect(answer.fields.has('trailer')).toBe(false);
  });
});

describe('pipelined requests', () => {
  it('are answered in order, whatever the order in which they could be [9112-9.3.2-03]', async () => {
    const origin = await on.origin({
      onRequest: ({ target, body }, connection) =>
        connection.write(response(`${target} ${body.toString()}`)),
    });
    const gateway = await on.gateway(origin, { pool: { warm: 4, warmMax: 4 } });
    const client = await on.client(gateway);
    let text = '';
    for (let nth = 0; nth < 300; nth += 1) {
      const body = nth % 3 === 0 ? `body ${nth}` : '';
      text += `POST /${nth} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      if (nth % 7 === 0) text += '\r\n';
    }
    client.write(text);
    for (let nth = 0; nth < 300; nth += 1) {
      const body = nth % 3 === 0 ? `body ${nth}` : '';
      expect((await client.readResponse()).body.toString()).toBe(`/${nth} ${body}`);
    }
    // One after the other: a client's requests are never beside each other on the way.
    expect(origin.requests.map(({ target }) => target)).toEqual(
      Array.from({ length: 300 }, (_, nth) => `/${nth}`),
    );
  });

  it('behind one that is refused are not answered', async () => {
    const origin = await on.origin({ onRequest: (_, connection) => connection.write(response()) });
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    client.write(`${get('/1')}BAD\r\n\r\n${get('/3')}`);
    expect((await client.readResponse()).status).toBe(200);
    expect((await client.readResponse()).status).toBe(400);
    expect((await client.readToEnd()).length).toBe(0);
    expect(origin.requests).toHaveLength(1);
  });

  it('behind a close are not answered, and the close is echoed', async () => {
    const origin = await on.origin({ onRequest: (_, connection) => connection.write(response()) });
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    client.write(get('/1', 'Connection: close\r\n') + get('/2'));
    const answer = await client.readResponse();
    expect(answer.fields.get('connection')).toEqual(['close']);
    expect((await client.readToEnd()).length).toBe(0);
    expect(origin.requests.map(({ fields }) => fields.has('connection'))).toEqual([false]);
  });
});

describe('an upstream of HTTP/1.0', () => {
  const answer10 = (connection: RawOriginConnection): void =>
    connection.fin('HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok');

  it('gets a chunked body with its length, once it is known to be one', async () => {
    const origin = await on.origin({ onRequest: (_, connection) => answer10(connection) });
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    expect((await client.exchange(get())).status).toBe(200);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    client.write('3\r\none\r\n');
    client.write('3\r\ntwo\r\n0\r\n\r\n');
    expect((await client.readResponse()).status).toBe(200);
    expect(origin.requests[1]?.framing).toBe('length');
    expect(origin.requests[1]?.body.toString()).toBe('onetwo');
  });

  it('of a body too long to be counted: 411, and the client can read it', async () => {
    const origin = await on.origin({ onRequest: (_, connection) => answer10(connection) });
    const gateway = await on.gateway(
      origin,
      { retry: { bodyLimit: '1KiB' } },
      { clients: { lingerTime: '300ms' } },
    );
    const client = await on.client(gateway);
    expect((await client.exchange(get())).status).toBe(200);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    client.write(chunked('x'.repeat(40_000), { chunkBytes: 500 }));
    expect((await client.readResponse()).status).toBe(411);
    expect(await client.incomingEnd()).toBe('fin');
    // It lingers for a bounded time and is then closed, though this client does not close.
    await gateway.deserted();
    expect(origin.requests).toHaveLength(1);
  });
});
