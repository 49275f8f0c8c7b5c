import { describe, expect, it } from 'vitest';
import {
  CHUNK_END,
  type ClientFraming,
  chunkStart,
  interimHead,
  lastChunk,
  responseHead,
  switchingHead,
} from '../../../src/http1/response-writer.ts';
import { linesOf, parseResponse } from './scene.ts';

const date = 'Thu, 01 Jan 2026 00:00:00 GMT';

function written(
  lines: readonly string[],
  { kind = 'none', connectionLines = '', method = 'GET' } = {},
): string[] {
  const head = parseResponse(method, ...lines);
  const framing = { kind } as ClientFraming;
  return linesOf(responseHead(head, { framing, connectionLines, date }));
}

const dated = `Date: ${date}`;

describe('the status line', () => {
  it.each([
    ['HTTP/1.1 200 OK', 'HTTP/1.1 200 OK'],
    ['HTTP/1.0 200 OK', 'HTTP/1.1 200 OK'],
    ['HTTP/1.1 200 ', 'HTTP/1.1 200 '],
    ['HTTP/1.1 200', 'HTTP/1.1 200 '],
    ['HTTP/1.1 404 Nicht gef\xfcnden', 'HTTP/1.1 404 Nicht gef\xfcnden'],
  ])('%s goes on as %j [9112-2.3-01] [9112-4-04]', (received, sent) => {
    expect(written([received, dated])[0]).toBe(sent);
  });
});

describe('fields', () => {
  it('keep order, case, repetition and octets', () => {
    const kept = ['Set-Cookie: a=1', 'X:1', 'set-cookie:  b=2 ', dated, 'ETag: "\xe9"'];
    expect(written(['HTTP/1.1 200 OK', ...kept]).slice(1)).toEqual(kept);
  });

  it('of one hop, and those that Connection names, stay behind [9110-7.6-02]', () => {
    expect(
      written([
        'HTTP/1.1 200 OK',
        'Connection: keep-alive, X-Hop',
        'Keep-Alive: timeout=5',
        'x-hop: 1',
        dated,
        'Proxy-Authenticate: Basic',
        'Proxy-Connection: close',
        'Upgrade: h2c',
        'TE: trailers',
        'X: 1',
      ]),
    ).toEqual(['HTTP/1.1 200 OK', dated, 'X: 1']);
  });

  it('lose the white space before their colon, and nothing else [9112-5.1-02]', () => {
    expect(written(['HTTP/1.1 200 OK', dated, 'A : 1', 'B:2', 'Connection\t: C', 'C : 3'])).toEqual(
      ['HTTP/1.1 200 OK', dated, 'A: 1', 'B: 2'],
    );
  });
});

describe('Date', () => {
  it('is added where there is none, and kept where there is one', () => {
    expect(written(['HTTP/1.1 200 OK', 'X: 1'])).toEqual(['HTTP/1.1 200 OK', 'X: 1', dated]);
    expect(written(['HTTP/1.1 200 OK', 'date: once upon a time'])).toEqual([
      'HTTP/1.1 200 OK',
      'date: once upon a time',
    ]);
  });

  it('is added where Connection takes away the one there was', () => {
    expect(written(['HTTP/1.1 200 OK', 'Connection: Date', 'Date: x'])).toEqual([
      'HTTP/1.1 200 OK',
      dated,
    ]);
  });

  it('is not added to 101', () => {
    expect(written(['HTTP/1.1 101 Switching Protocols'])).toEqual([
      'HTTP/1.1 101 Switching Protocols',
    ]);
  });
});

describe('the body’s length', () => {
  const length = ['HTTP/1.1 200 OK', dated, 'content-length: 5', 'Trailer: X'];
  const chunked = ['HTTP/1.1 200 OK', dated, 'Transfer-Encoding: chunked', 'Trailer: X'];

  it.each<[string, string[], { kind: string; method?: string }, string[]]>([
    ['as it came', length, { kind: 'length' }, ['content-length: 5']],
    ['chunked', chunked, { kind: 'chunked' }, ['Trailer: X', 'Transfer-Encoding: chunked']],
    [
      'a length turned into chunks',
      length,
      { kind: 'chunked' },
      ['Trailer: X', 'Transfer-Encoding: chunked'],
    ],
    ['chunks until the end', chunked, { kind: 'close' }, []],
    [
      'to HEAD, as GET would have it [9110-8.6-04]',
      length,
      { kind: 'none', method: 'HEAD' },
      ['content-length: 5'],
    ],
    ['to HEAD, chunked', chunked, { kind: 'none', method: 'HEAD' }, []],
    [
      '304 [9110-8.6-06]',
      ['HTTP/1.1 304 Not Modified', dated, 'Content-Length: 5'],
      { kind: 'none' },
      ['Content-Length: 5'],
    ],
    [
      '204 [9110-8.6-07]',
      ['HTTP/1.1 204 No Content', dated, 'Content-Length: 5'],
      { kind: 'none' },
      [],
    ],
    [
      '204, chunked [9112-6.1-07]',
      ['HTTP/1.1 204 No Content', dated, 'Transfer-Encoding: chunked'],
      { kind: 'none' },
      [],
    ],
    ['101 [9110-8.6-07]', ['HTTP/1.1 101 Switching', 'Content-Length: 5'], { kind: 'none' }, []],
    [
      'an empty body',
      ['HTTP/1.1 200 OK', dated, 'Content-Length: 0'],
      { kind: 'none' },
      ['Content-Length: 0'],
    ],
  ])('%s', (_, lines, options, expected) => {
    expect(
      written(lines, options)
        .slice(1)
        .filter((line) => line !== dated),
    ).toEqual(expected);
  });
});

it('the lines of the connection come last', () => {
  expect(written(['HTTP/1.1 200 OK', dated], { connectionLines: 'Connection: close\r\n' })).toEqual(
    ['HTTP/1.1 200 OK', dated, 'Connection: close'],
  );
});

it('an interim response has no length, coding, Date or hop-by-hop field', () => {
  const head = parseResponse(
    'GET',
    'HTTP/1.1 103 Early Hints',
    'Link: </a.css>',
    'Content-Length: 5',
    'Connection: X-Hop',
    'X-Hop: 1',
    'Trailer: X',
  );
  expect(linesOf(interimHead(head))).toEqual(['HTTP/1.1 103 Early Hints', 'Link: </a.css>']);
});

it('a 101 tells the protocol, names it in Connection, and has no length [9110-7.8-04] [9110-7.8-09]', () => {
  const head = parseResponse(
    'GET',
    'HTTP/1.1 101 Switching Protocols',
    'Connection: Upgrade, X-Hop',
    'Upgrade: websocket',
    'X-Hop: 1',
    'Sec-WebSocket-Accept: x',
    'Content-Length: 5',
  );
  expect(linesOf(switchingHead(head))).toEqual([
    'HTTP/1.1 101 Switching Protocols',
    'Sec-WebSocket-Accept: x',
    'Connection: Upgrade',
    'Upgrade: websocket',
  ]);
});

it('chunks are framed', () => {
  expect(`${chunkStart(255)}${CHUNK_END}${lastChunk('')}`).toBe('ff\r\n\r\n0\r\n\r\n');
  expect(lastChunk('X: 1\r\n')).toBe('0\r\nX: 1\r\n\r\n');
});
