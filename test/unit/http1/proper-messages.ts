/** Proper messages of any shape, with the events that a reader must see: for properties. */
import fc from 'fast-check';
import { escapeText } from '../../wire/escapes.ts';

/** Octets to send, as latin1, and what they mean, in the words of test/wire/play.ts. */
export interface Message {
  readonly text: string;
  readonly events: readonly string[];
}

const tokenCharacters =
  "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const token = (maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...tokenCharacters), minLength: 1, maxLength });

/** Names that mean nothing to the codec: those that do are put in by hand. */
const otherName = token(20).filter(
  (name) => !/^(?:host|connection|content-length|transfer-encoding|expect|upgrade|te)$/i.test(name),
);
const visible = fc.integer({ min: 0x21, max: 0xff }).filter((octet) => octet !== 0x7f);
const valueOctet = fc.oneof({ weight: 6, arbitrary: visible }, fc.constantFrom(0x20, 0x09));
const otherValue = fc
  .tuple(fc.array(visible, { maxLength: 1 }), fc.array(valueOctet, { maxLength: 30 }), visible)
  .map(([first, middle, last]) =>
    first.length === 0 ? '' : String.fromCharCode(...first, ...middle, last),
  );
const blank = fc.string({ unit: fc.constantFrom(' ', '\t'), maxLength: 3 });

interface Line {
  readonly name: string;
  readonly before: string;
  readonly value: string;
  readonly after: string;
}

const line = (name: fc.Arbitrary<string>, value: fc.Arbitrary<string>): fc.Arbitrary<Line> =>
  fc.record({ name, before: blank, value, after: blank });
const otherLine = line(otherName, otherValue);

const write = (lines: readonly Line[]): string =>
  lines.map(({ name, before, value, after }) => `${name}:${before}${value}${after}\r\n`).join('');
const tell = (what: string, lines: readonly Line[]): string[] =>
  lines.map(({ name, value }) =>
    `${what} ${escapeText(`${name}: ${value}`)}`.replace(/: $|:\\s$/, ':'),
  );

const octets = fc
  .array(fc.nat(255), { maxLength: 300 })
  .map((values) => String.fromCharCode(...values));

const extension = fc.constantFrom('', ';a', ' ; a = "b;c"', ';x=y;z', '\t;q');
const size = fc.constantFrom('', '0', '0000');

/** A body as chunks of any size, with extensions and trailers. */
export const chunkedBody = fc
  .record({
    chunks: fc.array(
      fc.tuple(
        octets.filter((data) => data !== ''),
        size,
        extension,
        fc.boolean(),
      ),
      {
        maxLength: 6,
      },
    ),
    last: fc.constantFrom('0', '00', '0;last', '0 ;a=b'),
    trailers: fc.array(otherLine, { maxLength: 4 }),
  })
  .map(({ chunks, last, trailers }) => {
    const written = chunks.map(([data, zeros, ext, isUpper]) => {
      const digits = data.length.toString(16);
      return `${zeros}${isUpper ? digits.toUpperCase() : digits}${ext}\r\n${data}\r\n`;
    });
    return {
      coded: `${written.join('')}${last}\r\n${write(trailers)}\r\n`,
      data: chunks.map(([data]) => data).join(''),
      trailers,
    };
  });

type Body =
  | { readonly kind: 'none' | 'zero' | 'length'; readonly data: string }
  | {
      readonly kind: 'chunked';
      readonly coded: string;
      readonly data: string;
      readonly trailers: readonly Line[];
    };

const body: fc.Arbitrary<Body> = fc.oneof(
  fc.constant({ kind: 'none' as const, data: '' }),
  fc.constant({ kind: 'zero' as const, data: '' }),
  octets.filter((data) => data !== '').map((data) => ({ kind: 'length' as const, data })),
  chunkedBody.map((chunked) => ({ kind: 'chunked' as const, ...chunked })),
);

function framingLines(framed: Body): Line[] {
  if (framed.kind === 'none') return [];
  const value = framed.kind === 'chunked' ? 'chunked' : String(framed.data.length);
  const name = framed.kind === 'chunked' ? 'Transfer-Encoding' : 'content-LENGTH';
  return [{ name, before: ' ', value, after: '' }];
}

const bodyText = (framed: Body): string => (framed.kind === 'chunked' ? framed.coded : framed.data);
const bodyEvents = (framed: Body): string[] => [
  ...(framed.data === '' ? [] : [`data ${escapeText(framed.data)}`]),
  ...(framed.kind === 'chunked' ? tell('trailer', framed.trailers) : []),
  'end',
];
const tellFraming = (framed: Body): string => {
  if (framed.kind === 'length') return `length:${framed.data.length}`;
  return framed.kind === 'chunked' ? 'chunked' : 'none';
};

const host = fc.constantFrom('a', 'b.example:8080', '[::1]:81', 'A%2d', '127.0.0.1');
const path = fc
  .string({
    unit: fc.constantFrom(...'abcXYZ019/?&=.-_~%25:@!$()*+,;"<>^`{|}'.replace('%', '')),
    maxLength: 60,
  })
  .map((rest) => `/${rest}`);

/** A request of 1.1 in any proper shape that lets the next one follow. */
export const request: fc.Arbitrary<Message> = fc
  .record({
    method: fc.oneof(
      fc.constantFrom('GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'),
      token(32).filter((method) => method !== 'CONNECT' && method !== 'TRACE'),
    ),
    path,
    host,
    absolute: fc.option(host),
    framed: body,
    others: fc.array(otherLine, { maxLength: 8 }),
    at: fc.nat(20),
    expects: fc.boolean(),
    emptyLines: fc.nat(4),
  })
  .map(
    ({ method, path: target, host: named, absolute, framed, others, at, expects, emptyLines }) => {
      const own: Line[] = [
        { name: 'hOst', before: '', value: named, after: ' ' },
        ...framingLines(framed),
      ];
      if (expects) own.push({ name: 'Expect', before: ' ', value: '100-Continue', after: '' });
      const place = Math.min(at, others.length);
      const lines = [...others.slice(0, place), ...own, ...others.slice(place)];
      const raw = absolute === null ? target : `http://${absolute}${target}`;
      const waits =
        expects && framed.kind !== 'none' && framed.kind !== 'zero' ? ' expects-continue' : '';
      return {
        text: `${'\r\n'.repeat(emptyLines)}${method} ${raw} HTTP/1.1\r\n${write(lines)}\r\n${bodyText(framed)}`,
        events: [
          `request ${method} ${escapeText(target)} 1.1 authority=${absolute ?? named} framing=${tellFraming(framed)}${waits} keeps-alive`,
          ...tell('field', lines),
          ...bodyEvents(framed),
        ],
      };
    },
  );

/** A response to GET in any proper shape that lets the next one follow. */
export const response: fc.Arbitrary<Message> = fc
  .record({
    status: fc.integer({ min: 200, max: 599 }).filter((status) => status !== 204 && status !== 304),
    reason: fc.constantFrom('', 'OK', 'Not  Found', 'caf\xe9'),
    framed: body.filter(({ kind }) => kind !== 'none'),
    others: fc.array(otherLine, { maxLength: 8 }),
    at: fc.nat(20),
  })
  .map(({ status, reason, framed, others, at }) => {
    const place = Math.min(at, others.length);
    const lines = [...others.slice(0, place), ...framingLines(framed), ...others.slice(place)];
    return {
      text: `HTTP/1.1 ${status} ${reason}\r\n${write(lines)}\r\n${bodyText(framed)}`,
      events: [
        `response ${status}${reason === '' ? '' : ` ${escapeText(reason)}`} 1.1 framing=${tellFraming(framed)} keeps-alive`,
        ...tell('field', lines),
        ...bodyEvents(framed),
      ],
    };
  });

/** Rising places to cut at, as parts of the length. */
export const cuts = fc
  .array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 })
  .map(
    (parts) => (length: number) =>
      parts.map((part) => Math.floor(part * length)).sort((a, b) => a - b),
  );
