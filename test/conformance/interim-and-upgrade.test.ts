/** Interim responses, Expect, and switching protocols (RFC 9110 15.2, 10.1.1, 7.8). */
import { describe, expect, it } from 'vitest';
import { get, scene } from '../integration/faults/scene.ts';
import { response } from '../support/raw-origin.ts';
import { waitFor } from '../support/wait-for.ts';
import { expectRefused, namesOf, pass } from './seam.ts';

const on = scene();

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

describe('interim responses', () => {
  const interims =
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </b>\r\n\r\nHTTP/1.1 142 Unheard\r\nA: b\r\n\r\n';
  const origin = () =>
    on.origin({ onRequest: (_, connection) => connection.write(interims + response()) });

  it('reach an HTTP/1.1 client, known or not, however many, asked for or not [9110-15.2-02] [9110-15.2-04]', async () => {
    const gateway = await on.gateway(await origin());
    const client = await on.client(gateway);
    for (let round = 0; round < 2; round += 1) {
      client.write(get());
      const seen = [];
      for (let nth = 0; nth < 5; nth += 1) {
        const answer = await client.readResponse();
        seen.push([answer.status, ...namesOf(answer.rawHead).filter((name) => name !== 'Date')]);
      }
      expect(seen).toEqual([
        [103, 'Link'],
        [102],
        [103, 'Link'],
        [142, 'A'],
        [200, 'Content-Length'],
      ]);
    }
  });

  it('never reach an HTTP/1.0 client, the gateway’s own neither [9110-15.2-01]', async () => {
    const gateway = await on.gateway(await origin());
    for (const fields of ['', 'Expect: 100-continue\r\nContent-Length: 2\r\n']) {
      const client = await on.client(gateway);
      client.write(`POST / HTTP/1.0\r\n${fields}\r\n${fields === '' ? '' : 'hi'}`);
      expect((await client.readToEnd()).toString()).toMatch(/^HTTP\/1\.1 200 /);
    }
  });

  it('do not take the turn of the final one: the next request has its own answer [9112-9.2-02]', async () => {
    const { client } = await pass(on, get('/1'), {
      answer: ({ target }, connection) => connection.write(interims + response(target)),
    });
    expect((await client.exchange(get('/2'))).body.toString()).toBe('/2');
  });
});

describe('Expect: 100-continue', () => {
  const head = (version = '1.1', fields = ''): string =>
    `POST / HTTP/${version}\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n${fields}\r\n`;

  it('the head goes on before there is any body, and the origin’s 100 comes back, then its answer [9110-10.1.1-13] [9110-10.1.1-11] [9110-10.1.1-12] [9110-10.1.1-09]', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    client.write(head());
    const far = await waitFor(() =>
      origin.connections.find(({ received }) => received.bytes.includes('\r\n\r\n')),
    );
    expect(await far.head()).toContain('\r\nExpect: 100-continue\r\n');
    far.write(CONTINUE);
    expect((await client.readResponse()).status).toBe(100);
    client.write('hello');
    expect((await far.request()).body.toString()).toBe('hello');
    far.write(response());
    expect((await client.readResponse()).status).toBe(200);
  });

  it('a final answer instead of the 100 is relayed, with a close, and the body is not asked for [9110-10.1.1-10] [9110-10.1.1-11]', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    client.write(head());
    const far = await waitFor(() =>
      origin.connections.find(({ received }) => received.bytes.includes('\r\n\r\n')),
    );
    far.write(response('no', { status: '401 Unauthorized' }));
    const answer = await client.readResponse();
    expect([answer.status, answer.fields.get('connection')]).toEqual([401, ['close']]);
  });

  it('from an origin that never says 100, the body goes on when the client sends it [9110-10.1.1-04] [9110-10.1.1-05]', async () => {
    const { answer, request } = await pass(on, `${head()}hello`);
    expect([answer.status, request?.body.toString()]).toEqual([200, 'hello']);
  });

  it('of HTTP/1.0 is ignored: neither passed on nor answered [9110-10.1.1-07]', async () => {
    const { answer, client, request } = await pass(on, `${head('1.0')}hello`);
    expect(answer.status).toBe(200);
    expect(request?.fields.has('expect')).toBe(false);
    expect(client.received.bytes.includes('100 Continue')).toBe(false);
  });

  it('of a request without content goes no further, and is not answered [9110-10.1.1-02] [9110-10.1.1-08]', async () => {
    const { client, request } = await pass(on, get('/', 'Expect: 100-continue\r\n'));
    expect(request?.fields.has('expect')).toBe(false);
    expect(client.received.bytes.includes('100 Continue')).toBe(false);
  });

  it('for an upstream of HTTP/1.0 is answered here: the body has to be counted first [9110-10.1.1-14] [9110-10.1.1-12] [9110-10.1.1-09]', async () => {
    const { client, origin } = await pass(on, get(), {
      answer: (_, connection) =>
        connection.write(
          'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok',
        ),
    });
    client.write(
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n',
    );
    expect((await client.readResponse()).status).toBe(100);
    client.write('5\r\nhello\r\n0\r\n\r\n');
    expect((await client.readResponse()).status).toBe(200);
    expect(origin.requests[1]?.body.toString()).toBe('hello');
    expect(origin.requests[1]?.fields.has('expect')).toBe(false);
  });

  it('any other expectation is refused: 417 [9110-10.1.1-01]', async () => {
    await expectRefused(
      on,
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 200-ok\r\n\r\nhi',
      417,
    );
  });
});

describe('an upgrade', () => {
  const ask = (fields = '', line = 'GET /ws HTTP/1.1'): string =>
    `${line}\r\nHost: a\r\nConnection: Upgrade\r\n${fields}\r\n`;
  const switched = (protocol = 'websocket'): string =>
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;

  it('to websocket is offered to the upstream, and its 101 names it to the client [9110-7.8-01] [9110-7.8-04] [9110-7.8-09] [9110-15.2.2-01]', async () => {
    const { answer, request } = await pass(on, ask('Upgrade: websocket\r\n'), {
      answer: switched(),
    });
    expect(request?.fields.get('upgrade')).toEqual(['websocket']);
    expect(request?.fields.get('connection')).toEqual(['upgrade']);
    expect(answer.status).toBe(101);
    expect(answer.fields.get('upgrade')).toEqual(['websocket']);
    expect(answer.fields.get('connection')).toEqual(['Upgrade']);
  });

  it('is known in any case, on either side [9110-7.8-03]', async () => {
    const { answer } = await pass(on, ask('Upgrade: WebSocket\r\n'), {
      answer: switched('WEBSOCKET'),
    });
    expect(answer.status).toBe(101);
  });

  it('to anything that is not allowed is ignored: h2c, TLS, the unknown [9110-7.8-02]', async () => {
    const { answer, request } = await pass(on, ask('Upgrade: h2c, TLS/1.3, odd\r\n'));
    expect(answer.status).toBe(200);
    expect(request?.fields.has('upgrade')).toBe(false);
    expect(request?.fields.has('connection')).toBe(false);
  });

  it('that Connection does not name is none [9110-7.8-09]', async () => {
    const { request } = await pass(on, get('/', 'Upgrade: websocket\r\n'));
    expect(request?.fields.has('upgrade')).toBe(false);
  });

  const refused: readonly (readonly [string, request: string, protocol: string])[] = [
    ['that nobody asked for', get(), 'websocket'],
    ['to what the client did not offer', ask('Upgrade: websocket\r\n'), 'h2c'],
    ['to several at once', ask('Upgrade: websocket\r\n'), 'websocket, h2c'],
  ];
  for (const [name, request, protocol] of refused)
    it(`${name} is refused: 502, and no tunnel [9110-7.8-06]`, async () => {
      const { answer, gateway } = await pass(on, request, { answer: switched(protocol) });
      expect(answer.status).toBe(502);
      expect(answer.fields.get('proxy-status')?.[0]).toContain('error=http_upgrade_failed');
      await gateway.settled();
    });

  it('of a request with a body is not offered: the new protocol could not honour it [9110-7.8-08]', async () => {
    const { answer, request } = await pass(
      on,
      `${ask('Upgrade: websocket\r\nContent-Length: 2\r\n', 'POST / HTTP/1.1')}hi`,
    );
    expect([answer.status, request?.body.toString()]).toEqual([200, 'hi']);
    expect(request?.fields.has('upgrade')).toBe(false);
  });

  it('of HTTP/1.0 is ignored [9110-7.8-10]', async () => {
    const { answer, request } = await pass(
      on,
      ask('Upgrade: websocket\r\nConnection: keep-alive\r\n', 'GET / HTTP/1.0'),
    );
    expect(answer.status).toBe(200);
    expect(request?.fields.has('upgrade')).toBe(false);
  });

  it('with an expectation of 100 is told 100 first, then 101 [9110-7.8-11]', async () => {
    const origin = await on.origin({ onRequest: (_, connection) => connection.write(switched()) });
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    client.write(ask('Upgrade: websocket\r\nExpect: 100-continue\r\n'));
    expect((await client.readResponse()).status).toBe(100);
    expect((await client.readResponse()).status).toBe(101);
  });

  it('that is required and missing is answered 426, with what is asked for, the most wanted first [9110-7.8-07] [9110-7.8-09] [9110-15.5.22-01]', async () => {
    const { answer, origin } = await pass(on, get(), {
      upstream: { requireUpgrade: true, upgrades: ['websocket', 'odd'] },
    });
    expect(answer.status).toBe(426);
    expect(answer.fields.get('upgrade')).toEqual(['websocket, odd']);
    expect(answer.fields.get('connection')?.[0]).toMatch(/^upgrade/);
    expect(origin.requests).toEqual([]);
  });

  it('that the upstream demands is demanded of the client, with what it asks for [9110-15.5.22-R1] [9110-7.8-09]', async () => {
    const { answer, client, gateway } = await pass(on, get(), {
      answer: response('upgrade first', {
        status: '426 Upgrade Required',
        fields: { Connection: 'upgrade', Upgrade: 'websocket, x/1' },
      }),
    });
    expect(answer.status).toBe(426);
    expect(answer.fields.get('upgrade')).toEqual(['websocket, x/1']);
    expect(answer.fields.get('connection')).toEqual(['Upgrade']);
    expect((await client.exchange(get())).status).toBe(426);
    await gateway.settled();
    expect(gateway.told.closed).toEqual([]);
  });

  for (const ends of ['client', 'upstream'] as const)
    it(`whose ${ends} closes: what it had sent is delivered, then the other side is closed too [9110-9.3.6-04] [9110-9.3.6-05]`, async () => {
      const origin = await on.origin({ onRequest: (_, far) => far.write(switched()) });
      const gateway = await on.gateway(origin);
      const client = await on.client(gateway);
      client.write(ask('Upgrade: websocket\r\n'));
      expect((await client.readResponse()).status).toBe(101);
      const far = origin.connectionOf(await origin.request());
      const last = Buffer.alloc(300_000, 'z');
      if (ends === 'client') {
        client.write(last);
        client.fin();
        await waitFor(() => far.received.bytes.length >= last.length);
        expect(await far.incomingEnd()).toBe('fin');
        far.fin();
        expect(await client.incomingEnd()).toBe('fin');
      } else {
        far.fin(last);
        expect((await client.readToEnd()).length).toBe(last.length);
        client.fin();
        expect(await far.closed()).toBe('fin');
      }
    });
});
