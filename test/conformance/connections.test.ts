/** The life of connections on both sides, and which request an answer belongs to (RFC 9112 9, RFC 9110 9.2.2). */
import { describe, expect, it } from 'vitest';
import { get, scene } from '../integration/faults/scene.ts';
import { alwaysAnswer, type RawOriginConnection, response } from '../support/raw-origin.ts';
import { waitFor } from '../support/wait-for.ts';
import { pass } from './seam.ts';

const on = scene();

/** Bodies go out as they come: a small one that could be held would come whole first. */
const streamed = { retry: { bodyLimit: '0B' } };

describe('a client’s connection', () => {
  const rows: readonly (readonly [string, request: string, lives: boolean])[] = [
    ['lives in HTTP/1.1 without a word', get(), true],
    ['lives in HTTP/1.1 with keep-alive', get('/', 'Connection: keep-alive\r\n'), true],
    ['ends in HTTP/1.1 with close', get('/', 'Connection: close\r\n'), false],
    [
      'ends in HTTP/1.1 with close in capitals',
      get('/', 'Connection: x, CLOSE\r\nX: y\r\n'),
      false,
    ],
    ['ends in HTTP/1.1 with both', get('/', 'Connection: keep-alive, close\r\n'), false],
    ['ends in HTTP/1.0 without a word', 'GET / HTTP/1.0\r\n\r\n', false],
    ['lives in HTTP/1.0 with keep-alive', 'GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n', true],
    [
      'ends in HTTP/1.0 with both',
      'GET / HTTP/1.0\r\nConnection: close, keep-alive\r\n\r\n',
      false,
    ],
    [
      'ends in HTTP/1.0 with Proxy-Connection',
      'GET / HTTP/1.0\r\nProxy-Connection: keep-alive\r\n\r\n',
      false,
    ],
  ];
  for (const [name, request, lives] of rows)
    it(`${name} [9112-9.3-R1]`, async () => {
      const { client, answer } = await pass(on, request);
      if (lives) {
        expect((await client.exchange(request)).status).toBe(200);
        return;
      }
      expect(answer.fields.get('connection')).toEqual(['close']);
      expect(await client.incomingEnd()).toBe('fin');
    });

  it('serves many requests, over one connection to the upstream [9112-9.3-01] [9112-9.3-04]', async () => {
    const { client, origin } = await pass(on, get('/0'));
    for (let nth = 1; nth < 10; nth += 1)
      expect((await client.exchange(get(`/${nth}`))).status).toBe(200);
    expect(new Set(origin.requests.map(({ connectionId }) => connectionId)).size).toBe(1);
  });

  it('with close is closed after its answer, which says close too, and what follows is not read [9112-9.6-04] [9112-9.6-05] [9112-9.6-06] [9112-9.6-07]', async () => {
    const { client, answer, origin } = await pass(
      on,
      get('/1', 'Connection: close\r\n') + get('/2') + get('/3'),
    );
    expect(answer.fields.get('connection')).toEqual(['close']);
    expect(await client.readToEnd()).toHaveLength(0);
    expect(origin.requests.map(({ target }) => target)).toEqual(['/1']);
  });

  it('whose limit of requests is reached is told, closed, and what follows is not read [9112-9.6-01] [9112-9.6-07] [9112-9.6-08]', async () => {
    const { client, answer, origin } = await pass(on, get('/1') + get('/2') + get('/3'), {
      rest: { clients: { maxRequests: 2 } },
    });
    expect(answer.fields.has('connection')).toBe(false);
    expect((await client.readResponse()).fields.get('connection')).toEqual(['close']);
    expect(await client.readToEnd()).toHaveLength(0);
    expect(origin.requests.map(({ target }) => target)).toEqual(['/1', '/2']);
  });

  it('is told of a close with every refusal, and what follows is not read [9112-9.6-01] [9112-9.6-08]', async () => {
    const { client, answer, origin } = await pass(on, `GET / HTTP/1.1\r\n\r\n${get('/2')}`);
    expect([answer.status, answer.fields.get('connection')]).toEqual([400, ['close']]);
    expect(await client.readToEnd()).toHaveLength(0);
    expect(origin.requests).toEqual([]);
  });

  it('has its pipelined requests answered in the order in which they came, one upstream’s or another’s [9112-9.3.2-03]', async () => {
    const { client, answer } = await pass(
      on,
      Array.from({ length: 20 }, (_, nth) => get(`/${nth}`)).join(''),
      { answer: ({ target }, connection) => connection.write(response(target)) },
    );
    expect(answer.body.toString()).toBe('/0');
    for (let nth = 1; nth < 20; nth += 1)
      expect((await client.readResponse()).body.toString()).toBe(`/${nth}`);
  });

  it('whose upstream fails under pipelined requests has each of them answered by itself', async () => {
    const post = (path: string): string =>
      `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`;
    const { client, answer, origin } = await pass(on, post('/1') + post('/2') + post('/3'), {
      answer: ({ target }, connection) => {
        if (target === '/2') connection.reset();
        else connection.write(response(target));
      },
    });
    expect(answer.body.toString()).toBe('/1');
    const second = await client.readResponse();
    expect([second.status, second.fields.get('proxy-status')?.[0]]).toEqual([
      502,
      'sidepool; error=connection_terminated; details="sent-no-response"',
    ]);
    expect((await client.readResponse()).body.toString()).toBe('/3');
    expect(origin.requests.map(({ target }) => target)).toEqual(['/1', '/2', '/3']);
  });

  it('that is idle too long is closed by an end, not by a reset [9112-9.5-01]', async () => {
    const { client } = await pass(on, get(), { rest: { clients: { idleTimeout: '100ms' } } });
    expect(await client.readToEnd()).toHaveLength(0);
  });

  it('that its client closes while idle is closed at once [9112-9.5-02]', async () => {
    const { client, gateway } = await pass(on, get());
    client.fin();
    expect(await client.incomingEnd()).toBe('fin');
    await waitFor(() => gateway.openClients === 0);
  });

  it('whose client has ended its side still gets all its responses [9112-9.6-R2]', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    client.write(get('/1') + get('/2'));
    client.fin();
    for (const path of ['/1', '/2']) {
      const request = await origin.request(Number(path.slice(1)));
      expect(request.target).toBe(path);
      origin.connectionOf(request).write(response(path));
      expect((await client.readResponse()).body.toString()).toBe(path);
    }
    expect(await client.incomingEnd()).toBe('fin');
  });

  it('is closed in stages: its end first, then what still comes is read, so that no reset takes the answer away [9112-9.6-R1]', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin, {}, { limits: { body: '1KiB' } });
    const client = await on.client(gateway);
    client.stopReading();
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n');
    for (let nth = 0; nth < 10; nth += 1) {
      await new Promise((resolve) => client.socket.write(Buffer.alloc(10_000), resolve));
      await new Promise(setImmediate);
    }
    client.resumeReading();
    expect((await client.readResponse()).status).toBe(413);
    expect(await client.incomingEnd()).toBe('fin');
    client.fin();
    expect(await client.closed()).toBe('fin');
  });

  it('more of which come than the upstream bears wait, and none is dropped [9112-9.5-04] [9112-9.4-R1]', async () => {
    const origin = await on.origin({ onRequest: alwaysAnswer() });
    const gateway = await on.gateway(origin, { pool: { warm: 1, warmMax: 1, maxConnections: 1 } });
    const clients = await Promise.all(Array.from({ length: 20 }, () => on.client(gateway)));
    const answers = await Promise.all(clients.map((client) => client.exchange(get())));
    expect(answers.map(({ status }) => status)).toEqual(new Array(20).fill(200));
    expect(origin.connections).toHaveLength(1);
  });
});

describe('a response that comes before its request is whole', () => {
  const smuggled = get('/smuggled');
  const begin = `POST /real HTTP/1.1\r\nHost: a\r\nContent-Length: ${smuggled.length + 1_000}\r\n\r\n`;

  it('is relayed with a close, and the rest of the body is never read as a request, on either side [9112-9.3-05] [9110-10.1.1-10]', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin, streamed);
    const client = await on.client(gateway);
    client.write(begin);
    const far = await waitFor(() =>
      origin.connections.find(({ received }) => received.bytes.includes('/real')),
    );
    far.write(response('early', { status: '403 Forbidden' }));
    const answer = await client.readResponse();
    expect([answer.status, answer.fields.get('connection')]).toEqual([403, ['close']]);
    client.write('x'.repeat(1_000) + smuggled + get('/next'));
    expect(await client.readToEnd()).toHaveLength(0);
    // The upstream’s connection has seen part of a request: nothing follows on it.
    await far.incomingEnd();
    const other = await on.client(gateway);
    other.write(get('/other'));
    const request = await origin.request();
    expect([request.target, origin.requests.length]).toEqual(['/other', 1]);
    origin.connectionOf(request).write(response());
    expect((await other.readResponse()).status).toBe(200);
  });

  it('is read while the body still goes out, which goes on [9112-9.5-05] [9110-7.5-01]', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin, streamed);
    const client = await on.client(gateway);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123');
    const far = await waitFor(() =>
      origin.connections.find(({ received }) => received.bytes.includes('123')),
    );
    far.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc');
    await waitFor(() => client.received.bytes.includes('abc'));
    client.write('456789');
    await waitFor(() => far.received.bytes.includes('123456789'));
    far.write('def');
    expect((await client.readResponse()).body.toString()).toBe('abcdef');
  });

  it('and closes ends the sending: this side is closed too [9112-9.5-06]', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin, streamed);
    const client = await on.client(gateway);
    client.write(begin);
    const far = await waitFor(() =>
      origin.connections.find(({ received }) => received.bytes.includes('/real')),
    );
    far.write('HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    expect((await client.readResponse()).status).toBe(413);
    await far.incomingEnd();
    const seen = far.received.bytes.length;
    client.write('x'.repeat(500));
    expect(await client.incomingEnd()).toBe('fin');
    expect(far.received.bytes.length).toBe(seen);
  });
});

describe('a connection to the upstream', () => {
  const ok2 = 'Content-Length: 2\r\n\r\nok';
  const rows: readonly (readonly [string, answer: string, lives: boolean])[] = [
    ['lives in HTTP/1.1 without a word', `HTTP/1.1 200 OK\r\n${ok2}`, true],
    [
      'ends in HTTP/1.1 with close [9112-9.6-09] [9112-9.6-10]',
      `HTTP/1.1 200 OK\r\nConnection: close\r\n${ok2}`,
      false,
    ],
    [
      'ends in HTTP/1.1 with close among others [9112-9.6-09] [9112-9.6-10]',
      `HTTP/1.1 200 OK\r\nConnection: X-A, CLOSE\r\n${ok2}`,
      false,
    ],
    ['ends in HTTP/1.0 without a word', `HTTP/1.0 200 OK\r\n${ok2}`, false],
    [
      'lives in HTTP/1.0 with keep-alive',
      `HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n${ok2}`,
      true,
    ],
  ];
  for (const [name, answer, lives] of rows)
    it(`${name} [9112-9.3-R2]`, async () => {
      const { client, origin, gateway } = await pass(on, get(), { answer });
      await client.exchange(get());
      await gateway.settled();
      const [one, two] = origin.requests;
      expect(one?.connectionId === two?.connectionId).toBe(lives);
      if (!lives) await origin.connections[(one?.connectionId ?? 0) - 1]?.incomingEnd();
    });

  it('is used again only when its response was read to the end [9112-9.3-06]', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin, { pool: { warm: 1, warmMax: 1, maxConnections: 1 } });
    const [one, two] = [await on.client(gateway), await on.client(gateway)];
    one.write(get('/1'));
    const far = origin.connectionOf(await origin.request());
    far.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc');
    await waitFor(() => one.received.bytes.includes('abc'));
    two.write(get('/2'));
    await waitFor(() => gateway.upstreams[0]?.waiting === 1);
    expect(origin.requests).toHaveLength(1);
    far.write('def');
    expect((await one.readResponse()).body.toString()).toBe('abcdef');
    expect((await origin.request(2)).connectionId).toBe(far.id);
    far.write(response());
    expect((await two.readResponse()).status).toBe(200);
  });

  const strays: readonly (readonly [string, stray: string])[] = [
    ['a forged second response [9112-6.3-15]', response('forged')],
    ['octets that are none', 'garbage'],
    ['the body of a response to HEAD [9110-9.3.2-01]', ''],
  ];
  for (const [name, stray] of strays)
    it(`with ${name} behind a response is closed, and no client gets it [9112-9.2-03]`, async () => {
      const isHead = stray === '';
      const answer = isHead ? response('forged') : response('true') + stray;
      const first = isHead ? 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n' : get();
      const { client, origin, gateway } = await pass(on, first, {
        answer: ({ id }, connection) => connection.write(id === 1 ? answer : response('second')),
      });
      expect((await client.exchange(get())).body.toString()).toBe('second');
      expect(client.received.bytes.includes('forged')).toBe(false);
      expect(client.received.bytes.includes('garbage')).toBe(false);
      await gateway.settled();
      expect(gateway.told.closed).toContain('unexpected-bytes');
      expect(origin.requests.map(({ connectionId }) => connectionId)[1]).not.toBe(
        origin.requests[0]?.connectionId,
      );
    });

  it('that says something while it is idle is closed at once, and nobody gets it [9112-9.2-03] [9112-9.2-04] [9112-9.5-02]', async () => {
    const { client, origin, gateway } = await pass(on, get());
    await gateway.warm(1);
    const [far] = origin.connections;
    far?.write(response('forged'));
    await far?.incomingEnd();
    expect(gateway.told.closed).toEqual(['unexpected-bytes']);
    expect((await client.exchange(get())).body.toString()).toBe('ok');
  });

  it('that its peer closes while it is idle is closed at once [9112-9.5-02]', async () => {
    const { origin, gateway } = await pass(on, get());
    await gateway.warm(1);
    const [far] = origin.connections;
    far?.fin();
    await far?.closed();
    expect(gateway.told.closed).toEqual(['idle-closed-by-upstream']);
  });

  it('may close at any moment: a GET that crosses the close is sent again [9112-9.5-03]', async () => {
    const { client, origin } = await pass(on, get(), {
      answer: ({ id }, connection) => {
        if (id === 2) connection.fin();
        else connection.write(response(`answer ${id}`));
      },
    });
    expect((await client.exchange(get())).body.toString()).toBe('answer 3');
    expect(origin.requests).toHaveLength(3);
  });

  it('that is idle too long is closed by an end, not by a reset [9112-9.5-01]', async () => {
    const { origin } = await pass(on, get(), {
      upstream: { pool: { warm: 0, warmMax: 0, idleTimeout: '150ms' } },
    });
    expect(await origin.connections[0]?.incomingEnd()).toBe('fin');
  });

  it('carries the framed octets of requests and nothing besides [9112-2.2-05] [9112-2.2-03]', async () => {
    const { client, origin } = await pass(
      on,
      '\r\n\r\nPOST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi',
    );
    await client.exchange(`\r\n${get('/2')}`);
    const [far] = origin.connections.filter(({ requests }) => requests.length > 0);
    const host = new URL(origin.url).host;
    expect(far?.received.bytes.toString()).toBe(
      `POST /1 HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 2\r\n\r\nhi` +
        `GET /2 HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    );
  });
});

describe('a request whose connection ends before a byte of response', () => {
  const rows: readonly (readonly [string, method: string, sent: number])[] = [
    ['is sent again once, if it may be repeated [9110-9.2.2-01]', 'GET', 2],
    ['is not sent again: POST [9110-9.2.2-01] [9110-9.2.2-02]', 'POST', 1],
    ['is not sent again: PATCH [9110-9.2.2-02]', 'PATCH', 1],
    ['is not sent again: a method that nobody knows [9110-9.2.2-02]', 'FROB', 1],
    ['is not sent again: a method in small letters [9110-9.2.2-02] [9110-9.1-R1]', 'get', 1],
  ];
  for (const [name, method, sent] of rows)
    it(name, async () => {
      const { client, origin, answer } = await pass(on, get('/first'), {
        answer: ({ target }, connection: RawOriginConnection) => {
          if (target === '/first') connection.write(response());
          else connection.fin();
        },
      });
      expect(answer.status).toBe(200);
      const failed = await client.exchange(
        `${method} /again HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi`,
      );
      expect(failed.status).toBe(502);
      expect(origin.requests.filter(({ target }) => target === '/again')).toHaveLength(sent);
    });

  it('is not sent a third time [9110-9.2.2-03]', async () => {
    const { answer, origin } = await pass(on, get(), { answer: '', ends: true });
    expect(answer.status).toBe(502);
    expect(origin.requests.length).toBeLessThanOrEqual(2);
  });
});

describe('methods', () => {
  it('GET and HEAD work through a listener [9110-9.1-01]', async () => {
    for (const method of ['GET', 'HEAD']) {
      const { answer, request } = await pass(on, `${method} / HTTP/1.1\r\nHost: a\r\n\r\n`, {
        answer: method === 'GET' ? response('hello') : response('hello').slice(0, -5),
      });
      expect([answer.status, request?.method]).toEqual([200, method]);
      expect(answer.body.toString()).toBe(method === 'GET' ? 'hello' : '');
    }
  });

  it('are passed on letter by letter, known or not [9110-9.1-R1]', async () => {
    for (const method of ['gEt', 'PROPFIND', 'M-SEARCH', "!#$%&'*+-.^_`|~"]) {
      const { request } = await pass(on, `${method} / HTTP/1.1\r\nHost: a\r\n\r\n`);
      expect(request?.method).toBe(method);
    }
  });
});
