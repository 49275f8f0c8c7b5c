import { describe, expect, it } from 'vitest';
import { BodyDecoder, trailerLines } from '../../../src/http1/body-decoder.ts';
import { Input } from '../../../src/http1/input.ts';
import { FieldTable } from '../../../src/message/fields.ts';

function scene({ takes = Number.POSITIVE_INFINITY } = {}) {
  const input = new Input();
  const decoder = new BodyDecoder();
  const seen: string[] = [];
  let taken = 0;
  const sink = {
    onData(data: Buffer) {
      seen.push(data.toString('latin1'));
      taken += 1;
      return taken < takes;
    },
    onEnd(trailers: FieldTable | null) {
      seen.push(trailers === null ? 'END' : `END ${trailers.count}`);
    },
  };
  return { input, decoder, seen, read: () => decoder.read(input, sink), resume: () => (taken = 0) };
}

describe('a body decoder', () => {
  it('ends at once where there is no body, also by a length of nothing', () => {
    for (const framing of ['none', 'length'] as const) {
      const { decoder, seen, read } = scene();
      decoder.begin(framing, 0);
      expect([decoder.leftBytes, read(), seen]).toEqual([0, 'end', ['END']]);
    }
  });

  it('stops where the sink takes no more, by length', () => {
    const { input, decoder, seen, read } = scene({ takes: 1 });
    decoder.begin('length', 8);
    input.push(Buffer.from('abc'));
    expect([read(), decoder.leftBytes]).toEqual(['paused', 5]);
    input.push(Buffer.from('defghGET'));
    expect([read(), input.length]).toEqual(['end', 3]);
    expect(seen).toEqual(['abc', 'defgh', 'END']);
  });

  it('stops where the sink takes no more, between chunks', () => {
    const { input, decoder, seen, read, resume } = scene({ takes: 1 });
    decoder.begin('chunked', 0);
    input.push(Buffer.from('3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n'));
    expect(read()).toBe('paused');
    expect(seen).toEqual(['abc']);
    resume();
    expect(read()).toBe('paused');
    resume();
    expect(read()).toBe('end');
    expect(seen).toEqual(['abc', 'de', 'END']);
  });

  it('stops where the sink takes no more, until the end of the connection', () => {
    const { input, decoder, read } = scene({ takes: 1 });
    decoder.begin('close', 0);
    expect(read()).toBe('more');
    input.push(Buffer.from('abc'));
    expect([read(), read(), decoder.leftBytes]).toEqual([
      'paused',
      'more',
      Number.POSITIVE_INFINITY,
    ]);
  });

  it('begins anew after a body that broke off, or was malformed', () => {
    for (const broken of ['5;ext', '5\r\nab', '0\r\nA: b\r\nC: d', 'x', '0\r\nA: b\r\n\n']) {
      const { input, decoder, seen, read } = scene();
      decoder.begin('chunked', 0);
      input.push(Buffer.from(broken));
      read();
      input.clear();
      seen.length = 0;
      decoder.begin('chunked', 0);
      input.push(Buffer.from('1\r\nz\r\n0\r\nX: 1\r\n\r\n'));
      expect(read()).toBe('end');
      expect(seen).toEqual(['z', 'END 1']);
    }
  });

  it('gives views of what was read, not copies', () => {
    const { input, decoder } = scene();
    const chunk = Buffer.from('3\r\nabc\r\n');
    let view: Buffer | undefined;
    decoder.begin('chunked', 0);
    input.push(chunk);
    decoder.read(input, {
      onData(data) {
        view = data;
        return true;
      },
      onEnd: () => undefined,
    });
    expect(view?.buffer).toBe(chunk.buffer);
  });

  it('trailers of exactly the limit pass, whole and in pieces', () => {
    const trailers = `X: ${'x'.repeat(8 * 1024 - 5)}\r\n`;
    for (const pieces of [1, 2]) {
      const { input, decoder, seen, read } = scene();
      decoder.begin('chunked', 0);
      const bytes = Buffer.from(`0\r\n${trailers}\r\n`);
      const cut = pieces === 1 ? bytes.length : bytes.length - 2;
      input.push(bytes.subarray(0, cut));
      read();
      if (pieces === 2) {
        input.push(bytes.subarray(cut));
        read();
      }
      expect(seen).toEqual(['END 1']);
    }
  });
});

describe('trailerLines', () => {
  it('passes on what has no meaning for framing, routing, access or content [9112-7.1.2-01]', () => {
    const kept: [string, string][] = [
      ['X-Sum', '1'],
      ['x-sum', '2'],
      ['Digest', 'sha=\xe9'],
      ['Date', 'now'],
    ];
    const dropped: [string, string][] = [
      'Host',
      'Content-Length',
      'transfer-encoding',
      'Connection',
      'Keep-Alive',
      'TE',
      'Trailer',
      'Expect',
      'Upgrade',
      'Max-Forwards',
      'Authorization',
      'proxy-authorization',
      'Cookie',
      'Set-Cookie',
      'WWW-Authenticate',
      'Content-Type',
      'Content-Encoding',
      'Content-Range',
      'Cache-Control',
    ].map((name) => [name, 'x']);
    const mixed = FieldTable.of([...dropped.slice(0, 9), ...kept, ...dropped.slice(9)]);
    expect(trailerLines(mixed)).toBe('X-Sum: 1\r\nx-sum: 2\r\nDigest: sha=\xe9\r\nDate: now\r\n');
    expect(trailerLines(FieldTable.of(dropped))).toBe('');
  });

  it('leaves out what Connection named [9110-7.6.1-02]', () => {
    const trailers = FieldTable.of([
      ['X-Hop', '1'],
      ['X', '2'],
    ]);
    expect(trailerLines(trailers, ['x-hop'])).toBe('X: 2\r\n');
  });
});
