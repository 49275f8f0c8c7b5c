/** What holds of the codec for any message, and for any octets. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seeded } from '../../../src/base/clock.ts';
import { BodyDecoder } from '../../../src/http1/body-decoder.ts';
import { Input } from '../../../src/http1/input.ts';
import { asReceived, requestHead } from '../../../src/http1/request-writer.ts';
import {
  CHUNK_END,
  chunkStart,
  lastChunk,
  responseHead,
} from '../../../src/http1/response-writer.ts';
import { check } from '../../fuzz/codec-oracle.ts';
import { mutate, randomCuts } from '../../fuzz/mutate.ts';
import { play, type Side } from '../../wire/play.ts';
import { readWireCases } from '../../wire/read-wire.ts';
import { chunkedBody, cuts, type Message, request, response } from './proper-messages.ts';
import { parseRequestText, parseResponseText, plainEdits } from './scene.ts';

const settings = new Map([['pipelined', '']]);

describe.each<[Side, fc.Arbitrary<Message>]>([
  ['requests', request],
  ['responses', response],
])('proper %s', (side, message) => {
  it('are read as they were meant, one behind the other, however they are cut [9110-2.4-01]', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 3 }), cuts, (messages, cut) => {
        const bytes = Buffer.from(messages.map(({ text }) => text).join(''), 'latin1');
        const expected = [...messages.flatMap(({ events }) => events), 'waits for head'];
        expect(play(side, { bytes, cuts: cut(bytes.length), settings })).toEqual(expected);
        if (bytes.length < 600)
          expect(play(side, { bytes, cuts: bytes.keys(), settings })).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('break off no other way than by waiting, wherever they end', () => {
    fc.assert(
      fc.property(
        message,
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        ({ text, events }, part) => {
          const bytes = Buffer.from(text.slice(0, Math.floor(part * text.length)), 'latin1');
          const seen = play(side, { bytes, cuts: [], settings });
          if (seen.length === 2 && seen.at(-2) === 'end') return;
          expect(seen.at(-1)).toMatch(/^waits for (?:head|body)$/);
          const heads = seen.filter((event) => /^(?:request|response|field) /.test(event));
          expect(events.slice(0, heads.length)).toEqual(heads);
        },
      ),
    );
  });
});

describe('a head that is written on', () => {
  it('is the same request to the next reader, and is written the same the second time [9110-2.2-01] [9112-11.2-R1]', () => {
    fc.assert(
      fc.property(request, ({ text }) => {
        const headEnd = text.indexOf('\r\n\r\n', text.search(/[^\r\n]/)) + 4;
        const head = parseRequestText(text.slice(0, headEnd));
        const written = requestHead(head, plainEdits, { upgrade: null, plan: asReceived });
        const again = parseRequestText(written);
        expect(again).toMatchObject({
          method: head.method,
          target: head.target,
          authority: head.authority,
          framing: head.framing,
          contentLength: head.contentLength,
          expectsContinue: head.expectsContinue,
        });
        const twice = requestHead(again, plainEdits, { upgrade: null, plan: asReceived });
        const plain = (each: string) => each.replace(/Max-Forwards: \d+\r\n/i, '');
        expect(plain(twice)).toBe(plain(written));
      }),
      { numRuns: 300 },
    );
  });

  it('is the same response to the next reader, and is written the same the second time [9110-2.2-01] [9112-11.2-R1]', () => {
    fc.assert(
      fc.property(response, ({ text }) => {
        const head = parseResponseText('GET', text.slice(0, text.indexOf('\r\n\r\n') + 4));
        const extras = {
          framing: { kind: head.framing },
          connectionLines: '',
          date: 'now',
        } as const;
        const written = responseHead(head, extras);
        const again = parseResponseText('GET', written);
        expect(again).toMatchObject({
          status: head.status,
          reason: head.reason,
          framing: head.framing,
          contentLength: head.contentLength,
        });
        expect(responseHead(again, extras)).toBe(written);
      }),
      { numRuns: 300 },
    );
  });
});

describe('any octets', () => {
  const sides = fc.constantFrom<Side>('requests', 'responses');

  it('of chance break no promise [9110-2.3-01]', () => {
    const octet = fc.oneof(
      fc.nat(255),
      fc.constantFrom(...Buffer.from('GET / HTTP/1.1\r\n\r\n:;0 \t')),
    );
    const prefix = fc.constantFrom(
      '',
      'GET / HTTP/1.1\r\nHost: a\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n',
      'HTTP/1.1 200 OK\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    fc.assert(
      fc.property(
        sides,
        prefix,
        fc.array(octet, { maxLength: 120 }),
        cuts,
        (side, begin, octets, cut) => {
          const bytes = Buffer.concat([Buffer.from(begin, 'latin1'), Buffer.from(octets)]);
          expect(check({ side, bytes, cuts: cut(bytes.length), settings })).toEqual([]);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('made of spoilt documents break no promise [9110-2.3-01]', () => {
    const corpus = { requests: readWireCases('requests'), responses: readWireCases('responses') };
    fc.assert(
      fc.property(sides, fc.nat(), fc.nat(), (side, which, seed) => {
        const random = seeded(seed);
        const wires = corpus[side];
        const octets = wires.map(({ bytes }) => bytes);
        const bytes = mutate(octets[which % octets.length] as Buffer, octets, random);
        expect(check({ side, bytes, cuts: randomCuts(bytes.length, random), settings })).toEqual(
          [],
        );
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('the chunked coding', () => {
  it('gives back any body, in any chunks', () => {
    fc.assert(
      fc.property(chunkedBody, cuts, ({ coded, data }, cut) => {
        expect(decode(Buffer.from(coded, 'latin1'), cut)).toBe(data);
      }),
    );
  });

  it('reads what the writer writes', () => {
    const chunk = fc
      .uint8Array({ minLength: 1, maxLength: 5_000 })
      .map((octets) => Buffer.from(octets));
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 5 }), cuts, (chunks, cut) => {
        const frames = chunks.flatMap((data) => [
          Buffer.from(chunkStart(data.length), 'latin1'),
          data,
          Buffer.from(CHUNK_END, 'latin1'),
        ]);
        const coded = Buffer.concat([...frames, Buffer.from(lastChunk(''), 'latin1')]);
        expect(decode(coded, cut)).toBe(Buffer.concat(chunks).toString('latin1'));
      }),
    );
  });
});

function decode(coded: Buffer, cut: (length: number) => number[]): string {
  const decoder = new BodyDecoder();
  const input = new Input();
  let data = '';
  let ends = 0;
  decoder.begin('chunked', 0);
  const sink = {
    onData(each: Buffer) {
      data += each.toString('latin1');
      return true;
    },
    onEnd() {
      ends += 1;
    },
  };
  let at = 0;
  for (const to of [...cut(coded.length), coded.length]) {
    if (to <= at) continue;
    input.push(coded.subarray(at, to));
    at = to;
    expect(decoder.read(input, sink)).toBe(at === coded.length ? 'end' : 'more');
  }
  expect([ends, input.length]).toEqual([1, 0]);
  return data;
}
