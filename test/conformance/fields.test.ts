/** Fields on their way through, both ways: what goes on, what stays behind, what is added (RFC 9110 5 to 14). */
import { describe, expect, it } from 'vitest';
import { get, scene } from '../integration/faults/scene.ts';
import { response } from '../support/raw-origin.ts';
import { namesOf, pass } from './seam.ts';

const on = scene();

const date = 'Thu, 01 Jan 2026 00:00:00 GMT';

describe('end-to-end fields go on as they came, both ways', () => {
  const rows: readonly (readonly [name: string, line: string])[] = [
    ['unknown ones [9110-5.1-01] [9110-5.1-02]', 'X-Unheard-Of: \xe4, "b" ; c'],
    ['names in their case [9110-5.1-01]', 'x-MIXED-Case: 1'],
    ['Server and User-Agent [9110-7.7-05]', 'Server: x/1 (y)'],
    ['User-Agent [9110-7.7-05]', 'User-Agent: curl/8.0 (x) y/2'],
    ['ETag [9110-7.7-05]', 'ETag: W/"a\\b"'],
    ['Last-Modified [9110-7.7-05]', 'Last-Modified: Thursday, 01-Jan-26 00:00:00 GMT'],
    ['Content-Type [9110-7.7-05]', 'Content-Type: text/plain;charset=UTF-8'],
    ['Content-Encoding [9110-7.7-05] [9110-7.7-04]', 'Content-Encoding: x-odd, gzip'],
    ['Allow, with methods that nobody knows [9110-10.2.1-02]', 'Allow: GET,PURGE, get'],
    ['WWW-Authenticate [9110-11.6.1-02]', 'WWW-Authenticate: Basic realm="a", Odd x="y, z"'],
    ['Authorization [9110-11.6.2-01]', 'Authorization: Bearer a.b-c=='],
    ['Referer, of the same host too [9110-10.1.3-05]', 'Referer: http://a/page?x'],
    ['conditions [9110-13.2.1-02]', 'If-None-Match: "x", W/"y"'],
    ['conditions by date [9110-13.2.1-02]', 'If-Unmodified-Since: Thu, 01 Jan 2026 00:00:00 GMT'],
    ['Range of an unknown unit [9110-5.1-01]', 'Range: apples=1-2'],
    ['Content-Range of an unknown unit [9110-14.4-01]', 'Content-Range: apples 1-2/9'],
    ['Proxy-Status that others have set [9209-2-02]', 'Proxy-Status: edge; error=dns_error, cdn'],
    ['Via that others have set [9110-7.6.3-10] [9110-7.6.3-11]', 'Via: 1.0 a, 1.0 b, 1.1 c (d)'],
    ['Vary [9110-12.5.5-01]', 'Vary: Accept-Encoding'],
  ];
  for (const [name, line] of rows)
    it(name, async () => {
      const { answer, request } = await pass(on, get('/', `${line}\r\n`), {
        answer: `HTTP/1.1 206 Partial\r\n${line}\r\nDate: ${date}\r\nContent-Length: 0\r\n\r\n`,
      });
      expect(request?.rawHead).toContain(`\r\n${line}\r\n`);
      expect(answer.rawHead).toBe(
        `HTTP/1.1 206 Partial\r\n${line}\r\nDate: ${date}\r\nContent-Length: 0\r\n\r\n`,
      );
    });

  it('lines of one name in their order, never joined [9110-5.3-01] [9110-5.3-02]', async () => {
    const lines = 'X: 1\r\nSet-Cookie: a=1\r\nX: 2\r\nset-cookie: b=2\r\nx: 3\r\n';
    const { answer, request } = await pass(on, get('/', lines), {
      answer: `HTTP/1.1 200 OK\r\n${lines}Date: ${date}\r\nContent-Length: 0\r\n\r\n`,
    });
    for (const head of [request?.rawHead, answer.rawHead]) expect(head).toContain(lines);
  });

  it('content that must not be transformed, and any other, octet by octet [9110-7.7-04]', async () => {
    const content = Buffer.from(Array.from({ length: 5_000 }, (_, nth) => (nth * 7) % 256));
    const text = content.toString('latin1');
    const { answer } = await pass(on, get(), {
      answer: `HTTP/1.1 200 OK\r\nCache-Control: no-transform\r\nContent-Length: ${content.length}\r\n\r\n${text}`,
    });
    expect(answer.body.equals(content)).toBe(true);
    expect(answer.fields.get('cache-control')).toEqual(['no-transform']);
  });

  it('conditions are not judged here: the upstream’s answer is the client’s [9110-13.2.1-01]', async () => {
    const conditions =
      'If-Match: "a"\r\nIf-None-Match: *\r\nIf-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT\r\nIf-Range: "b"\r\nRange: bytes=0-1\r\n';
    const { answer, request } = await pass(on, get('/', conditions), {
      answer: response('whole', { fields: { ETag: '"c"', 'Last-Modified': date } }),
    });
    expect([answer.status, answer.body.toString()]).toEqual([200, 'whole']);
    expect(request?.rawHead).toContain(conditions);
  });

  it('what one request on a client connection carried is not in the next [9110-3.3-01]', async () => {
    const { client, origin } = await pass(
      on,
      get('/1', 'Authorization: Basic one\r\nCookie: user=1\r\n'),
    );
    await client.exchange(get('/2', 'Cookie: user=2\r\n'));
    await client.exchange(get('/3'));
    expect(origin.requests.map(({ rawHead }) => namesOf(rawHead))).toEqual([
      ['Host', 'Authorization', 'Cookie'],
      ['Host', 'Cookie'],
      ['Host'],
    ]);
    expect(origin.requests[1]?.fields.get('cookie')).toEqual(['user=2']);
  });
});

describe('fields of one hop stay behind', () => {
  const hop =
    'Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: gzip\r\nUpgrade: h2c\r\nProxy-Authorization: Basic x\r\nProxy-Authenticate: Basic\r\n';

  it('named or not, both ways [9110-7.6-01] [9110-7.6-02] [9110-7.6.1-03] [9110-7.6.1-04] [9110-11.7.2-01]', async () => {
    const { answer, request } = await pass(on, get('/', `${hop}Connection: keep-alive\r\n`), {
      answer: `HTTP/1.1 200 OK\r\n${hop}Connection: keep-alive\r\nDate: ${date}\r\nContent-Length: 0\r\n\r\n`,
    });
    expect(namesOf(request?.rawHead ?? '')).toEqual(['Host']);
    expect(namesOf(answer.rawHead)).toEqual(['Date', 'Content-Length']);
  });

  it('and so do all that Connection names, over all its lines, in any case, with empty members between, in trailers too [9110-7.6-01] [9110-7.6.1-02] [9110-7.6.1-03] [9110-5.6.1.2-01]', async () => {
    const named =
      'X-One: 1\r\nConnection: , x-ONE ,,\r\nX-Two: 2\r\nx-one: 3\r\nX-End: 4\r\nCONNECTION: keep-alive,\tX-Two , X-Sum\r\n';
    const body = '2\r\nhi\r\n0\r\nX-Sum: 1\r\nX-Kept: 2\r\n\r\n';
    const { answer, request } = await pass(
      on,
      `POST / HTTP/1.1\r\nHost: a\r\n${named}Transfer-Encoding: chunked\r\n\r\n${body}`,
      {
        answer: `HTTP/1.1 200 OK\r\n${named}Date: ${date}\r\nTransfer-Encoding: chunked\r\n\r\n${body}`,
      },
    );
    expect(namesOf(request?.rawHead ?? '')).toEqual(['Host', 'X-End', 'Transfer-Encoding']);
    expect(namesOf(answer.rawHead)).toEqual(['X-End', 'Date', 'Transfer-Encoding']);
    expect([...(request?.trailers ?? [])]).toEqual([['x-kept', ['2']]]);
    expect([...answer.trailers]).toEqual([['x-kept', ['2']]]);
  });

  it('a close that came with a request closes this connection alone [9110-7.6.1-R1] [9110-7.6.1-03]', async () => {
    const { answer, request, gateway } = await pass(on, get('/', 'Connection: close\r\n'));
    expect(answer.fields.get('connection')).toEqual(['close']);
    expect(request?.fields.has('connection')).toBe(false);
    await gateway.settled();
    expect(gateway.told.closed).toEqual([]);
  });

  it('a close that came with a response closes that connection alone [9110-7.6.1-R1] [9110-7.6.1-03]', async () => {
    const { answer, client, gateway } = await pass(on, get(), {
      answer: response('ok', { fields: { Connection: 'close' } }),
    });
    expect(answer.fields.has('connection')).toBe(false);
    expect((await client.exchange(get())).status).toBe(200);
    await gateway.settled();
    expect(gateway.told.closed).toEqual(['not-reusable', 'not-reusable']);
  });

  it('naming what gives a request its meaning is refused: Host, Content-Length, Transfer-Encoding, Expect', async () => {
    for (const name of ['host', 'Content-Length', 'TRANSFER-ENCODING', 'Expect']) {
      const { answer, origin } = await pass(
        on,
        `POST / HTTP/1.1\r\nHost: a\r\nConnection: close, ${name}\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi`,
      );
      expect([name, answer.status]).toEqual([name, 400]);
      expect(origin.requests).toEqual([]);
    }
  });

  it('a response may name Transfer-Encoding, as some servers do: it is of one hop anyway [9110-7.6.1-02]', async () => {
    const { answer } = await pass(on, get(), {
      answer: `HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nConnection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
    });
    expect([answer.status, answer.body.toString()]).toEqual([200, 'ok']);
    expect(answer.fields.has('connection')).toBe(false);
  });
});

describe('what the gateway says of its own hop', () => {
  it('names TE and Upgrade in Connection, and nothing else there [9110-7.6.1-01] [9110-7.6.1-05] [9110-10.1.4-01] [9112-7.4-01] [9112-7.4-02] [9110-7.8-09] [9110-5.6.1.1-01]', async () => {
    const asked =
      'Connection: ,upgrade,, te ,X-Hop\r\nTE: chunked, trailers;q=1, trailers\r\nUpgrade: ,websocket,\r\nX-Hop: 1\r\nCache-Control: no-store\r\n';
    const { request } = await pass(on, get('/', asked));
    expect(request?.fields.get('connection')).toEqual(['upgrade, TE']);
    expect(request?.fields.get('te')).toEqual(['trailers']);
    expect(request?.fields.get('upgrade')).toEqual(['websocket']);
    expect(request?.fields.get('cache-control')).toEqual(['no-store']);
    expect(request?.fields.has('x-hop')).toBe(false);
  });

  it('names Keep-Alive in Connection [9110-7.6.1-01] [9110-7.6.1-05]', async () => {
    const { answer } = await pass(on, 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    expect(answer.fields.get('keep-alive')?.[0]).toMatch(/^timeout=\d+(?:, max=\d+)?$/);
    expect(answer.fields.get('connection')).toEqual(['keep-alive']);
  });

  it('is written with one space behind each colon and none elsewhere that nobody asked for [9110-5.6.3-01] [9110-5.6.3-02] [9110-5.6.3-03] [9110-5.6.3-05] [9112-2.2-08]', async () => {
    const upstream = { via: 'sidepool', headers: { set: { 'X-Team': 'shop' } } };
    const { request, answer } = await pass(
      on,
      'POST / HTTP/1.0\r\nHost:a\r\nConnection:keep-alive\r\nContent-Length:2\r\n\r\nhi',
      {
        upstream,
        answer: 'HTTP/1.1 200 OK\r\nTransfer-Encoding:chunked\r\n\r\n1;a = b\r\nx\r\n0\r\n\r\n',
      },
    );
    const lines = [...linesOf(request?.rawHead), ...linesOf(answer.rawHead)];
    expect(lines.filter((line) => !/^[!-9;-~]+: [!-~]+(?: [!-~]+)*$/.test(line))).toEqual([]);
    expect(request?.fields.get('via')).toEqual(['1.0 sidepool']);
  });

  it('is never a product name: neither Server nor User-Agent is added [9110-10.1.5-02] [9110-10.1.5-03] [9110-10.1.5-04] [9110-10.2.4-01] [9110-10.2.4-02]', async () => {
    const { request, client } = await pass(on, get());
    expect(namesOf(request?.rawHead ?? '')).toEqual(['Host']);
    const own = await client.exchange('GET http://foreign/ HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(own.status).toBe(421);
    expect(own.fields.has('server')).toBe(false);
  });

  it('replaces a field where configuration sets it, and never stands beside it [9110-5.3-03]', async () => {
    const { request } = await pass(on, get('/', 'x-team: client\r\nX-Team: again\r\n'), {
      upstream: { headers: { set: { 'X-Team': 'shop' } } },
    });
    expect(request?.rawHead.match(/^x-team.*$/gim)).toEqual(['X-Team: shop']);
  });
});

describe('Via', () => {
  it('tells the version that was received, behind those of others, where it is switched on [9110-7.6.3-02] [9110-7.6.3-04] [9110-7.6.3-10] [9110-7.6.3-11]', async () => {
    for (const version of ['1.0', '1.1']) {
      const { request } = await pass(
        on,
        `GET / HTTP/${version}\r\nHost: a\r\nVia: 1.1 edge, 1.1 b\r\n\r\n`,
        { upstream: { via: 'sidepool' } },
      );
      expect(request?.fields.get('via')).toEqual(['1.1 edge, 1.1 b', `${version} sidepool`]);
    }
  });

  it('is not added unless it is switched on', async () => {
    const { request } = await pass(on, get());
    expect(request?.fields.has('via')).toBe(false);
  });
});

describe('Date', () => {
  it('of the arrival is added to a response that has none [9110-6.6.1-05] [9110-6.6.1-01] [9110-5.6.7-02] [9110-5.6.7-03]', async () => {
    const before = Math.floor(Date.now() / 1000) * 1000;
    const { answer } = await pass(on, get());
    const [told = ''] = answer.fields.get('date') ?? [];
    expect(told).toMatch(/^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/);
    expect(Date.parse(told)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(told)).toBeLessThanOrEqual(Date.now());
  });

  it('that a response has stays as it is, readable or not [9110-6.6.1-05] [9110-6.6.1-06]', async () => {
    for (const told of [date, 'yesterday']) {
      const { answer } = await pass(on, get(), {
        answer: response('ok', { fields: { Date: told } }),
      });
      expect(answer.fields.get('date')).toEqual([told]);
    }
  });

  it('is in answers of the gateway’s own: 2xx, 4xx and 5xx [9110-6.6.1-01] [9110-6.6.1-02] [9110-6.6.1-03]', async () => {
    const { client } = await pass(on, get(), { answer: 'nothing like HTTP' });
    const own = {
      '200': 'OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n',
      '421': 'GET http://foreign/ HTTP/1.1\r\nHost: a\r\n\r\n',
      '502': get(),
    };
    for (const [status, request] of Object.entries(own)) {
      const answer = await client.exchange(request);
      expect(String(answer.status)).toBe(status);
      const atMs = Date.parse(answer.fields.get('date')?.[0] ?? '');
      expect(Math.abs(Date.now() - atMs)).toBeLessThan(60_000);
    }
  });
});

function linesOf(rawHead = ''): string[] {
  return rawHead.slice(0, -4).split('\r\n').slice(1);
}
