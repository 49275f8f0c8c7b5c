/** What both grammars share: the places where parsers are known to differ, and what is put there. */
import type { Chance } from './chance.ts';

export const lineEnd = ['\r\n'] as const;
export const oddLineEnds = [
  '\n',
  '\r',
  '\r\r\n',
  '\n\r',
  '\r\n ',
  '\r\n\t',
  '\x0b\r\n',
  '\0\r\n',
  ' \r\n',
  '',
  '\x85',
];
export const oddColons = [
  ' : ',
  '\t: ',
  ':\t',
  ': \x0b',
  ' ',
  ';: ',
  ':\r\n ',
  '\r\n: ',
  '::',
  ':\0',
  '\0: ',
];
export const oddNames = [
  'X Y',
  'X\t',
  '\tX',
  ' X',
  'X\0',
  'X\x7f',
  'X\xff',
  '',
  'X(',
  'X/Y',
  '"X"',
  'X_Y',
  'Content_Length',
  'Transfer_Encoding',
  'Content Length',
  'Content-Length\x0b',
  'transfer-encoding ',
  'Host_',
  'content-length',
  'X\rY',
  'X\nY',
];
export const oddValues = [
  '\0',
  'a\0b',
  'a\rb',
  'a\nb',
  'a\r\n b',
  'a\x0bc',
  'a\x7f',
  '\x80\xff',
  'a\x1bc',
  '\xe5\x98\x8a\xe5\x98\x8dX: y',
  '\t',
  '  ',
  ',',
  ', ,',
  '"a',
  'a\\',
  'a;b=c',
  'a\r\nContent-Length: 0',
  'a\nTransfer-Encoding: chunked',
  'a\rContent-Length: 5',
];
export const oddLengths = [
  '+{n}',
  '-{n}',
  ' {n} ',
  '{n},{n}',
  '{n}, 0',
  '0{n}',
  '{n}.0',
  '0x{n}',
  '{n} {n}',
  '"{n}"',
  '{n};',
  '{n}\0',
  '\x0b{n}',
  '{n}_0',
  '1e1',
  '',
  '18446744073709551616',
  '9007199254740993',
  '4294967296',
  '\xb2',
  '{n}\r\nContent-Length: {n}',
  '{n}\r\nContent-Length: 0',
  '{n}\r\ncontent-length: {m}',
  '{m}',
  '0',
  '1',
];
export const oddCodings = [
  'Chunked',
  'CHUNKED',
  'chunked ',
  '\tchunked',
  'xchunked',
  'chunked, chunked',
  ', chunked',
  'chunked,',
  'gzip, chunked',
  'chunked, gzip',
  'identity',
  'identity, chunked',
  'chunked;q=1',
  '"chunked"',
  '\x0bchunked',
  'chun\tked',
  'chunked\0',
  'chunked\r\nTransfer-Encoding: identity',
  'identity\r\nTransfer-Encoding: chunked',
  'chunked\r\n',
  'chunk',
  'x',
  '',
  '\xa0chunked',
  'chunked\r\nContent-Length: {n}',
];

const oddSizes = [
  '+{h}',
  '-{h}',
  ' {h}',
  '{h} ',
  '0x{h}',
  '{h}x',
  '{h} {h}',
  '00000000000000000{h}',
  '1000000000000000{h}',
  '{h}\t',
  '{h};',
  '{h};a=b',
  '{h} ;a',
  '{h};\n',
  '{h};a\rb',
  '{h};a="\r\n"',
  '{h};\0',
  '{h},',
  '',
  'ffffffffffffffff',
  '{h}\n',
  '{h}\r',
  '{h}_',
  '"{h}"',
  '{H}',
  '0{h}',
  '{h};{e}',
];

/** The body in chunks, a piece each; `trailers` are whole lines. */
export function chunkPieces(body: string, chance: Chance, trailers: readonly string[]): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < body.length; ) {
    const length = Math.max(1, chance.is(0.6) ? body.length : chance.below(body.length));
    const data = body.slice(at, at + length);
    at += data.length;
    const hex = data.length.toString(16);
    pieces.push(
      fill(chance.pick(['{h}', '{h}', '{h}', '{H}', '0{h}', '{h};a=b'], oddSizes), hex),
      chance.pick(lineEnd, oddLineEnds),
      data,
      chance.pick(lineEnd, [...oddLineEnds, '\r\n\r\n', 'XX', '\r\n0\r\n\r\n']),
    );
  }
  pieces.push(
    chance.pick(
      ['0', '0', '00', '0;a'],
      ['0 ', '-0', '0x0', '0;\n', '\t0', '', '0\0', '1', '0;a=\r\n b'],
    ),
    chance.pick(lineEnd, oddLineEnds),
    ...trailers,
    chance.pick(lineEnd, oddLineEnds),
  );
  return pieces;
}

function fill(form: string, hex: string): string {
  return form
    .replaceAll('{h}', hex)
    .replaceAll('{H}', hex.toUpperCase())
    .replaceAll('{e}', 'x'.repeat(300));
}

export function fieldLine(name: string, value: string, chance: Chance): string {
  return `${name}${chance.pick([': ', ': ', ':', ': \t', ':  '], oddColons)}${value}${chance.pick(lineEnd, oddLineEnds)}`;
}

/** Spoils the whole now and then, without regard to grammar: an octet, a cut, a doubled piece. */
export function spoil(pieces: string[], chance: Chance): string[] {
  if (pieces.length === 0 || !chance.is(chance.oddness * 2)) return pieces;
  const at = chance.below(pieces.length);
  const piece = pieces[at] ?? '';
  const inside = chance.below(piece.length + 1);
  const spoilt = chance.one([
    [piece, piece],
    [],
    [
      piece.slice(0, inside) +
        chance.one(['\0', '\r', '\n', ' ', '\r\n', ':', '\xff', '0', ';']) +
        piece.slice(inside),
    ],
    [piece.slice(0, inside)],
    [piece.slice(0, inside) + String.fromCharCode(chance.below(256)) + piece.slice(inside + 1)],
  ]);
  return [...pieces.slice(0, at), ...spoilt, ...pieces.slice(at + 1)];
}
