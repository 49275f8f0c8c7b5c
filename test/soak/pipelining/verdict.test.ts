/** The judge of the proof, judged: what it must not let pass. */
import { describe, expect, it } from 'vitest';
import { type Ask, bodyOf } from './asks.ts';
import { type Connection, verdictOf } from './verdict.ts';

const ask: Ask = {
  id: 'c1r2',
  method: 'GET',
  kind: 'len',
  size: 1,
  requestBody: '',
  isChunked: false,
  manner: 'plain',
};
const body = bodyOf('c1r2', 1);
const ofAnother = bodyOf('c1r3', 1);
const head = (fields: string, id = 'c1r2') => `HTTP/1.1 200 OK\r\nX-Id: ${id}\r\n${fields}\r\n\r\n`;
const withLength = head(`Content-Length: ${body.length}`);
const inChunks = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

function judged(text: string, connection: Connection = 'open', of: Partial<Ask> = {}): string {
  return verdictOf({ ...ask, ...of }, text, connection)?.outcome.kind ?? 'more has to come';
}

describe('right', () => {
  it.each([
    ['with a length', withLength + body, 'open', {}],
    ['in chunks', `${head('Transfer-Encoding: chunked')}${inChunks(body)}0\r\n\r\n`, 'open', {}],
    ['up to the end', head('Connection: close') + body, 'fin', {}],
    ['after an interim one', `HTTP/1.1 103 Early Hints\r\n\r\n${withLength}${body}`, 'open', {}],
    ['HEAD', withLength, 'open', { method: 'HEAD' }],
    ['204', 'HTTP/1.1 204 No Content\r\nX-Id: c1r2\r\n\r\n', 'open', { kind: 'none' }],
  ] as const)('%s', (_, text, connection, of) => {
    expect(judged(text, connection, of)).toBe('right');
    expect(judged(text.slice(0, -1), 'open', of)).toBe('more has to come');
  });
});

describe('wrong', () => {
  it.each([
    ['the whole response of another', head(`Content-Length: ${body.length}`, 'c1r3') + ofAnother],
    ['the head of another', head(`Content-Length: ${body.length}`, 'c1r3') + body],
    ['the body of another', withLength + ofAnother],
    ['a body that begins as another', withLength + ofAnother.slice(0, 10)],
    ['a body that goes on as another', withLength + body.slice(0, -1) + ofAnother.slice(-1)],
    ['a length of another', head('Content-Length: 3')],
    ['a body where the head should be', body],
    ['another status', `HTTP/1.1 204 No Content\r\nX-Id: c1r2\r\n\r\n`],
    [
      'chunks that end too early',
      `${head('Transfer-Encoding: chunked')}${inChunks('c1r2')}0\r\n\r\n`,
    ],
  ])('%s', (_, text) => {
    expect(judged(text)).toBe('wrong');
    expect(judged(text, 'reset')).toBe('wrong');
  });

  it('a body that is not decoded', () => {
    expect(judged(head('Connection: close') + inChunks(body), 'fin')).toBe('wrong');
  });
});

describe('lost', () => {
  it.each([
    ['no octet, in order', '', 'fin'],
    ['no octet, reset', '', 'reset'],
    ['part of a head', 'HTTP/1.1 200', 'fin'],
    ['nothing in time', '', 'timed-out'],
    ['half a body in time', withLength + body.slice(0, 9), 'timed-out'],
    ['half a body, and it looks whole', head('Connection: close') + body.slice(0, 9), 'fin'],
  ] as const)('%s', (_, text, connection) => {
    expect(judged(text, connection)).toBe('lost');
  });
});

describe('cut off, so that the client can see it', () => {
  it.each([
    ['of a length', withLength + body.slice(0, 9), 'fin'],
    ['in chunks', `${head('Transfer-Encoding: chunked')}${inChunks('c1r2')}`, 'fin'],
    ['up to a reset', head('Connection: close') + body.slice(0, 9), 'reset'],
    ['up to a reset, all of it', head('Connection: close') + body, 'reset'],
  ] as const)('%s', (_, text, connection) => {
    expect(judged(text, connection)).toBe('cut');
  });
});

it('an answer of the gateway itself is told', () => {
  const told =
    'HTTP/1.1 502 Bad Gateway\r\nProxy-Status: sidepool; error=connection_terminated; details="sent-no-response"\r\nContent-Length: 0\r\n\r\n';
  expect(verdictOf(ask, told, 'open')?.outcome).toEqual({
    kind: 'told',
    status: 502,
    told: 'connection_terminated; sent-no-response',
  });
});
