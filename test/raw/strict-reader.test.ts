/** The second opinion against the first: whatever the codec takes of a document, the strict reader takes alike. */
import { describe, expect, it } from 'vitest';
import { escapeText } from '../wire/escapes.ts';
import { play, type Side } from '../wire/play.ts';
import { readWireCases, type WireCase } from '../wire/read-wire.ts';
import { unclearRequest, unclearResponse } from './clarity.ts';
import { readRequests, readResponses } from './strict-reader.ts';

describe.each<Side>(['requests', 'responses'])('%s that the codec takes', (side) => {
  it('are taken by the strict reader, to the octet', () => {
    for (const wire of readWireCases(side)) {
      const taken = bodiesTaken(side, wire);
      const { messages } =
        side === 'requests'
          ? readRequests(wire.bytes)
          : readResponses(wire.bytes, {
              methods: Array.from({ length: 20 }, () => wire.settings.get('method') ?? 'GET'),
              hasEnded: wire.settings.has('eof'),
            });
      const bodies = messages.filter(({ isWhole }) => isWhole).map(({ body }) => escapeText(body));
      expect(bodies.slice(0, taken.length), `${wire.document} ${wire.name}`).toEqual(taken);
    }
  });
});

/** The body of each message that was whole, escaped. */
function bodiesTaken(side: Side, { bytes, settings }: WireCase): string[] {
  const limits = [...settings].filter(([name]) => /^(?:method|eof)$/.test(name));
  const all = new Map([...limits, ['pipelined', ''] as const]);
  const bodies: string[] = [];
  let body = '';
  for (const event of play(side, { bytes, cuts: [], settings: all })) {
    if (event.startsWith('data ')) body = event.slice('data '.length);
    if (event !== 'end') continue;
    bodies.push(body);
    body = '';
  }
  return bodies;
}

describe('what is unclear', () => {
  const requestWith = (lines: string, body = '') => {
    const [message] = readRequests(Buffer.from(`${lines}\r\n\r\n${body}`, 'latin1')).messages;
    return message === undefined ? ['nothing was read'] : unclearRequest(message);
  };

  it.each([
    ['GET / HTTP/1.1\r\nHost: a\r\nHost: b', '2 Hosts'],
    ['GET / HTTP/1.1\r\nX: y', '0 Hosts'],
    ['GET / HTTP/1.1\r\nHost: a@b', 'an odd Host'],
    ['GET http://a/ HTTP/1.1\r\nHost: a', 'an odd target'],
    ['GET /%00 HTTP/1.1\r\nHost: a', 'a line end or NUL in the target'],
    ['GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 00', 'an odd length'],
    ['GET / HTTP/1.1\r\nHost: a\r\nContent_Length: 0', 'the field Content_Length'],
    ['GET / HTTP/1.1\r\nHost: a\r\nConnection: Host', 'Connection names a field of framing'],
    ['GET / HTTP/1.1\r\nHost: a\r\nKeep-Alive: 5', 'hop by hop: Keep-Alive'],
    ['GET / HTTP/1.2\r\nHost: a', 'version 1.2'],
  ])('%j', (lines, reason) => {
    expect(requestWith(lines)).toEqual([reason]);
  });

  it('chunks', () => {
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked';
    expect(requestWith(head, '0\r\nX: y\r\n\r\n')).toEqual([]);
    expect(requestWith(head, '0;x\r\n\r\n')).toEqual(['chunk extensions']);
    expect(requestWith(head, '0\r\nHost: b\r\n\r\n')).toEqual(['Host in the trailers']);
  });

  it('nothing in a plain response', () => {
    const bytes = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi');
    const [message] = readResponses(bytes, { methods: [], hasEnded: false }).messages;
    expect(message === undefined ? null : unclearResponse(message)).toEqual([]);
  });
});
