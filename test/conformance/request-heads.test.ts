/** Request heads: what is refused, with nothing forwarded and the connection closed, and what is taken (RFC 9112 2, 3, 5). */
import { describe, expect, it } from 'vitest';
import { get, scene } from '../integration/faults/scene.ts';
import { response } from '../support/raw-origin.ts';
import { expectRefused, namesOf, pass } from './seam.ts';

const on = scene();

/** Name with tags, request, and the status unless it is 400. */
type Refused = readonly [name: string, request: string, status?: number];

function refuses(rows: readonly Refused[]): void {
  for (const [name, request, status = 400] of rows)
    it(name, async () => {
      await expectRefused(on, request, status);
    });
}

const post = (fields: string, body = ''): string =>
  `POST / HTTP/1.1\r\nHost: a\r\n${fields}\r\n${body}`;

describe('a request line is refused', () => {
  refuses([
    ['that ends in LF alone [9112-11.2-R2] [9112-2.2-10]', 'GET / HTTP/1.1\nHost: a\r\n\r\n'],
    ['with a bare CR [9112-2.2-04]', 'GET /a\rb HTTP/1.1\r\nHost: a\r\n\r\n'],
    [
      'with two spaces before the target [9112-11.2-R5] [9112-3.2-02]',
      'GET  / HTTP/1.1\r\nHost: a\r\n\r\n',
    ],
    [
      'with two spaces before the version [9112-11.2-R5] [9112-3.2-02]',
      'GET /  HTTP/1.1\r\nHost: a\r\n\r\n',
    ],
    ['with a tab for a space [9112-11.2-R5]', 'GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['with a space behind the version [9112-11.2-R5]', 'GET / HTTP/1.1 \r\nHost: a\r\n\r\n'],
    ['with a space in front [9112-11.2-R5]', ' GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['with a space in the target [9112-3.2-01]', 'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['without a version [9112-2.2-10]', 'GET /\r\n\r\n'],
    ['that is no HTTP [9112-2.2-10]', 'EHLO mail.example\r\n\r\n'],
    [
      'with a method longer than any: 501 [9112-3-02]',
      `${'M'.repeat(33)} / HTTP/1.1\r\nHost: a\r\n\r\n`,
      501,
    ],
    [
      'with a target over the limit: 414 [9112-3-03]',
      `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
      414,
    ],
    ['of another major version: 505 [9110-15.6.6-R1]', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 505],
  ]);

  it('of another major version, with why and what is spoken [9110-15.6.6-01]', async () => {
    const { answer } = await pass(on, 'GET / HTTP/3.0\r\nHost: a\r\n\r\n');
    expect(answer.status).toBe(505);
    expect(answer.body.toString()).toMatch(/HTTP\/3 is not spoken.*HTTP\/1\.1 or HTTP\/1\.0/);
  });
});

describe('a target is refused', () => {
  const target = (text: string): string => `GET ${text} HTTP/1.1\r\nHost: a\r\n\r\n`;
  refuses([
    ['with a percent-encoded NUL in its path [9112-11.2-R8]', target('/a%00b')],
    ['with a percent-encoded NUL in its query [9112-11.2-R8]', target('/a?b=%00')],
    ['with a percent-encoded LF in its path [9112-11.2-R8]', target('/a%0ab')],
    ['with a percent-encoded CR in its path [9112-11.2-R8]', target('/a%0Db?c')],
    ['with a percent-encoded NUL in absolute form [9112-11.2-R8]', target('http://a/?%00')],
    ['with a percent-encoded LF in absolute form [9112-11.2-R8]', target('http://a/%0A')],
    ['with a percent-encoded NUL in its host [9112-11.2-R8]', target('http://a%00b/')],
    ['with a fragment [9112-11.2-R9]', target('/a#b')],
    ['with a fragment in absolute form [9112-11.2-R9]', target('http://a/#b')],
    ['with a backslash [9112-11.2-R9]', target('/a\\b')],
    ['with a backslash behind a host [9112-11.2-R9]', target('http://a\\b/')],
    ['with a control octet [9112-2.2-10]', target('/a\x01b')],
    ['with user information [9110-4.2.4-02]', target('http://user:secret@a/')],
    ['with a host that is empty [9110-4.2.1-02]', target('http:///path')],
    ['with a port and no host [9110-4.2.1-02]', target('http://:80/')],
    ['of https with a host that is empty [9110-4.2.2-02]', target('https:///path')],
    ['"*" with GET [9110-7.1-01]', target('*')],
    ['that is a host and port with GET [9110-7.1-01]', target('a:80')],
    ['without a slash in front [9112-3.2-01]', target('a/b')],
    ['of https on a plain listener: 421 [9110-7.4-01] [9110-7.4-02]', target('https://a/'), 421],
    ['of CONNECT without a port [9110-9.3.6-02]', 'CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['of CONNECT with an empty port [9110-9.3.6-02]', 'CONNECT a: HTTP/1.1\r\nHost: a\r\n\r\n'],
    [
      'of CONNECT with a port out of range [9110-9.3.6-02]',
      'CONNECT a:70000 HTTP/1.1\r\nHost: a\r\n\r\n',
    ],
    [
      'of CONNECT to a host and port: 501 [9110-9.3.6-03]',
      'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n',
      501,
    ],
  ]);
});

describe('Host is refused', () => {
  const host = (value: string): string => `GET / HTTP/1.1\r\nHost: ${value}\r\n\r\n`;
  refuses([
    ['that is missing [9112-3.2-06]', 'GET / HTTP/1.1\r\nX: a\r\n\r\n'],
    [
      'that is missing beside an absolute target [9112-3.2-06]',
      'GET http://a/ HTTP/1.1\r\nX: a\r\n\r\n',
    ],
    ['that is there twice [9112-3.2-07]', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
    [
      'that is there twice with the same value [9112-3.2-07]',
      'GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nhOST: a\r\n\r\n',
    ],
    [
      'that is there twice in HTTP/1.0 [9112-3.2-07]',
      'GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n',
    ],
    [
      'that is there twice beside an absolute target [9112-3.2-07]',
      'GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n',
    ],
    ['that is a list [9112-3.2-08]', host('a, b')],
    ['with a path [9112-3.2-08]', host('a/b')],
    ['with a bad port [9112-3.2-08]', host('a:8o')],
    ['with a bad port in HTTP/1.0 [9112-3.2-08]', 'GET / HTTP/1.0\r\nHost: a:b\r\n\r\n'],
    ['with white space in it [9112-3.2-08]', host('a b')],
    ['with user information [9112-11.2-R10] [9112-3.2-08] [9110-4.2.4-02]', host('user@a')],
    ['with an empty user [9112-11.2-R10]', host('@a')],
  ]);
});

describe('a field line is refused', () => {
  refuses([
    ['with a space before its colon [9112-5.1-01]', get('/', 'X : y\r\n')],
    [
      'with a tab before the colon of a length [9112-5.1-01]',
      post('Content-Length\t: 2\r\n', 'hi'),
    ],
    ['that is folded [9112-11.2-R6] [9112-5.2-02] [9112-5.2-01]', get('/', 'X: a\r\n b\r\n')],
    ['that is folded by a tab [9112-11.2-R6] [9112-5.2-02]', get('/', 'X: a\r\n\tb\r\n')],
    [
      'that hides a coding in a fold [9112-11.2-R6]',
      post('Transfer-Encoding:\r\n chunked\r\n', '0\r\n\r\n'),
    ],
    [
      'that begins with white space right behind the request line [9112-2.2-09]',
      'GET / HTTP/1.1\r\n X: y\r\nHost: a\r\n\r\n',
    ],
    ['that ends in LF alone [9112-11.2-R2]', 'GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n'],
    ['with an empty line of LF alone [9112-11.2-R2]', 'GET / HTTP/1.1\r\nHost: a\r\n\n'],
    ['with a bare CR in its value [9112-2.2-04] [9110-5.5-03]', get('/', 'X: a\rb\r\n')],
    ['with NUL in its value [9110-5.5-03]', get('/', 'X: a\0b\r\n')],
    ['with another control octet in its value [9110-5.5-04]', get('/', 'X: a\x0bb\r\n')],
    ['with NUL in its name [9110-5.5-03]', get('/', 'X\0: a\r\n')],
    ['without a colon [9112-2.2-10]', get('/', 'abc\r\n')],
    ['without a name [9112-2.2-10]', get('/', ': a\r\n')],
    [
      'when there are too many: 431 [9110-5.4-01] [6585-5-R1]',
      get('/', 'X: y\r\n'.repeat(120)),
      431,
    ],
    [
      'when all together are too long: 431 [9110-5.4-01] [6585-5-R1]',
      get('/', `X: ${'y'.repeat(40_000)}\r\n`),
      431,
    ],
  ]);
});

it('a field that alone is too long is named in the 431 [6585-5-01]', async () => {
  const cookie = `Cookie: ${'a=b; '.repeat(8_000)}\r\n`;
  for (const rest of ['', 'X: y\r\n', '\r\n']) {
    const origin = await on.origin();
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    client.write(`GET / HTTP/1.1\r\nHost: a\r\n${cookie}${rest}`);
    const answer = await client.readResponse();
    expect(answer.status).toBe(431);
    expect(answer.body.toString()).toContain('most of it in Cookie');
  }
  // Nor is one blamed where all are small.
  const { answer } = await pass(on, get('/', `${'X: '}${'y'.repeat(500)}\r\n`.repeat(90)));
  expect(answer.body.toString()).toMatch(/longer than 32768 octets\n/);
});

describe('a request is taken', () => {
  it('behind one empty line, and behind some more [9112-2.2-07]', async () => {
    const { client, answer } = await pass(on, `\r\n${get('/1')}`);
    expect(answer.status).toBe(200);
    expect((await client.exchange(`\r\n\r\n${get('/2')}`)).status).toBe(200);
  });

  it('with a target of 8000 octets and more, which goes on as it is [9110-4.1-01] [9112-3-04]', async () => {
    const target = `/${'a'.repeat(12_000)}?b`;
    const { request } = await pass(on, get(target));
    expect(request?.target).toBe(target);
  });

  it('with a field of 8000 octets and more that holds a URI, both ways [9110-4.1-01]', async () => {
    const uri = `http://a.example/${'a'.repeat(12_000)}`;
    const { request, answer } = await pass(on, get('/', `Referer: ${uri}\r\n`), {
      answer: response('ok', { fields: { Location: uri } }),
    });
    expect(request?.fields.get('referer')).toEqual([uri]);
    expect(answer.fields.get('location')).toEqual([uri]);
  });

  it('of a higher minor version, and goes on as HTTP/1.1 [9110-6.2-02] [9110-6.2-06] [9112-2.3-01]', async () => {
    const { request, answer } = await pass(on, 'GET / HTTP/1.2\r\nHost: a\r\n\r\n');
    expect(request?.version).toBe('HTTP/1.1');
    expect(answer.version).toBe('HTTP/1.1');
  });

  it('of HTTP/1.0, goes on as HTTP/1.1 with Host, and is answered as HTTP/1.1 [9110-6.2-01] [9110-6.2-04] [9112-2.3-01] [9112-2.3-03] [9112-3.2-03] [9112-3.3-01]', async () => {
    const { request, answer, origin } = await pass(on, 'GET / HTTP/1.0\r\n\r\n');
    expect(request?.version).toBe('HTTP/1.1');
    expect(request?.fields.get('host')).toEqual([new URL(origin.url).host]);
    expect(answer.version).toBe('HTTP/1.1');
  });

  it('only when its head is whole: nothing goes to the upstream before [9110-5.3-04]', async () => {
    const origin = await on.origin({ onRequest: (_, connection) => connection.write(response()) });
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    const head = post('Content-Length: 2\r\n');
    for (const piece of [head.slice(0, 5), head.slice(5, 30), head.slice(30, -2)]) {
      client.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(gateway.told.began).toBe(0);
    expect(origin.connections.every(({ received }) => received.bytes.length === 0)).toBe(true);
    client.write('\r\nhi');
    expect((await client.readResponse()).status).toBe(200);
  });

  it('with octets that are no UTF-8, which end no line and go on as they came [9112-2.2-01] [9110-5.5-02]', async () => {
    const odd = '\x80\x85\x8a\x8d\xc4\x8a\xe5\x98\x8a\xff';
    const { request, answer } = await pass(on, get('/', `X: ${odd}\r\n`), {
      answer: response('ok', { fields: { Y: odd } }),
    });
    expect(request?.fields.get('x')).toEqual([odd]);
    expect(answer.fields.get('y')).toEqual([odd]);
    expect(namesOf(request?.rawHead ?? '')).toEqual(['Host', 'X']);
  });
});

describe('the target that goes on', () => {
  const rows: readonly (readonly [name: string, target: string, sent?: string])[] = [
    ['dot segments [9110-7.7-03]', '/a/../b/./c/..'],
    ['percent-encodings in either case [9110-7.7-03]', '/%7euser/%2F%2e%2E?q=%c3%A9'],
    ['slashes without end [9110-7.7-03]', '//a///b//?//'],
    ['an empty query [9110-7.7-03]', '/a?'],
    ['marks that nobody had to encode [9110-7.7-03]', '/a;b=c,d:@!$&\'()*+?e=[f]|{g}^`"'],
    ['a percent-encoded line end in a query, where it is data [9110-7.7-03]', '/a?b=%0d%0a'],
  ];
  for (const [name, target] of rows)
    it(`is that which came, octet by octet: ${name}`, async () => {
      const { request } = await pass(on, get(target));
      expect(request?.target).toBe(target);
    });

  const absolute: readonly (readonly [name: string, path: string, sent: string])[] = [
    ['path and query alone [9112-3.2.1-01] [9110-2.2-02]', '/a?b', '/a?b'],
    ['"/" for an empty path [9112-3.2.1-02]', '', '/'],
    ['"/" in front of a query without a path [9112-3.2.1-02]', '?b', '/?b'],
  ];
  for (const [name, path, sent] of absolute)
    it(`of an absolute target is ${name}`, async () => {
      const upstream = { authorities: ['api.example'] };
      const { request } = await pass(on, get(`http://api.example${path}`), { upstream });
      expect(request?.target).toBe(sent);
    });

  it('of OPTIONS for the whole server is "*", also from an absolute target without a path [9112-3.2.4-01] [9112-3.2.4-02]', async () => {
    const upstream = { authorities: ['api.example'] };
    for (const [asked, sent] of [
      ['*', '*'],
      ['http://api.example', '*'],
      ['http://api.example/', '/'],
    ]) {
      const { request } = await pass(on, `OPTIONS ${asked} HTTP/1.1\r\nHost: a\r\n\r\n`, {
        upstream,
      });
      expect(request?.target).toBe(sent);
    }
  });
});

describe('Host that goes on', () => {
  it('is the upstream’s authority, whatever the client named [9112-3.2-04]', async () => {
    const { request, origin } = await pass(on, 'GET / HTTP/1.1\r\nHost: other.example\r\n\r\n');
    expect(request?.fields.get('host')).toEqual([new URL(origin.url).host]);
  });

  it('is what the client named, where that is configured [9112-3.2-04]', async () => {
    const { request } = await pass(on, 'GET / HTTP/1.1\r\nHost: Other.example:81\r\n\r\n', {
      upstream: { host: 'client' },
    });
    expect(request?.fields.get('host')).toEqual(['Other.example:81']);
  });

  it('is that of an absolute target, and never the differing Host beside it [9112-3.2.2-03] [9112-3.2.2-04] [9112-3.2.2-05] [9112-3.2.2-06]', async () => {
    const { request, answer } = await pass(
      on,
      'GET http://api.example/x HTTP/1.1\r\nHost: evil.example\r\n\r\n',
      { upstream: { host: 'client', authorities: ['api.example'] } },
    );
    expect(answer.status).toBe(200);
    expect(request?.fields.get('host')).toEqual(['api.example']);
    expect(request?.rawHead).not.toContain('evil');
  });

  it('comes first [9110-7.2-01] [9110-7.2-02]', async () => {
    const { request } = await pass(on, 'GET / HTTP/1.1\r\nX: y\r\nhost: a\r\n\r\n');
    expect(namesOf(request?.rawHead ?? '')).toEqual(['Host', 'X']);
  });

  it('is not judged by where an absolute target overrides it: a foreign target is 421 though Host is our own [9112-3.2.2-05]', async () => {
    const { answer, origin } = await pass(
      on,
      'GET http://evil.example/ HTTP/1.1\r\nHost: api.example\r\n\r\n',
      { upstream: { authorities: ['api.example'] } },
    );
    expect(answer.status).toBe(421);
    expect(origin.requests).toEqual([]);
  });
});
