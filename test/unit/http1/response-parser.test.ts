/** What wire documents cannot show of the parser: its faults as data, and its state between reads. */
import { describe, expect, it } from 'vitest';
import { Input } from '../../../src/http1/input.ts';
import { ResponseParser } from '../../../src/http1/response-parser.ts';
import { ResponseHead } from '../../../src/message/head.ts';

function scene() {
  const input = new Input();
  const parser = new ResponseParser({ headBytes: 1_024, maxFields: 10 });
  const head = new ResponseHead();
  return {
    parser,
    head,
    push(text: string) {
      input.push(Buffer.from(text, 'latin1'));
      return parser.read(input, head, 'GET');
    },
  };
}

describe('a response parser', () => {
  it('tells a refusal as the upstream’s fault: the request was sent, and part of a head came', () => {
    const { parser, push } = scene();
    expect(push('HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n')).toBe('refused');
    expect(parser.fault).toMatchObject({
      kind: 'malformed-response',
      side: 'upstream',
      sent: 'sent',
      received: 'part-of-head',
    });
  });

  it('tells whether a head has begun: its end would then be a partial response', () => {
    const { parser, head, push } = scene();
    expect(parser.hasBegun).toBe(false);
    expect([push('H'), parser.hasBegun]).toEqual(['more', true]);
    expect([push('TTP/1.1 100 \r\nA: b\r\n'), parser.hasBegun]).toEqual(['more', true]);
    expect([push('\r\n'), parser.hasBegun]).toEqual(['head', false]);
    head.clear();
    expect([push(''), parser.hasBegun]).toEqual(['more', false]);
    expect([push('HTTP/1.1 204 \r\n\r\n'), head.status]).toEqual(['head', 204]);
  });
});
