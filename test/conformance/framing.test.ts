/** Where bodies end, both ways: what is refused, what is cut, and how it is told on (RFC 9112 6, 7, 8). */
import { describe, expect, it } from 'vitest';
import { get, scene } from '../integration/faults/scene.ts';
import { chunked } from '../support/raw-message.ts';
import { type RawOriginConnection, response } from '../support/raw-origin.ts';
import { waitFor } from '../support/wait-for.ts';
import { expectRefused, pass } from './seam.ts';

const on = scene();

/** Bodies go out as they come: a small one that could be held would come whole first. */
const streamed = { retry: { bodyLimit: '0B' } };

const ok = 'HTTP/1.1 200 OK\r\n';
const post = (fields: string, body = '', version = '1.1'): string =>
  `POST / HTTP/${version}\r\nHost: a\r\n${fields}\r\n${body}`;
const chunkedPost = (chunks: string): string => post('Transfer-Encoding: chunked\r\n', chunks);

describe('a request is refused, and its connection closed', () => {
  const rows: readonly (readonly [name: string, request: string, status?: number])[] = [
    [
      'with a length and a coding [9112-6.1-12] [9112-6.1-13] [9112-11.2-R4]',
      post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    ],
    [
      'with a coding and a length, the other way round [9112-6.1-13] [9112-11.2-R4]',
      post('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', '0\r\n\r\n'),
    ],
    [
      'of HTTP/1.0 with a coding [9112-6.1-14]',
      post('Transfer-Encoding: chunked\r\n', '0\r\n\r\n', '1.0'),
    ],
    [
      'of HTTP/1.0 with a coding and a length, though it asks for keep-alive [9112-6.1-14]',
      post(
        'Connection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n',
        '0\r\n\r\n',
        '1.0',
      ),
    ],
    [
      'with a repeated length [9112-11.2-R3] [9112-6.3-04] [9110-8.6-13]',
      post('Content-Length: 5\r\nContent-Length: 5\r\n', 'hello'),
    ],
    [
      'with two lengths [9112-6.3-04] [9112-6.3-05] [9110-8.6-11]',
      post('Content-Length: 5\r\nContent-Length: 6\r\n', 'hello!'),
    ],
    [
      'with a list of equal lengths [9112-11.2-R3] [9112-6.3-04] [9110-8.6-13] [9110-8.6-12]',
      post('Content-Length: 5, 5\r\n', 'hello'),
    ],
    [
      'with a list of lengths [9112-6.3-04] [9110-8.6-12]',
      post('Content-Length: 5, 6\r\n', 'hello'),
    ],
    [
      'with a sign before the length [9112-6.3-04] [9110-8.6-12]',
      post('Content-Length: +5\r\n', 'hello'),
    ],
    ['with a negative length [9112-6.3-04] [9110-8.6-12]', post('Content-Length: -5\r\n', 'hello')],
    [
      'with a hexadecimal length [9112-6.3-04] [9110-8.6-12]',
      post('Content-Length: 0x5\r\n', 'hello'),
    ],
    ['with an empty length [9112-6.3-04] [9110-8.6-12]', post('Content-Length:\r\n', 'hello')],
    ['with a length padded inside [9112-11.2-R3]', post('Content-Length: 1 0\r\n', 'hello')],
    ['with a leading zero in the length [9112-11.2-R3]', post('Content-Length: 05\r\n', 'hello')],
    ['with a length of 2^53 [9110-8.6-10]', post('Content-Length: 9007199254740992\r\n', 'hello')],
    [
      'with a length of 2^64 + 5 [9110-8.6-10]',
      post('Content-Length: 18446744073709551621\r\n', 'hello'),
    ],
    [
      'whose coding does not end in chunked [9112-6.3-03]',
      post('Transfer-Encoding: chunked, gzip\r\n', '0\r\n\r\n'),
    ],
    ['with identity for a coding [9112-6.3-03]', post('Transfer-Encoding: identity\r\n', 'hello')],
    [
      'that is chunked twice [9112-6.1-02] [9112-6.3-03]',
      post('Transfer-Encoding: chunked, chunked\r\n', '0\r\n\r\n'),
    ],
    [
      'with an empty member before chunked [9112-11.2-R7]',
      post('Transfer-Encoding: , chunked\r\n', '0\r\n\r\n'),
    ],
    [
      'with an empty member behind chunked [9112-11.2-R7]',
      post('Transfer-Encoding: chunked,\r\n', '0\r\n\r\n'),
    ],
    [
      'whose chunked has a parameter [9112-7.1-03]',
      post('Transfer-Encoding: chunked;q=1\r\n', '0\r\n\r\n'),
    ],
    [
      'whose gzip has a parameter [9112-7.2-01]',
      post('Transfer-Encoding: gzip;level=9, chunked\r\n', '0\r\n\r\n'),
    ],
    [
      'with a coding that is not understood: 501 [9112-6.1-09] [9112-6.1-03]',
      post('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'),
      501,
    ],
    [
      'that is a TRACE with content [9110-9.3.8-04]',
      'TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi',
    ],
  ];
  for (const [name, request, status = 400] of rows)
    it(name, async () => {
      await expectRefused(on, request, status);
    });
});

describe('a chunked request body breaks off with 400, and the upstream sees no whole request', () => {
  const rows: readonly (readonly [name: string, chunks: string])[] = [
    ['at a size of 2^53 + 1 [9112-7.1-02]', '20000000000001\r\nx'],
    [
      'at a size of 17 digits, which overflows to 5 [9112-7.1-02]',
      '10000000000000005\r\nhello\r\n',
    ],
    ['at a size line that ends in LF alone [9112-11.2-R2]', '5\nhello\r\n0\r\n\r\n'],
    ['at a chunk that LF alone ends [9112-11.2-R2]', '5\r\nhello\n0\r\n\r\n'],
    ['at a size with 0x', '0x5\r\nhello\r\n0\r\n\r\n'],
    ['at white space before a size', ' 5\r\nhello\r\n0\r\n\r\n'],
    ['at an extension too long [9112-7.1.1-R1]', `5;${'x'.repeat(300)}\r\nhello\r\n0\r\n\r\n`],
    ['at too many extensions [9112-7.1.1-R1]', `1;${'x'.repeat(200)}\r\ny\r\n`.repeat(100)],
    ['at a folded trailer [9112-11.2-R6] [9112-5.2-01]', '0\r\nX: a\r\n b\r\n\r\n'],
    ['at a trailer that ends in LF alone [9112-11.2-R2]', '0\r\nX: a\n\r\n'],
    ['at trailers too long [9112-7.1.2-R1]', `0\r\nX: ${'y'.repeat(9_000)}\r\n\r\n`],
    ['at too many trailers [9112-7.1.2-R1]', `0\r\n${'X: y\r\n'.repeat(60)}\r\n`],
  ];
  for (const [name, chunks] of rows)
    it(name, async () => {
      const { client, origin, answer } = await pass(on, chunkedPost(chunks));
      expect(answer.status, answer.body.toString()).toBe(400);
      expect(answer.fields.get('connection')).toEqual(['close']);
      expect(await client.readToEnd()).toHaveLength(0);
      expect(origin.requests).toEqual([]);
    });
});

describe('a request body goes on', () => {
  it('by its length, octet by octet, line ends at its end and all [9112-6.3-R4] [9112-6.3-11] [9112-6.3-12] [9112-2.2-06]', async () => {
    const { request } = await pass(on, post('Content-Length:\t 9 \r\n', 'hello\r\n\r\n'));
    expect(request?.fields.get('content-length')).toEqual(['9']);
    expect(request?.fields.has('transfer-encoding')).toBe(false);
    expect(request?.body.toString()).toBe('hello\r\n\r\n');
  });

  it('in chunks, whose sizes have letters of either case, leading zeros and unknown extensions [9112-6.1-01] [9112-7.1-01] [9112-7.1.1-01] [9112-6.3-R2] [9110-5.6.3-06] [9110-5.6.3-07] [9112-6.3-12]', async () => {
    const chunks = '00a;x;y="z"\r\n0123456789\r\nB ; q = 1\r\nabcdefghijk\r\n000;last\r\n\r\n';
    const { request, origin } = await pass(on, chunkedPost(chunks));
    expect(request?.fields.get('transfer-encoding')).toEqual(['chunked']);
    expect(request?.fields.has('content-length')).toBe(false);
    expect(request?.body.toString()).toBe('0123456789abcdefghijk');
    expect(origin.connections.map(({ received }) => received.bytes.toString()).join()).not.toMatch(
      /last|q = 1/,
    );
  });

  it('in chunks that come octet by octet [9112-7.1-01]', async () => {
    const origin = await on.origin({ onRequest: (_, connection) => connection.write(response()) });
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    await client.writePieces(chunkedPost('5\r\nhello\r\n6;x\r\n world\r\n0\r\nX-A: b\r\n\r\n'), 1);
    expect((await client.readResponse()).status).toBe(200);
    expect(origin.requests[0]?.body.toString()).toBe('hello world');
    expect(origin.requests[0]?.trailers.get('x-a')).toEqual(['b']);
  });

  it('chunked once, in one spelling, however it came [9112-6.1-02] [9112-11.2-R1]', async () => {
    const { request } = await pass(
      on,
      post('transfer-ENCODING: \tCHUNKED \r\n', '2\r\nhi\r\n0\r\n\r\n'),
    );
    expect(request?.rawHead.match(/transfer-encoding.*/gi)).toEqual(['Transfer-Encoding: chunked']);
  });

  it('not at all where there is neither length nor coding: what follows is the next request [9112-6.3-R5]', async () => {
    const { client, origin, request } = await pass(on, `${post('')}${get('/2')}`);
    expect((await client.readResponse()).status).toBe(200);
    expect(request?.body).toHaveLength(0);
    expect(origin.requests.map(({ target }) => target)).toEqual(['/', '/2']);
  });

  it('with a length of 0 where the method anticipates content and there is none, and without one else [9110-8.6-01] [9110-8.6-02]', async () => {
    for (const [method, length] of [
      ['POST', ['0']],
      ['PUT', ['0']],
      ['PATCH', ['0']],
      ['GET', undefined],
      ['HEAD', undefined],
      ['DELETE', undefined],
      ['OPTIONS', undefined],
    ] as const) {
      const { request } = await pass(on, `${method} / HTTP/1.1\r\nHost: a\r\n\r\n`, {
        answer: 'HTTP/1.1 204 No Content\r\n\r\n',
      });
      expect([method, request?.fields.get('content-length')]).toEqual([method, length]);
    }
  });

  it('and breaks off visibly when the client breaks off: the upstream never has it for whole [9112-6.3-08] [9112-8-R1] [9112-8-02]', async () => {
    for (const [fields, part] of [
      ['Content-Length: 9\r\n', 'part'],
      ['Transfer-Encoding: chunked\r\n', '4\r\npart\r\n'],
    ] as const) {
      const origin = await on.origin();
      const gateway = await on.gateway(origin, streamed);
      const client = await on.client(gateway);
      client.write(post(fields, part));
      await waitFor(() =>
        origin.connections.some(({ received }) => received.bytes.includes('part')),
      );
      const connection = origin.connections.find(({ received }) => received.bytes.includes('part'));
      client.fin();
      await connection?.incomingEnd();
      expect(origin.requests).toEqual([]);
      await gateway.settled();
      expect(gateway.told.faults.map(({ kind }) => kind)).toEqual(['client-gone']);
    }
  });

  it('and is answered 408 when it stops coming, and the connection is closed [9112-6.3-08] [9112-8-01]', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin, {}, { clients: { stallTimeout: '100ms' } });
    const client = await on.client(gateway);
    client.write(post('Content-Length: 9\r\n', 'part'));
    const answer = await client.readResponse();
    expect(answer.status).toBe(408);
    expect(answer.fields.get('connection')).toEqual(['close']);
    expect(await client.incomingEnd()).toBe('fin');
    expect(origin.requests).toEqual([]);
  });
});

describe('a response is refused with 502, and nothing of it used', () => {
  const rows: readonly (readonly [name: string, fields: string])[] = [
    [
      'with a length and a coding [9112-6.3-02] [9112-6.2-01] [9112-11.2-R11]',
      'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n',
    ],
    [
      'with two lengths [9112-6.3-06] [9112-6.3-07] [9112-6.3-04] [9110-8.6-11]',
      'Content-Length: 2\r\nContent-Length: 3\r\n',
    ],
    [
      'with a list of lengths [9112-6.3-06] [9112-6.3-07] [9112-6.3-04]',
      'Content-Length: 2, 3\r\n',
    ],
    ['with a list of equal lengths [9110-8.6-13] [9112-11.2-R11]', 'Content-Length: 2, 2\r\n'],
    [
      'with a length that is no number [9112-6.3-06] [9112-6.3-07] [9110-8.6-12]',
      'Content-Length: +2\r\n',
    ],
    ['with a leading zero in its length [9112-11.2-R11]', 'Content-Length: 02\r\n'],
    ['with a length of 2^53 + 1 [9110-8.6-10]', 'Content-Length: 9007199254740993\r\n'],
    ['with a coding that is not understood [9112-6.1-04]', 'Transfer-Encoding: gzip\r\n'],
    ['with a coding besides chunked [9112-7.2-01]', 'Transfer-Encoding: gzip;q=1, chunked\r\n'],
    [
      'that is chunked twice [9112-6.1-02]',
      'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n',
    ],
    ['whose chunked has a parameter [9112-7.1-03]', 'Transfer-Encoding: chunked;q=1\r\n'],
    ['with an empty member in its coding [9112-11.2-R11]', 'Transfer-Encoding: , chunked\r\n'],
  ];
  for (const [name, fields] of rows)
    it(name, async () => {
      const { answer, gateway, origin } = await pass(on, get(), {
        answer: `${ok}${fields}X-Secret: 1\r\n\r\nok`,
      });
      expect(answer.status).toBe(502);
      expect(answer.fields.get('proxy-status')?.[0]).toContain('error=http_protocol_error');
      expect(answer.fields.has('x-secret')).toBe(false);
      await gateway.settled();
      expect(gateway.told.closed).toContain('fault');
      const [request] = origin.requests;
      await origin.connections[(request?.connectionId ?? 0) - 1]?.incomingEnd();
    });

  it('of HTTP/1.0 with a coding, whatever else it says, and its connection is closed [9112-6.1-14]', async () => {
    for (const fields of ['', 'Content-Length: 5\r\n', 'Connection: keep-alive\r\n']) {
      const { answer, gateway } = await pass(on, get(), {
        answer: `HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n${fields}\r\n0\r\n\r\n`,
      });
      expect(answer.status).toBe(502);
      await gateway.settled();
      expect(gateway.told.closed).toContain('fault');
    }
  });
});

describe('a response’s body ends', () => {
  const lengths: readonly (readonly [name: string, method: string, head: string])[] = [
    ['HEAD with a length', 'HEAD', `${ok}Content-Length: 5\r\n\r\n`],
    ['HEAD with chunked [9112-6.1-06]', 'HEAD', `${ok}Transfer-Encoding: chunked\r\n\r\n`],
    ['HEAD with neither', 'HEAD', `${ok}\r\n`],
    ['204 with a length', 'GET', 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n'],
    ['204 with chunked', 'GET', 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n'],
    [
      '304 with a length [9110-8.6-05]',
      'GET',
      'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
    ],
    [
      '304 with chunked [9112-6.1-06]',
      'GET',
      'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n',
    ],
  ];
  for (const [name, method, head] of lengths)
    it(
      `with its head: ${name} [9112-6.3-R1] [9110-6-01] [9110-8.6-03]`.replace(
        method === 'HEAD' ? '' : ' [9110-8.6-03]',
        '',
      ),
      async () => {
        const { client, answer, gateway, origin } = await pass(
          on,
          `${method} / HTTP/1.1\r\nHost: a\r\n\r\n`,
          {
            answer: ({ nth }, connection) => connection.write(nth === 1 ? head : response('next')),
          },
        );
        expect(answer.body).toHaveLength(0);
        // Nothing is waited for: both connections carry the next exchange.
        expect((await client.exchange(get('/2'))).body.toString()).toBe('next');
        expect(new Set(origin.requests.map(({ connectionId }) => connectionId)).size).toBe(1);
        await gateway.settled();
        expect(gateway.told.faults).toEqual([]);
      },
    );

  it('with the last chunk, and trailers behind it [9112-6.3-R2] [9112-7.1-01] [9112-7.1.1-01] [9112-6.1-01]', async () => {
    const { answer, client } = await pass(on, get(), {
      answer: `${ok}Transfer-Encoding: Chunked\r\n\r\n3;x=y\r\none\r\n0A\r\n0123456789\r\n00\r\nX-Sum: 1\r\n\r\n`,
    });
    expect(answer.framing).toBe('chunked');
    expect(answer.body.toString()).toBe('one0123456789');
    expect(answer.trailers.get('x-sum')).toEqual(['1']);
    expect((await client.exchange(get())).status).toBe(200);
  });

  it('with the octet that its length names [9112-6.3-R4]', async () => {
    const { answer } = await pass(on, get(), { answer: response('x'.repeat(100_000)) });
    expect(answer.framing).toBe('length');
    expect(answer.body).toHaveLength(100_000);
  });

  it('with the connection, where it has neither: whole when that ends properly [9112-6.3-R6] [9112-8-R2]', async () => {
    const { answer, client } = await pass(on, get(), {
      answer: `${ok}\r\nuntil the end`,
      ends: true,
    });
    expect(answer.body.toString()).toBe('until the end');
    expect(answer.framing).toBe('chunked');
    // The client’s own connection has nothing to do with it.
    expect((await client.exchange(get())).status).toBe(200);
  });

  const cuts: readonly (readonly [name: string, head: string, reset: boolean])[] = [
    ['by length, ended [9112-6.3-08] [9112-8-R1]', 'Content-Length: 9\r\n', false],
    ['by length, reset [9112-6.3-08] [9112-8-R1]', 'Content-Length: 9\r\n', true],
    ['in chunks, ended [9112-8-R1]', 'Transfer-Encoding: chunked\r\n', false],
    ['in chunks, reset [9112-8-R1]', 'Transfer-Encoding: chunked\r\n', true],
    ['with the connection, reset [9112-8-R2]', '', true],
  ];
  for (const [name, fields, isReset] of cuts)
    it(`too early, which is recorded, and the client sees it: ${name} [9112-8-02]`, async () => {
      const part = fields.startsWith('T') ? '4\r\npart\r\n' : 'part';
      let far: RawOriginConnection | undefined;
      const origin = await on.origin({
        onRequest: (_, connection) => {
          far = connection;
          connection.write(`${ok}${fields}\r\n${part}`);
        },
      });
      const gateway = await on.gateway(origin);
      const client = await on.client(gateway);
      client.write(get());
      await waitFor(() => client.received.bytes.includes('part'));
      if (isReset) far?.reset();
      else far?.fin();
      await expect(client.readResponse()).rejects.toThrow('ended before a whole response');
      await gateway.settled();
      expect(gateway.told.faults.map(({ kind }) => kind)).toEqual(['body-cut']);
    });
});

describe('a response is told on', () => {
  it('with its length where it has one, in chunks else [9112-6.3-09]', async () => {
    const byLength = await pass(on, get(), { answer: response('hello') });
    expect(byLength.answer.fields.get('content-length')).toEqual(['5']);
    const byEnd = await pass(on, get(), { answer: `${ok}\r\nhello`, ends: true });
    expect(byEnd.answer.framing).toBe('chunked');
    const inChunks = await pass(on, get(), {
      answer: `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    });
    expect(inChunks.answer.framing).toBe('chunked');
  });

  it('to HTTP/1.0 with no coding, and no trailers in its head [9112-6.1-11] [9112-6.1-05] [9110-6.5.1-02] [9112-7.1.2-03]', async () => {
    for (const fields of ['', 'Connection: keep-alive\r\n']) {
      const { answer, client } = await pass(on, `GET / HTTP/1.0\r\n${fields}\r\n`, {
        answer: `${ok}Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n`,
      });
      expect(answer.body.toString()).toBe('hello');
      for (const name of ['transfer-encoding', 'x-sum', 'trailer'])
        expect(answer.fields.has(name)).toBe(false);
      expect(client.received.bytes.includes('X-Sum')).toBe(false);
    }
  });

  it('to HTTP/1.1 with its trailers as trailers, never as fields [9110-6.5.1-02] [9112-7.1.2-02] [9112-7.1.2-03]', async () => {
    const { answer } = await pass(on, get(), {
      answer: `${ok}Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n`,
    });
    expect(answer.fields.has('x-sum')).toBe(false);
    expect(answer.trailers.get('x-sum')).toEqual(['1']);
  });

  it('without trailers that would change what was said: framing, routing, access, content [9112-7.1.2-01] [9110-6.5.1-01]', async () => {
    const bad = ['Content-Length: 9', 'Transfer-Encoding: x', 'Host: evil', 'Set-Cookie: a=b'];
    const more = ['Content-Type: text/html', 'Authorization: x', 'Connection: close', 'Trailer: y'];
    const trailers = [...bad, ...more, 'X-Sum: 1'].map((line) => `${line}\r\n`).join('');
    const { answer, request } = await pass(on, chunkedPost(`2\r\nhi\r\n0\r\n${trailers}\r\n`), {
      answer: `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n${trailers}\r\n`,
    });
    expect([...answer.trailers]).toEqual([['x-sum', ['1']]]);
    expect([...(request?.trailers ?? [])]).toEqual([['x-sum', ['1']]]);
  });

  it('in 204 without length and coding [9110-8.6-07] [9112-6.1-07]', async () => {
    for (const field of ['Content-Length: 5', 'Transfer-Encoding: chunked']) {
      const { answer } = await pass(on, get(), {
        answer: `HTTP/1.1 204 No Content\r\n${field}\r\n\r\n`,
      });
      expect(answer.fields.has('content-length')).toBe(false);
      expect(answer.fields.has('transfer-encoding')).toBe(false);
    }
  });

  it('in 103 without length and coding [9110-8.6-07] [9112-6.1-07]', async () => {
    const { client } = await pass(on, 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n', {
      answer: ({ method }, connection) =>
        connection.write(
          method === 'HEAD'
            ? `${ok}\r\n`
            : `HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\nA: b\r\n\r\n${response()}`,
        ),
    });
    client.write(get());
    const interim = await client.readResponse();
    expect([interim.status, interim.fields.get('a')]).toEqual([103, ['b']]);
    expect(interim.fields.has('content-length')).toBe(false);
    expect((await client.readResponse()).status).toBe(200);
  });

  it('to HEAD with the length that GET would have had, or without one [9110-8.6-03] [9110-8.6-04] [9110-9.3.2-02]', async () => {
    const head = 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n';
    const told = await pass(on, head, {
      answer: `${ok}Content-Length: 12345\r\nETag: "x"\r\n\r\n`,
    });
    expect(told.answer.fields.get('content-length')).toEqual(['12345']);
    expect(told.answer.fields.get('etag')).toEqual(['"x"']);
    const untold = await pass(on, head, { answer: `${ok}\r\n` });
    expect(untold.answer.fields.has('content-length')).toBe(false);
  });

  it('in 304 with the length that 200 would have had, or without one [9110-8.6-05] [9110-8.6-06]', async () => {
    const told = await pass(on, get(), {
      answer: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 12345\r\n\r\n',
    });
    expect(told.answer.fields.get('content-length')).toEqual(['12345']);
    const untold = await pass(on, get(), { answer: 'HTTP/1.1 304 Not Modified\r\n\r\n' });
    expect(untold.answer.fields.has('content-length')).toBe(false);
  });
});

describe('an upstream that has answered as HTTP/1.0', () => {
  const answer10 = 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok';

  it('gets no coding: a chunked body goes with its length [9112-6.1-10] [9112-6.3-13]', async () => {
    const { client, origin } = await pass(on, get(), { answer: answer10 });
    await client.exchange(chunkedPost('3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n'));
    expect(origin.requests[1]?.fields.get('content-length')).toEqual(['6']);
    expect(origin.requests[1]?.fields.has('transfer-encoding')).toBe(false);
    expect(origin.requests[1]?.body.toString()).toBe('onetwo');
  });

  it('gets no body that is too long to be counted: 411 [9112-6.3-10] [9112-6.1-10]', async () => {
    const { client, origin } = await pass(on, get(), {
      answer: answer10,
      upstream: { retry: { bodyLimit: '1KiB' } },
      rest: { clients: { lingerTime: '200ms' } },
    });
    client.write(post('Transfer-Encoding: chunked\r\n'));
    client.write(chunked('x'.repeat(40_000)));
    expect((await client.readResponse()).status).toBe(411);
    expect(origin.requests).toHaveLength(1);
  });
});
