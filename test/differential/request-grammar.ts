/**
 * Requests by grammar, with something odd in them now and then. A trial is one to three requests behind one another, in
 * pieces that a finding is shrunk by. Each request carries its name, `ID-NTH`, in its path and in a field; a request that
 * is hidden where it must not be one (in a body, a field, an extension, a trailer) asks for `/smuggled-ID`.
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

export interface Trial {
  readonly id: number;
  readonly pieces: readonly string[];
  /** How many requests it was made of, before anything was spoilt. */
  readonly messages: number;
}

export function bytesOf({ pieces }: Pick<Trial, 'pieces'>): Buffer {
  return Buffer.from(pieces.join(''), 'latin1');
}

const methods = [
  'GET',
  'GET',
  'GET',
  'POST',
  'POST',
  'POST',
  'PUT',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'PATCH',
];
const oddMethods = [
  'get',
  'TRACE',
  'CONNECT',
  'PROPFIND',
  'M-SEARCH',
  'X',
  'GET\t',
  '',
  'GE T',
  'G\0T',
  'PRI',
  'QUERY',
  'Post',
  '"GET"',
  'GET:',
];
const versions = ['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0'];
const oddVersions = [
  'HTTP/1.2',
  'HTTP/2.0',
  'HTTP/0.9',
  'http/1.1',
  'HTTP/1.1 ',
  'HTTP/1.10',
  'HTTP/01.1',
  'HTTP/1,1',
  'HTTP/1',
  '',
  'HTTP/1.1x',
  'HTTP /1.1',
  'ICY/1.1',
];
const oddHosts = [
  '',
  'a@b',
  'a,b',
  'a/b',
  'a b',
  'a\\b',
  'a:99999',
  'a%00',
  '[::1',
  'a\r\nHost: b',
  'a\r\nhost: a',
  '\xff',
  'a:80:80',
  'a#b',
  'a\0',
];

export class RequestGrammar {
  readonly #chance: Chance;

  constructor(random: Random) {
    this.#chance = new Chance(random);
  }

  trial(id: number): Trial {
    const chance = this.#chance;
    chance.oddness = chance.one([0, 0.004, 0.01, 0.02, 0.04, 0.12]);
    const pieces: string[] = [];
    const count = chance.one([1, 1, 2, 3]);
    for (let nth = 0; nth < count; nth += 1) {
      const message = this.#message(`${id}-${nth}`, id);
      pieces.push(...(chance.is(0.15) ? spoil(message, chance) : message));
      if (chance.is(chance.oddness))
        pieces.push(chance.one(['\r\n', '\n', '\0', ' ', '\r', '\r\n\r\n']));
    }
    // Who swallows the last one has lost count.
    const hasLast = chance.is(0.3);
    if (hasLast) pieces.push(`GET /t${id}-last HTTP/1.1\r\nHost: a\r\nX-Id: ${id}-last\r\n\r\n`);
    return { id, pieces, messages: count + (hasLast ? 1 : 0) };
  }

  #message(name: string, id: number): string[] {
    const chance = this.#chance;
    const method = chance.pick(methods, oddMethods);
    const version = chance.pick(versions, oddVersions);
    const mayHaveBody = !['GET', 'HEAD'].includes(method) || chance.is(0.15);
    const framing = mayHaveBody
      ? chance.one(['none', 'length', 'length', 'chunked', 'chunked'])
      : 'none';
    const body = framing === 'none' ? '' : this.#body(id);
    const fields = chance.shuffled([
      ...this.#framingFields(
        version === 'HTTP/1.0' && framing === 'chunked' && chance.is(0.9) ? 'length' : framing,
        body,
      ),
      ...this.#otherFields(name, id, version),
    ]);
    if (!chance.is(chance.oddness)) fields.unshift(this.#host());
    const rest =
      framing === 'chunked' && !(version === 'HTTP/1.0')
        ? chunkPieces(body, chance, this.#trailers(id))
        : [body];
    return [
      method,
      chance.pick([' '], ['  ', '\t', '\x0b', '', ' \t', '\xa0']),
      this.#target(name),
      chance.pick([' '], ['  ', '\t', '\x0c', '', ' \0']),
      version,
      chance.pick(lineEnd, oddLineEnds),
      ...fields,
      chance.pick(lineEnd, [...oddLineEnds, ' \r\n']),
      ...rest,
    ];
  }

  #target(name: string): string {
    const chance = this.#chance;
    const path = `/t${name}`;
    return chance.pick(
      [
        path,
        path,
        path,
        `${path}?q=1`,
        `${path}?text=1%0D%0A2`,
        `http://a${path}`,
        `${path}/../x`,
        `${path}/%2e%2e/;a=b`,
        `/${path}`,
      ],
      [
        `${path} x`,
        `${path}#f`,
        `${path}\\x`,
        `${path}%00`,
        `${path}%0d%0aX:%20y`,
        `${path}\0`,
        `${path}\x7f`,
        `${path}\xe9`,
        '*',
        `*${path}`,
        `http://evil${path}`,
        `https://a${path}`,
        `http://u@a${path}`,
        `http://a`,
        `a${path}`,
        `a:80`,
        `${path}\tx`,
        `${path}\rx`,
        `${path}\nX: y`,
        '',
        `${path}?a=%00`,
        `${path}%`,
        `${path}"<>{}|^\``,
        `${path} HTTP/1.1\r\nHost: a\r\n\r\nGET /smuggled-0`,
        `//evil${path}`,
        `/.${path}`,
      ],
    );
  }

  #host(): string {
    const chance = this.#chance;
    const name = chance.pick(
      ['Host', 'Host', 'host', 'HOST'],
      ['Host ', 'Host\t', ' Host', 'Ho\0st', 'Host\r\n'],
    );
    return fieldLine(
      name,
      chance.pick(['a', 'a', 'b.example', 'a:80', '[::1]:8080'], oddHosts),
      chance,
    );
  }

  #framingFields(framing: string, body: string): string[] {
    const chance = this.#chance;
    const lines: string[] = [];
    const length = String(body.length);
    const fill = (form: string) =>
      form.replaceAll('{n}', length).replaceAll('{m}', String(chance.below(body.length + 8)));
    if (framing === 'length') {
      const name = chance.pick(
        ['Content-Length', 'content-length'],
        [
          'Content-Length ',
          'Content_Length',
          ' Content-Length',
          'Content-Length\t',
          'Content-Lengt\xe8',
          'X-Content-Length',
        ],
      );
      lines.push(fieldLine(name, fill(chance.pick(['{n}'], oddLengths)), chance));
    }
    if (framing === 'chunked') {
      const name = chance.pick(
        ['Transfer-Encoding', 'transfer-encoding'],
        [
          'Transfer-Encoding ',
          'Transfer_Encoding',
          ' Transfer-Encoding',
          'Transfer-Encoding\0',
          'X: y\nTransfer-Encoding',
          'TransferEncoding',
        ],
      );
      lines.push(fieldLine(name, fill(chance.pick(['chunked'], oddCodings)), chance));
    }
    if (chance.is(chance.oddness))
      lines.push(fieldLine('Content-Length', fill(chance.one(['{n}', '0', '{m}'])), chance));
    if (chance.is(chance.oddness))
      lines.push(
        fieldLine('Transfer-Encoding', chance.one(['chunked', 'identity', 'x', 'gzip']), chance),
      );
    return lines;
  }

  #otherFields(name: string, id: number, version: string): string[] {
    const chance = this.#chance;
    const lines = [fieldLine('X-Id', name, chance)];
    const add = (probability: number, field: string, value: string) => {
      if (chance.is(probability)) lines.push(fieldLine(field, value, chance));
    };
    add(0.3, 'User-Agent', 'differential/1.0 (by grammar)');
    add(0.3, 'Accept', '*/*');
    add(
      0.2,
      'Content-Type',
      chance.one([
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
      ]),
    );
    add(0.1, 'Cookie', `a=b; c="d\\"; smuggled=GET /smuggled-${id} HTTP/1.1`);
    add(0.1, 'X-Odd', chance.pick(['a', '', 'a, b', '"a,b"', '\xe4\xb8\xad'], oddValues));
    add(
      0.15,
      chance.pick(['X-Name', "x!#$%&'*+.^_`|~", 'X_Under'], oddNames),
      chance.pick(['v'], oddValues),
    );
    add(
      0.08,
      'Connection',
      chance.pick(
        ['keep-alive', 'close', 'TE', 'X-Name', 'Upgrade, x'],
        ['Host', 'Content-Length', 'close, Transfer-Encoding', '"close"', ', ,', 'Content_Length'],
      ),
    );
    add(0.03, 'TE', chance.one(['trailers', 'gzip, trailers', 'chunked']));
    add(0.03, 'Trailer', chance.one(['X-Sum', 'Content-Length', 'Host']));
    add(
      0.02,
      'Expect',
      version === 'HTTP/1.0' ? 'x' : chance.pick(['100-continue'], ['x', '100-continue, x', '']),
    );
    add(0.02, 'Upgrade', chance.one(['h2c', 'websocket', 'TLS/1.0']));
    add(0.02, 'Max-Forwards', chance.one(['0', '1', '-1', 'x']));
    add(0.03, 'Range', 'bytes=0-0');
    add(0.03, 'If-None-Match', '*');
    add(0.03, 'Content-Encoding', 'gzip');
    add(
      0.02,
      chance.one([
        'X-Http-Method-Override',
        'X-Original-Url',
        'X-Rewrite-Url',
        'Forwarded',
        'Proxy',
        'Keep-Alive',
        'Proxy-Connection',
        'HTTP2-Settings',
        'X-Forwarded-Host',
      ]),
      'x',
    );
    return lines;
  }

  #trailers(id: number): string[] {
    const chance = this.#chance;
    if (!chance.is(0.15 + chance.oddness)) return [];
    const name = chance.pick(
      ['X-Sum', 'Expires', 'x-a'],
      [
        'Content-Length',
        'Transfer-Encoding',
        'Host',
        'Connection',
        'X ',
        ' X',
        '',
        'Content_Length',
        `GET /smuggled-${id} HTTP/1.1`,
      ],
    );
    return [fieldLine(name, chance.pick(['1', 'a b'], [...oddValues, '0', 'chunked']), chance)];
  }

  #body(id: number): string {
    const chance = this.#chance;
    const smuggled = `GET /smuggled-${id} HTTP/1.1\r\nHost: a\r\nX-Id: smuggled-${id}\r\n\r\n`;
    const kind = chance.below(10);
    if (kind < 3) return smuggled;
    if (kind < 5) return `0\r\n\r\n${smuggled}`;
    if (kind === 5) return `\r\n${smuggled}\r\n`;
    if (kind === 6) return `x=1&y=\n\n${smuggled.replaceAll('\r', '')}`;
    if (kind === 7) return chance.octets(chance.below(chance.is(0.05) ? 40_000 : 200));
    if (kind === 8) return `5\r\nhello\r\n0\r\n\r\n${smuggled}`;
    return 'hello';
  }
}
