/**
 * Responses by grammar, with something odd in them now and then. Each carries its name in a field and in its body; a
 * second response that hides in it, or stands behind it, has the body `forged-ID`, which no client may ever be given as an
 * answer of its own.
 */
import type { Random } from '../../src/base/clock.ts';
import { Chance } from './chance.ts';
import {
  chunkPieces,
  fieldLine,
  lineEnd,
  oddCodings,
  oddLengths,
  oddLineEnds,
  oddNames,
  oddValues,
  spoil,
} from './fragments.ts';

export interface ResponseTrial {
  readonly id: number;
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly pieces: readonly string[];
}

const statuses = [
  '200 OK',
  '200 OK',
  '200 OK',
  '200 OK',
  '404 Not Found',
  '204 No Content',
  '304 Not Modified',
  '206 Partial',
  '500 No',
  '200 ',
  '200',
  '301 Moved',
  '401 No',
  '205 Reset',
];
const oddStatuses = [
  '099 X',
  '600 X',
  '2000 OK',
  '20 OK',
  '+200 OK',
  '200\tOK',
  ' 200 OK',
  '200  OK',
  'ABC',
  '',
  '200 O\0K',
  '200 O\rK',
  '101 Switch',
  '999 X',
  '100 Continue',
  '200 \xff',
];
const versions = ['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0'];
const oddVersions = [
  'HTTP/1.2',
  'HTTP/2.0',
  'HTTP/0.9',
  'http/1.1',
  'HTTP/1.10',
  'HTTP/01.1',
  'ICY',
  '',
  'HTTP',
  ' HTTP/1.1',
  '\r\nHTTP/1.1',
  'HTTP/1,1',
];

export class ResponseGrammar {
  readonly #chance: Chance;

  constructor(random: Random) {
    this.#chance = new Chance(random);
  }

  trial(id: number): ResponseTrial {
    const chance = this.#chance;
    chance.oddness = chance.one([0, 0.005, 0.01, 0.03, 0.1]);
    const method = chance.one([
      'GET',
      'GET',
      'GET',
      'GET',
      'GET',
      'GET',
      'GET',
      'HEAD',
      'POST',
    ] as const);
    const pieces: string[] = [];
    while (chance.is(0.08)) pieces.push(...this.#interim());
    pieces.push(...this.#final(id));
    const whole = chance.is(0.15) ? spoil(pieces, chance) : pieces;
    const behind = chance.is(0.08)
      ? [
          chance.one([
            forged(id),
            '\r\n',
            '\0',
            'HTTP/1.1 100 Continue\r\n\r\n',
            forged(id).slice(0, 20),
          ]),
        ]
      : [];
    return { id, method, pieces: [...this.#cut(whole), ...behind] };
  }

  #interim(): string[] {
    const chance = this.#chance;
    const status = chance.pick(
      ['100 Continue', '103 Early Hints', '102 Processing'],
      ['101 Switch', '199 X', '100', '1 X'],
    );
    const fields = chance.is(0.5) ? [fieldLine('Link', '</a.css>; rel=preload', chance)] : [];
    if (chance.is(chance.oddness)) fields.push(fieldLine('Content-Length', '5', chance));
    return [
      `HTTP/1.1 ${status}`,
      chance.pick(lineEnd, oddLineEnds),
      ...fields,
      chance.pick(lineEnd, oddLineEnds),
    ];
  }

  #final(id: number): string[] {
    const chance = this.#chance;
    const framing = chance.one(['length', 'length', 'length', 'chunked', 'chunked', 'close']);
    const body = this.#body(id);
    const fields = chance.shuffled([
      ...this.#framingFields(framing, body),
      ...this.#otherFields(id),
    ]);
    return [
      chance.pick(versions, oddVersions),
      chance.pick([' '], ['  ', '\t', '']),
      chance.pick(statuses, oddStatuses),
      chance.pick(lineEnd, oddLineEnds),
      ...fields,
      chance.pick(lineEnd, [...oddLineEnds, ' \r\n']),
      ...(framing === 'chunked' ? chunkPieces(body, chance, this.#trailers()) : [body]),
    ];
  }

  #framingFields(framing: string, body: string): string[] {
    const chance = this.#chance;
    const fill = (form: string) =>
      form
        .replaceAll('{n}', String(body.length))
        .replaceAll('{m}', String(chance.below(body.length + 8)));
    const lines: string[] = [];
    if (framing === 'length') {
      const name = chance.pick(
        ['Content-Length', 'content-length'],
        ['Content-Length ', 'Content_Length', ' Content-Length', 'Content-Length\0'],
      );
      lines.push(fieldLine(name, fill(chance.pick(['{n}'], oddLengths)), chance));
    }
    if (framing === 'chunked') {
      const name = chance.pick(
        ['Transfer-Encoding', 'transfer-encoding'],
        ['Transfer-Encoding ', 'Transfer_Encoding', ' Transfer-Encoding'],
      );
      lines.push(fieldLine(name, fill(chance.pick(['chunked'], oddCodings)), chance));
    }
    if (chance.is(chance.oddness))
      lines.push(fieldLine('Content-Length', fill(chance.one(['{n}', '0', '{m}'])), chance));
    if (chance.is(chance.oddness))
      lines.push(
        fieldLine('Transfer-Encoding', chance.one(['chunked', 'identity', 'gzip']), chance),
      );
    return lines;
  }

  #otherFields(id: number): string[] {
    const chance = this.#chance;
    const lines = [fieldLine('X-Id', String(id), chance)];
    const add = (probability: number, field: string, value: string) => {
      if (chance.is(probability)) lines.push(fieldLine(field, value, chance));
    };
    add(0.4, 'Content-Type', 'text/plain');
    add(0.2, 'Date', 'Thu, 01 Jan 2026 00:00:00 GMT');
    add(0.1, 'Set-Cookie', 'a=b; Path=/');
    add(0.1, chance.pick(['X-Name', 'X_Under'], oddNames), chance.pick(['v', ''], oddValues));
    add(
      0.15,
      'Connection',
      chance.pick(
        ['close', 'keep-alive', 'X-Name'],
        ['Content-Length', 'Transfer-Encoding', '"close"', 'Upgrade'],
      ),
    );
    add(0.05, 'Keep-Alive', chance.one(['timeout=5', 'timeout=0', 'timeout=x']));
    add(0.03, 'Upgrade', chance.one(['h2c', 'websocket']));
    add(0.03, 'Trailer', 'X-Sum');
    return lines;
  }

  #trailers(): string[] {
    const chance = this.#chance;
    if (!chance.is(0.15 + chance.oddness)) return [];
    const name = chance.pick(
      ['X-Sum', 'Expires'],
      ['Content-Length', 'Transfer-Encoding', 'Set-Cookie', 'X ', ' X', '', 'HTTP/1.1 200 OK'],
    );
    return [fieldLine(name, chance.pick(['1', 'a b'], [...oddValues, '0']), chance)];
  }

  #body(id: number): string {
    const chance = this.#chance;
    const kind = chance.below(8);
    if (kind < 2) return `body-${id}`;
    if (kind < 4) return `body-${id}${forged(id)}`;
    if (kind === 4) return `0\r\n\r\n${forged(id)}`;
    if (kind === 5) return `\r\n\r\n${forged(id)}`;
    if (kind === 6) return chance.octets(chance.below(chance.is(0.05) ? 40_000 : 300));
    return '';
  }

  /** An origin that dies: what is behind the cut never comes. */
  #cut(pieces: string[]): string[] {
    const chance = this.#chance;
    if (!chance.is(0.08)) return pieces;
    const text = pieces.join('');
    return [text.slice(0, chance.below(text.length + 1))];
  }
}

export function forged(id: number): string {
  const body = `forged-${id}`;
  return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}
