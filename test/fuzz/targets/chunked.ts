/** The chunk decoder against another one that reads the whole text at once, and the trailers that are passed on. */
import { seeded } from '../../../src/base/clock.ts';
import { BodyDecoder, trailerLines } from '../../../src/http1/body-decoder.ts';
import { Input } from '../../../src/http1/input.ts';
import type { FieldTable } from '../../../src/message/fields.ts';
import { readWireCases } from '../../wire/read-wire.ts';
import { type FuzzTarget, fingerprint, promise } from '../engine/target.ts';
import { randomCuts } from '../mutate.ts';

export const chunkedTarget: FuzzTarget = {
  name: 'chunked',
  promise:
    'decoded as a second decoder does, however cut or paused; bounded; trailers proper and harmless',
  seeds: () => [
    Buffer.from('3\r\nabc\r\n0\r\n\r\n'),
    Buffer.from('a;x="y"\r\n0123456789\r\n00\r\nX-T: 1\r\nContent-Length: 3\r\n\r\nGET /'),
    ...[...readWireCases('requests'), ...readWireCases('responses')].flatMap(({ bytes }) => {
      const end = bytes.indexOf('\r\n\r\n');
      return /chunked/i.test(bytes.toString('latin1', 0, end)) ? [bytes.subarray(end + 4)] : [];
    }),
  ],
  // Whole chunks of the sizes that counters turn over at: by chance no size fits its data.
  morsels: [1, 15, 16, 255, 256, 257, 511, 512, 1024, 4095].map(
    (size) => `${size.toString(16)}\r\n${'x'.repeat(size)}\r\n`,
  ),
  run(data) {
    const random = seeded(fingerprint(data));
    const whole = decode(data, [], () => false);
    const cut = decode(data, randomCuts(data.length, random), () => random() < 0.3);
    promise(
      whole.outcome === cut.outcome && whole.body === cut.body && whole.trailers === cut.trailers,
      () => `cut otherwise, read otherwise: ${JSON.stringify([whole, cut])}`,
    );
    promise(whole.end === cut.end, () => 'cut otherwise, ends elsewhere');
    compare(whole, data.toString('latin1'));
  },
};

interface Decoded {
  readonly outcome: string;
  readonly body: string;
  readonly trailers: string;
  /** Where the body ends; 0 when it does not. */
  readonly end: number;
}

function decode(data: Buffer, cuts: readonly number[], isTired: () => boolean): Decoded {
  const input = new Input();
  const decoder = new BodyDecoder();
  decoder.begin('chunked', 0);
  let body = '';
  let trailers = '';
  let ends = 0;
  const sink = {
    onData: (bytes: Buffer): boolean => {
      promise(bytes.length > 0, () => 'empty data');
      body += bytes.toString('latin1');
      return !isTired();
    },
    onEnd: (table: FieldTable | null): void => {
      ends += 1;
      trailers = table === null ? '' : checkedTrailers(table);
    },
  };
  let outcome = 'more';
  let from = 0;
  let end = 0;
  for (const to of [...cuts, data.length]) {
    if (to < from || outcome !== 'more') continue;
    const piece = Buffer.from(data.subarray(from, to));
    from = to;
    input.push(piece);
    do {
      outcome = decoder.read(input, sink);
    } while (outcome === 'paused');
    end = to - input.length;
    input.keep();
    piece.fill(0x21);
    const held = input.length;
    promise(outcome !== 'more' || held <= 10 * 1024, () => `holds ${held} octets and waits`);
  }
  promise(ends === (outcome === 'end' ? 1 : 0), () => `${ends} ends told, and ${outcome}`);
  promise(outcome !== 'malformed' || decoder.reason !== '', () => 'malformed without a reason');
  return { outcome, body, trailers, end: outcome === 'end' ? end : 0 };
}

const named = ['x-named'];

function checkedTrailers(table: FieldTable): string {
  const lines = trailerLines(table, named);
  for (const line of lines.split('\r\n').slice(0, -1)) {
    const found = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ([\t -~\x80-\xff]*)$/.exec(line);
    promise(found !== null, () => `an improper trailer line: ${JSON.stringify(line)}`);
    const name = (found[1] as string).toLowerCase();
    promise(
      !/^(?:content-length|transfer-encoding|host|trailer|te|connection|upgrade|keep-alive|proxy-connection|proxy-authorization|proxy-authenticate|authorization|set-cookie|cookie|content-type|content-encoding|content-range|expect|max-forwards|x-named)$/.test(
        name,
      ),
      () => `${name} is passed on as a trailer`,
    );
  }
  promise(lines === '' || lines.endsWith('\r\n'), () => 'trailer lines without an end');
  return lines;
}

/** RFC 9112 7.1, as a pattern at a time. What it does not judge (limits) it leaves alone. */
function compare(read: Decoded, text: string): void {
  let at = 0;
  let body = '';
  let extensions = 0;
  const expected = (): string => {
    for (;;) {
      const line = /^([0-9A-Fa-f]+)([\t ]*(?:;[\t -~\x80-\xff]*)?)\r\n/.exec(
        text.slice(at, at + 20_000),
      );
      if (line === null) return 'no chunk';
      if ((line[1] as string).length > 13) return 'too large';
      extensions += (line[2] as string).length;
      if ((line[2] as string).length > 200 || extensions > 16_000) return 'limit';
      if (/^[\t ]+$/.test(line[2] as string)) return 'no chunk';
      at += line[0].length;
      const size = Number.parseInt(line[1] as string, 16);
      if (size === 0) return 'last';
      body += text.slice(at, at + size);
      if (at + size + 2 > text.length) return 'no chunk';
      if (text.slice(at + size, at + size + 2) !== '\r\n') return 'no chunk';
      at += size + 2;
    }
  };
  const how = expected();
  if (how === 'limit') return;
  promise(
    how !== 'too large' || read.outcome === 'malformed',
    () => 'a size that cannot be counted',
  );
  if (how === 'too large') return;
  promise(
    read.body === body || how === 'no chunk',
    () => `another body: ${JSON.stringify(read.body)}`,
  );
  promise(body.startsWith(read.body) || read.body.startsWith(body), () => 'bodies that differ');
  promise(how !== 'no chunk' || read.outcome !== 'end', () => 'an end where there is none');
  const rest = text.slice(at);
  const isPlainEnd = how === 'last' && rest.startsWith('\r\n');
  promise(
    !isPlainEnd || read.outcome === 'end' || text.length > 16_000,
    () => `${read.outcome} where the end is`,
  );
}
