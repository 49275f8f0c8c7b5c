/** The judges themselves: what they must find is found, and nothing in what is as it must be. */
import { describe, expect, it } from 'vitest';
import type { Got } from './clients/client.ts';
import { RequestOracle } from './request-oracle.ts';
import type { ResponseTrial } from './response-grammar.ts';
import { judgeAnswers } from './response-oracle.ts';
import { shrink } from './shrink.ts';

interface Scene {
  readonly asked: string;
  readonly sent?: string;
  readonly answered?: string;
  readonly read?: readonly string[];
  readonly statuses?: readonly number[];
}

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const first = 'GET /t1-0 HTTP/1.1\r\nHost: a\r\nX-Id: 1-0\r\n\r\n';
const hidden = 'GET /smuggled-1 HTTP/1.1\r\nHost: a\r\n\r\n';
const post = (fields: string, body: string) =>
  `POST /t1-0 HTTP/1.1\r\nHost: a\r\nX-Id: 1-0\r\n${fields}\r\n${body}`;

function sortsOf({ asked, sent = asked, answered = ok, read = [], statuses = [200] }: Scene) {
  const bytes = (text: string) => Buffer.from(text, 'latin1');
  const { findings } = new RequestOracle().judge(
    {
      trials: [{ id: 1, pieces: [asked], messages: 1 }],
      told: new Map([[1, { statuses, isHung: false }]]),
      tapped: [{ sent: bytes(sent), answered: bytes(answered) }],
    },
    read,
  );
  return findings.map(({ sort }) => sort);
}

describe('the judge of requests', () => {
  it('finds nothing where all is as it must be', () => {
    expect(sortsOf({ asked: first, read: ['GET /t1-0 HTTP/1.1'] })).toEqual([]);
    expect(
      sortsOf({ asked: first + hidden, answered: ok + ok, read: ['GET /smuggled-1'] }),
    ).toEqual([]);
  });

  it.each<[string, Scene, string]>([
    [
      'two messages where one was sent',
      { asked: post('Content-Length: 38\r\n', hidden), read: ['POST /t1-0', 'GET /smuggled-1'] },
      'smuggled',
    ],
    [
      'an account with more than was sent',
      { asked: first, read: ['GET /t1-0', 'GET /t1-0'] },
      'read more than was sent',
    ],
    [
      'more answers than requests',
      { asked: first, answered: ok + ok },
      'more answers than requests',
    ],
    [
      'both lengths on the tap',
      {
        asked: first,
        sent: post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
      },
      'malformed on the tap',
    ],
    [
      'a look-alike on the tap',
      { asked: first, sent: post('Content_Length: 5\r\n', '') },
      'unclear on the tap: the field Content_Length',
    ],
    [
      'a body that ends elsewhere',
      {
        asked: post('Content-Length: 5\r\n', 'hello'),
        sent: post('Content-Length: 4\r\n', 'hell'),
      },
      'not what the client sent',
    ],
    [
      'a request out of what is malformed',
      { asked: post('Content-Length: +38\r\n', hidden), sent: post('', '') },
      'not what the client sent',
    ],
    ['an origin that waits', { asked: first, statuses: [504] }, 'waits'],
  ])('finds %s', (_, scene, sort) => {
    expect(sortsOf(scene)).toContain(sort);
  });
});

describe('the judge of responses', () => {
  const whole = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nbody-1';
  const own: Got = { status: 200, body: 'next-1', isWhole: true };
  const sortOf = (octets: string, given: Got, next: Got = own) => {
    const trial: ResponseTrial = { id: 1, method: 'GET', pieces: [octets] };
    return judgeAnswers(trial, { id: 1, first: given, next }).finding?.sort;
  };
  const got = (status: number, body: string, isWhole: boolean | null = true): Got => ({
    status,
    body,
    isWhole,
  });

  it('finds nothing where all is as it must be', () => {
    expect(sortOf(whole, got(200, 'body-1'))).toBeUndefined();
    expect(sortOf(whole.slice(0, -1), got(200, 'body-', false))).toBeUndefined();
    expect(sortOf('nonsense', got(502, 'refused'))).toBeUndefined();
    expect(sortOf(whole.slice(0, -1), got(200, 'body-', null))).toBeUndefined();
  });

  it.each<[string, string, Got, Got, string]>([
    ['another body', whole, got(200, 'body-2'), own, 'another response than was sent'],
    ['another status', whole, got(204, ''), own, 'another response than was sent'],
    ['a cut', whole.slice(0, -1), got(200, 'body-'), own, 'a cut response taken for whole'],
    ['nonsense', 'nonsense', got(200, ''), own, 'a malformed response taken for whole'],
    [
      'the next answered with what was forged',
      whole,
      got(200, 'body-1'),
      got(200, 'forged-1'),
      'the next is answered otherwise',
    ],
    [
      'the next not answered',
      whole,
      got(200, 'body-1'),
      got(0, '', false),
      'the next is answered otherwise',
    ],
  ])('finds %s', (_, octets, given, next, sort) => {
    expect(sortOf(octets, given, next)).toBe(sort);
  });
});

describe('shrinking', () => {
  it('leaves the pieces, and the beginnings of them, that show the finding', async () => {
    const pieces = ['one', 'two', 'needle and much more', 'three', 'four', 'five'];
    const small = await shrink(
      pieces,
      async (each) => each.join('|').includes('needle') && each.includes('four'),
    );
    expect(small).toHaveLength(2);
    expect(small.join('|')).toMatch(/^needle.{0,4}\|four$/);
  });
});
