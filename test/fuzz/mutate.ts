/** Spoils octets the way attackers and faulty programs do: by a seed, so that each finding can be made again. */
import type { Random } from '../../src/base/clock.ts';

/** What parsers have been found to differ over. */
export const morsels: readonly string[] = [
  '\r\n',
  '\n',
  '\r',
  '\r\n\r\n',
  '\r\n ',
  '\r\n\t',
  '\0',
  ' ',
  '\t',
  '\x0b',
  '\x7f',
  '\x85',
  '\xa0',
  '\xff',
  ':',
  ' :',
  ',',
  ';',
  '"',
  '\\',
  '%00',
  '%0d%0a',
  '#',
  '@',
  '*',
  '0',
  '-1',
  '0x1',
  '00000000000000001',
  '9007199254740993',
  '18446744073709551616',
  'fffffffffffffffff',
  '0\r\n\r\n',
  '1\r\nx\r\n',
  ';ext=1',
  'HTTP/1.0',
  'HTTP/1.1',
  'HTTP/2.0',
  'chunked',
  'identity',
  'gzip, chunked',
  'http://b.example',
  'Host: b\r\n',
  'Content-Length: 1\r\n',
  'Content-Length: 0\r\n',
  'Content-Length : 3\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'Connection: close\r\n',
  'Connection: Host, x\r\n',
  'Expect: 100-continue\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx',
  'HTTP/1.1 100 Continue\r\n\r\n',
];

function below(limit: number, random: Random): number {
  return Math.floor(random() * limit);
}

/** One to seven changes to `bytes`; `others` lends pieces, `dictionary` words. Never longer than 64 KiB. */
export function mutate(
  bytes: Buffer,
  others: readonly Buffer[],
  random: Random,
  dictionary: readonly string[] = morsels,
): Buffer {
  let mutant: Buffer = Buffer.from(bytes);
  const changes = 1 + below(4, random) * below(3, random);
  for (let change = 0; change < changes; change += 1)
    mutant = mutateOnce(mutant, others, random, dictionary);
  return mutant.length > 65_536 ? mutant.subarray(0, 65_536) : mutant;
}

/** Anywhere; often where a line begins, since most that is read is lines. */
function place(bytes: Buffer, random: Random): number {
  const at = below(bytes.length + 1, random);
  if (random() < 0.6) return at;
  const lineEnd = bytes.indexOf(0x0a, at);
  return lineEnd === -1 ? at : lineEnd + 1;
}

function mutateOnce(
  bytes: Buffer,
  others: readonly Buffer[],
  random: Random,
  dictionary: readonly string[],
): Buffer {
  const at = place(bytes, random);
  const to = Math.min(bytes.length, at + below(random() < 0.7 ? 8 : bytes.length + 1, random));
  const head = bytes.subarray(0, at);
  const middle = bytes.subarray(at, to);
  const tail = bytes.subarray(to);
  switch (below(11, random)) {
    case 0:
      return Buffer.concat([head, tail]);
    case 1:
      return Buffer.concat([head, middle, middle, tail]);
    case 2: {
      const morsel = dictionary[below(dictionary.length, random)] ?? '';
      return Buffer.concat([head, Buffer.from(morsel, 'latin1'), bytes.subarray(at)]);
    }
    case 3: {
      const morsel = dictionary[below(dictionary.length, random)] ?? '';
      return Buffer.concat([head, Buffer.from(morsel, 'latin1'), tail]);
    }
    case 4:
      return Buffer.concat([head, Buffer.of(below(256, random)), bytes.subarray(at + 1)]);
    case 5: {
      const flipped = Buffer.from(bytes);
      if (at < bytes.length) flipped[at] = (flipped[at] as number) ^ (1 << below(8, random));
      return flipped;
    }
    case 6: {
      const other = others[below(others.length, random)] ?? Buffer.alloc(0);
      const from = below(other.length + 1, random);
      return Buffer.concat([head, other.subarray(from, from + below(200, random)), tail]);
    }
    case 7: {
      // Lines change places.
      const lines = bytes.toString('latin1').split('\r\n');
      const [line = ''] = lines.splice(below(lines.length, random), 1);
      lines.splice(below(lines.length + 1, random), 0, line);
      return Buffer.from(lines.join('\r\n'), 'latin1');
    }
    case 8:
      return otherNumber(bytes, random);
    case 9:
      // Many of the same: counters and limits are reached by these alone.
      return Buffer.concat([head, repeated(middle, 2 ** below(11, random)), tail]);
    default:
      return Buffer.from(head);
  }
}

function repeated(bytes: Buffer, times: number): Buffer {
  const most = Math.floor(65_536 / Math.max(1, bytes.length));
  return Buffer.concat(Array.from({ length: Math.min(times, most) }, () => bytes));
}

/** One of the numbers in it becomes a neighbour, or what numbers overflow at. */
function otherNumber(bytes: Buffer, random: Random): Buffer {
  const text = bytes.toString('latin1');
  const numbers = [...text.matchAll(/\d{1,20}/g)];
  const number = numbers[below(numbers.length, random)];
  if (number === undefined) return bytes;
  const value = BigInt(number[0]);
  const changed = [value + 1n, value - 1n, value * 2n, 0n, 2n ** 31n, 2n ** 32n, 2n ** 53n];
  const written = String(changed[below(changed.length, random)]);
  const end = number.index + number[0].length;
  return Buffer.from(text.slice(0, number.index) + written + text.slice(end), 'latin1');
}

/** Where to cut octets of this length: nowhere, everywhere, or in a few places. */
export function randomCuts(length: number, random: Random): number[] {
  const mode = below(4, random);
  if (mode === 0) return [];
  if (mode === 1 && length < 4_096) return Array.from({ length }, (_, at) => at);
  const cuts = Array.from({ length: 1 + below(6, random) }, () => below(length + 1, random));
  return cuts.sort((a, b) => a - b);
}
