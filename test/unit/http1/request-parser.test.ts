/** What wire documents cannot show of the parser: its faults as data, and its state between reads. */
import { describe, expect, it } from 'vitest';
import { Input } from '../../../src/http1/input.ts';
import { RequestParser } from '../../../src/http1/request-parser.ts';
import { RequestHead } from '../../../src/message/head.ts';
import { parseRequest } from './scene.ts';

function scene() {
  const input = new Input();
  const parser = new RequestParser({ headBytes: 1_024, targetBytes: 512, maxFields: 10 });
  const head = new RequestHead();
  return {
    parser,
    head,
    push(text: string) {
      input.push(Buffer.from(text, 'latin1'));
      return parser.read(input, head);
    },
  };
}

describe('a request parser', () => {
  it('tells a refusal as the client’s fault, with nothing sent', () => {
    const { parser, push } = scene();
    expect(push('GET / HTTP/1.1\r\n\r\n')).toBe('refused');
    expect(parser.fault).toEqual({
      kind: 'bad-request',
      side: 'client',
      sent: 'not-sent',
      received: 'nothing',
      cause: 'no Host field (RFC 9112 3.2)',
    });
  });

  it('tells whether a head has begun: a timeout then has somebody to answer', () => {
    const { parser, push } = scene();
    expect([push('\r\n'), parser.hasBegun]).toEqual(['more', false]);
    expect([push('G'), parser.hasBegun]).toEqual(['more', true]);
    expect([push('ET / HTTP/1.1\r\nHost: a\r\n'), parser.hasBegun]).toEqual(['more', true]);
    expect([push('\r\n'), parser.hasBegun, parser.fault]).toEqual(['head', false, null]);
  });

  it('counts empty lines anew for each request', () => {
    const { head, push } = scene();
    for (let count = 0; count < 3; count += 1) {
      head.clear();
      expect(push('\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n')).toBe('head');
    }
  });

  it('tells an absolute target from a path', () => {
    expect(parseRequest('GET http://b/ HTTP/1.1', 'Host: a').hasAbsoluteTarget).toBe(true);
    expect(parseRequest('GET / HTTP/1.1', 'Host: a').hasAbsoluteTarget).toBe(false);
  });

  it('takes a head that comes octet by octet in time that grows with its length alone', () => {
    const parser = new RequestParser({ headBytes: 262_144, targetBytes: 131_072, maxFields: 10 });
    const input = new Input();
    const head = new RequestHead();
    const text = `GET /${'a'.repeat(120_000)} HTTP/1.1\r\nHost: a\r\nX: ${'b'.repeat(120_000)}\r\n\r\n`;
    const begunMs = performance.now();
    let read = 'more';
    for (const octet of Buffer.from(text)) {
      input.push(Buffer.of(octet));
      read = parser.read(input, head);
    }
    expect(read).toBe('head');
    // With a look at the whole line for each octet this takes a minute.
    expect(performance.now() - begunMs).toBeLessThan(3_000);
  });
});
