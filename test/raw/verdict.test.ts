/** The words of the table: each is said of what it means, and of nothing else. */
import { describe, expect, it } from 'vitest';
import type { WireCase } from '../wire/read-wire.ts';
import type { RequestOutcome } from './play-request.ts';
import type { ResponseOutcome } from './play-response.ts';
import { readRequests, readResponses } from './strict-reader.ts';
import { judgeRequest, judgeResponse } from './verdict.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');

function wire(text: string, settings: readonly string[] = []): WireCase {
  const pairs = settings.map((name) => [name, ''] as const);
  return {
    name: '',
    document: '',
    bytes: bytes(text),
    settings: new Map(pairs),
    expected: [],
    outcome: null,
  };
}

const get = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n';
const ok = { status: 200, isOrigins: true };
const refused = { status: 400, isOrigins: false };

describe('of a request', () => {
  const judge = (
    asked: string,
    sent: string,
    answers: RequestOutcome['answers'] = [ok],
    unclear: string[] = [],
  ) => {
    const { messages, wrong, rest } = readRequests(bytes(sent));
    const outcome: RequestOutcome = {
      sent: messages.map((message) => ({ message, unclear })),
      wrong: wrong === null ? null : { reason: wrong, rest },
      answers,
      end: answers.length > 0 ? 'kept' : 'closed',
    };
    return judgeRequest(wire(asked), outcome).text;
  };
  const malformed = get.replace('Host: a', 'Host: a\r\nX : y');

  it.each([
    ['passed', judge(get, get)],
    ['400', judge(malformed, '', [refused])],
    ['400 after 1', judge(get + malformed, get, [ok, refused])],
    ['closed', judge(malformed, '', [])],
    ['repaired', judge(malformed, get)],
    ['2 requests', judge(malformed, get + get)],
    ['changed: target', judge(get, get.replace('/a', '/b'))],
    ['changed: X dropped', judge(get.replace('\r\n\r\n', '\r\nX: y\r\n\r\n'), get)],
    ['unclear: 2 Hosts', judge(get, get, [ok], ['2 Hosts'])],
    [
      'passed, hiding a request',
      judge(malformed, malformed.replace('\r\n\r\n', '\r\nX: /smuggled\r\n\r\n')),
    ],
    ['answered itself, 200', judge(get, '', [{ status: 200, isOrigins: false }])],
  ])('%s', (text, said) => {
    expect(said).toBe(text);
  });
});

describe('of a response', () => {
  const whole = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi';
  const judge = (
    sent: string,
    given: string,
    more: Partial<ResponseOutcome> = {},
    settings = ['eof'],
  ) => {
    const read = readResponses(bytes(given), { methods: [], hasEnded: false });
    const outcome: ResponseOutcome = {
      given: read.messages,
      unclear: [],
      wrong: null,
      client: 'kept',
      upstream: 'kept',
      next: 'own',
      ...more,
    };
    return judgeResponse(wire(sent, settings), outcome).text;
  };
  const cut = whole.slice(0, -1);

  it.each([
    ['passed', judge(whole, whole)],
    ['502', judge('nonsense', 'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n')],
    ['cut', judge(cut, cut)],
    ['cut hidden', judge(cut, whole.replace('hi', 'h').replace('Length: 2', 'Length: 1'))],
    ['repaired', judge('HTTP/1.1 200 OK\nContent-Length: 2\n\nhi', whole)],
    ['changed', judge(whole, whole.replace('hi', 'ho'))],
    ['next client poisoned', judge(whole, whole, { next: 'forged' })],
    ['2 responses', judge(whole, whole + whole)],
    ['closed', judge('nonsense', '', { client: 'closed' })],
    ['dropped', judge(whole, whole, {}, ['unasked'])],
    ['switched', judge('HTTP/1.1 101 Go\r\n\r\n', 'HTTP/1.1 101 Go\r\n\r\n')],
  ])('%s', (text, said) => {
    expect(said).toBe(text);
  });
});
