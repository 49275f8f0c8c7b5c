import { describe, expect, it } from 'vitest';
import { asReceived, type BodyPlan, requestHead } from '../../../src/http1/request-writer.ts';
import { linesOf, parseRequest, plainEdits } from './scene.ts';

interface Extras {
  readonly edits?: Partial<typeof plainEdits>;
  readonly upgrade?: string;
  readonly plan?: BodyPlan;
}

function written(lines: readonly string[], { edits, upgrade, plan }: Extras = {}): string[] {
  const head = parseRequest(...lines);
  return linesOf(
    requestHead(
      head,
      { ...plainEdits, ...edits },
      { upgrade: upgrade ?? null, plan: plan ?? asReceived },
    ),
  );
}

describe('the request line', () => {
  it.each([
    ['GET /a?b HTTP/1.1', 'GET /a?b HTTP/1.1'],
    ['GET /a HTTP/1.0', 'GET /a HTTP/1.1'],
    ['GET http://b.example?x HTTP/1.1', 'GET /?x HTTP/1.1'],
    ['OPTIONS * HTTP/1.1', 'OPTIONS * HTTP/1.1'],
    ['OPTIONS http://b.example HTTP/1.1', 'OPTIONS * HTTP/1.1'],
  ])('%s goes on as %s [9112-2.3-01] [9112-3.2.1-01]', (received, sent) => {
    expect(written([received, 'Host: a'])[0]).toBe(sent);
  });
});

describe('Host', () => {
  it('comes first, once, wherever it came', () => {
    expect(written(['GET / HTTP/1.1', 'X: 1', 'hOST: a:81', 'Y: 2'])).toEqual([
      'GET / HTTP/1.1',
      'Host: a:81',
      'X: 1',
      'Y: 2',
    ]);
  });

  it('is the upstream’s when configured so', () => {
    const edits = { authority: 'api.example' };
    expect(written(['GET / HTTP/1.1', 'Host: a'], { edits })).toEqual([
      'GET / HTTP/1.1',
      'Host: api.example',
    ]);
  });

  it('is the target’s in absolute form [9112-3.2.2-04]', () => {
    expect(written(['GET http://b.example:8080/ HTTP/1.1', 'Host: a'])).toContain(
      'Host: b.example:8080',
    );
  });

  it.each([[['GET / HTTP/1.0']], [['GET / HTTP/1.1', 'Host:']]])(
    'is the default when the client named nobody: %j [9112-3.2-03]',
    (lines) => {
      expect(written(lines)).toEqual(['GET / HTTP/1.1', 'Host: default.example']);
    },
  );
});

describe('fields', () => {
  it('keep order, case, repetition and octets [9110-5.1-01] [9110-5.3-02]', () => {
    const kept = ['x-b:  2 ', 'X-A:1', 'x-b: \xe9\xa0\t3', 'Cookie: a=b', 'Via: 1.0 fred'];
    expect(written(['GET / HTTP/1.1', 'Host: a', ...kept]).slice(2)).toEqual(kept);
  });

  it('of one hop stay behind [9110-7.6.1-04]', () => {
    expect(
      written([
        'GET / HTTP/1.1',
        'Keep-Alive: timeout=5',
        'X-1: 1',
        'Proxy-Connection: keep-alive',
        'TE: gzip',
        'Host: a',
        'X-2: 2',
        'Upgrade: h2c',
        'HTTP2-Settings: AAMAAABk',
        'Proxy-Authorization: Basic eDp5',
        'Proxy-Authenticate: Basic',
        'Connection: keep-alive, Upgrade, HTTP2-Settings',
        'X-3: 3',
      ]),
    ).toEqual(['GET / HTTP/1.1', 'Host: a', 'X-1: 1', 'X-2: 2', 'X-3: 3']);
  });

  it('that Connection names stay behind, over all its lines and in any case [9110-7.6.1-02]', () => {
    expect(
      written([
        'GET / HTTP/1.1',
        'Host: a',
        'Connection: X-Hop',
        'X-HOP: 1',
        'X-Hop-Not: 2',
        'connection: close, ,x-other',
        'x-hop: 3',
        'X-Other: 4',
      ]),
    ).toEqual(['GET / HTTP/1.1', 'Host: a', 'X-Hop-Not: 2']);
  });

  it('that configuration removes or sets are replaced [9110-5.3-03]', () => {
    const edits = {
      removed: new Set(['x-debug', 'x-team']),
      setLines: 'X-Team: shop\r\nX-New: 1\r\n',
    };
    expect(
      written(['GET / HTTP/1.1', 'Host: a', 'X-Debug: 1', 'x-team: me', 'Y: 1', 'X-TEAM: you'], {
        edits,
      }),
    ).toEqual(['GET / HTTP/1.1', 'Host: a', 'Y: 1', 'X-Team: shop', 'X-New: 1']);
  });

  it('a trailer announcement goes only with its trailers', () => {
    const chunked = ['POST / HTTP/1.1', 'Host: a', 'Trailer: X', 'Transfer-Encoding: chunked'];
    expect(written(chunked)).toContain('Trailer: X');
    expect(written(chunked, { plan: { kind: 'length', bytes: 3 } })).not.toContain('Trailer: X');
    expect(written(['GET / HTTP/1.1', 'Host: a', 'Trailer: X'])).not.toContain('Trailer: X');
  });
});

describe('the body’s length', () => {
  const host = 'Host: a';
  it.each<[string[], BodyPlan, string[]]>([
    [['GET / HTTP/1.1', host], asReceived, []],
    [['GET / HTTP/1.1', host, 'Content-Length: 0'], asReceived, []],
    [['DELETE / HTTP/1.1', host], asReceived, []],
    [['POST / HTTP/1.1', host], asReceived, ['Content-Length: 0']],
    [['POST / HTTP/1.0'], asReceived, ['Content-Length: 0']],
    [['QUERY / HTTP/1.1', host, 'Content-Length: 0'], asReceived, ['Content-Length: 0']],
    [['POST / HTTP/1.1', host, 'content-length:  5 '], asReceived, ['Content-Length: 5']],
    [['GET / HTTP/1.1', host, 'Content-Length: 5'], asReceived, ['Content-Length: 5']],
    [
      ['POST / HTTP/1.1', host, 'transfer-encoding: Chunked'],
      asReceived,
      ['Transfer-Encoding: chunked'],
    ],
    [
      ['POST / HTTP/1.1', host, 'Transfer-Encoding: chunked'],
      { kind: 'length', bytes: 7 },
      ['Content-Length: 7'],
    ],
    [
      ['POST / HTTP/1.1', host, 'Transfer-Encoding: chunked'],
      { kind: 'length', bytes: 0 },
      ['Content-Length: 0'],
    ],
  ])('%j, %o: %j [9110-8.6-01] [9112-6.2-01]', (lines, plan, expected) => {
    expect(
      written(lines, { plan }).filter((line) => /^(content-length|transfer-enc)/i.test(line)),
    ).toEqual(expected);
  });

  it('is exact for the greatest one', () => {
    expect(written(['POST / HTTP/1.1', host, 'Content-Length: 9007199254740991'])).toContain(
      'Content-Length: 9007199254740991',
    );
  });
});

describe('Expect', () => {
  it('goes on with a body to come, written anew', () => {
    expect(
      written(['PUT / HTTP/1.1', 'Host: a', 'expect: 100-Continue', 'Content-Length: 2']),
    ).toEqual(['PUT / HTTP/1.1', 'Host: a', 'Content-Length: 2', 'Expect: 100-continue']);
  });

  it.each([
    [['GET / HTTP/1.1', 'Host: a', 'Expect: 100-continue']],
    [['PUT / HTTP/1.1', 'Host: a', 'Expect: 100-continue', 'Content-Length: 0']],
    [['PUT / HTTP/1.0', 'Expect: 100-continue', 'Content-Length: 2']],
  ])('stays behind in %j [9110-10.1.1-02] [9110-10.1.1-07]', (lines) => {
    expect(written(lines).join()).not.toMatch(/expect/i);
  });
});

describe('Max-Forwards', () => {
  it.each([
    ['OPTIONS', '5', '4'],
    ['TRACE', '1', '0'],
    ['TRACE', '007', '6'],
    ['OPTIONS', '0', '0'],
    ['OPTIONS', '000', '0'],
    ['OPTIONS', '99999999999999999999', '999999999'],
    ['OPTIONS', '9'.repeat(400), '999999999'],
    ['OPTIONS', 'x', undefined],
    ['GET', '5', '5'],
    ['GET', 'x', 'x'],
  ])('of %s with %s goes on as %s [9110-7.6.2-04] [9110-7.6.2-05]', (method, received, sent) => {
    const lines = written([`${method} / HTTP/1.1`, 'Host: a', `max-forwards: ${received}`, 'X: 1']);
    expect(lines.filter((line) => /^max-forwards/i.test(line))).toEqual(
      sent === undefined ? [] : [`Max-Forwards: ${sent}`],
    );
  });
});

it('Max-Forwards that configuration sets, or Connection names, is not there twice', () => {
  const edits = { removed: new Set(['max-forwards']), setLines: 'Max-Forwards: 3\r\n' };
  const lines = ['OPTIONS / HTTP/1.1', 'Host: a', 'Max-Forwards: 9'];
  expect(written(lines, { edits }).slice(2)).toEqual(['Max-Forwards: 3']);
  expect(written([...lines, 'Connection: max-forwards']).slice(2)).toEqual([]);
});

describe('TE and Upgrade', () => {
  const host = 'Host: a';

  it('TE goes on as trailers alone, named in Connection [9112-7.4-01] [9112-7.4-02]', () => {
    expect(
      written(['GET / HTTP/1.1', host, 'TE: gzip, Trailers, chunked', 'Connection: TE, close']),
    ).toEqual(['GET / HTTP/1.1', host, 'TE: trailers', 'Connection: TE']);
  });

  it.each([
    [['TE: trailers']],
    [['TE: gzip', 'Connection: TE']],
    [['Connection: TE']],
    [['TE: chunked', 'Connection: TE']],
  ])('TE stays behind in %j', (lines) => {
    expect(written(['GET / HTTP/1.1', host, ...lines])).toEqual(['GET / HTTP/1.1', host]);
  });

  it('an upgrade that is offered is named in Connection [9110-7.8-09]', () => {
    const lines = [
      'GET / HTTP/1.1',
      host,
      'Upgrade: h2c, websocket',
      'Connection: Upgrade, TE',
      'TE: trailers',
    ];
    expect(written(lines, { upgrade: 'websocket' }).slice(2)).toEqual([
      'TE: trailers',
      'Upgrade: websocket',
      'Connection: upgrade, TE',
    ]);
    const plain = ['GET / HTTP/1.1', host, 'Upgrade: websocket', 'Connection: Upgrade'];
    expect(written(plain, { upgrade: 'websocket' }).slice(2)).toEqual([
      'Upgrade: websocket',
      'Connection: upgrade',
    ]);
  });
});

describe('Via', () => {
  it.each([
    ['GET / HTTP/1.1', '1.1'],
    ['GET / HTTP/1.0', '1.0'],
  ])('tells the version of %s, after those received [9110-7.6.3-02]', (line, version) => {
    const lines = written([line, 'Host: a', 'Via: 1.0 fred'], { edits: { via: 'sidepool' } });
    expect(lines.slice(2)).toEqual(['Via: 1.0 fred', `Via: ${version} sidepool`]);
  });
});
