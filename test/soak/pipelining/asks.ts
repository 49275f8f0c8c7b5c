/**
 * What is asked and what the answer must be: a pure function of a request's id, its kind and a size, so that the
 * origins need no state and the clients can compare every octet.
 *
 * The id goes two ways. The field `X-Id` comes back in the field `X-Id`; the id in the path comes back at both ends of
 * the body. A head of one response before the body of another, or half a body, can then not look right.
 */

/**
 * `len` and `chunk` are the same but for how the origin frames the body, where it can; `none` is 204, `same` is 304,
 * `slow` is answered after a while, `post` answers with the body of the request, `body` is a GET that has one.
 */
export type Kind = 'len' | 'chunk' | 'none' | 'same' | 'slow' | 'post' | 'body';

/** Octets of filler between the two ids, by the digit in the path. */
export const fillers = [0, 200, 4_000, 40_000, 200_000] as const;

export interface Ask {
  readonly id: string;
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly kind: Kind;
  /** Index into `fillers`. */
  readonly size: number;
  readonly requestBody: string;
  /** The request's body goes in two chunks, from a client of HTTP/1.1. */
  readonly isChunked: boolean;
  /** What the client does besides asking. */
  readonly manner: Manner;
}

/** `leaves` goes away some time after it has asked; `slow-reader` stops reading for a while in the middle. */
export type Manner = 'plain' | 'leaves' | 'slow-reader';

export interface Expected {
  readonly status: number;
  /** Without what a HEAD leaves out. */
  readonly body: string;
}

export function targetOf({ kind, size, id }: Pick<Ask, 'kind' | 'size' | 'id'>): string {
  return `/${kind === 'body' ? 'len' : kind}/${size}/${id}`;
}

export function bodyOf(id: string, size: number): string {
  return `${id}.${fillerOf(size)}.${id}`;
}

export function expectedOf(ask: Ask): Expected {
  switch (ask.kind) {
    case 'none':
      return { status: 204, body: '' };
    case 'same':
      return { status: 304, body: '' };
    case 'post':
      return { status: 200, body: ask.requestBody };
    default:
      return { status: 200, body: bodyOf(ask.id, ask.size) };
  }
}

const filler = new Map<number, string>();

/** Letters alone: it stands in the configurations of servers, whose languages have signs of their own. */
export function fillerOf(size: number): string {
  const known = filler.get(size);
  if (known !== undefined) return known;
  const bytes = fillers[size];
  if (bytes === undefined) throw new Error(`no size ${size}`);
  // 97 does not divide any size that buffers have, so a piece that is lost or doubled shows.
  const letters = Array.from({ length: 97 }, (_, nth) =>
    String.fromCharCode(97 + ((nth * nth + 3 * nth) % 26)),
  ).join('');
  const made = letters.repeat(Math.ceil(bytes / letters.length)).slice(0, bytes);
  filler.set(size, made);
  return made;
}

/** The octets of a request. */
export function requestOf(ask: Ask, version: '1.0' | '1.1'): string {
  const condition = ask.kind === 'same' ? 'If-None-Match: *\r\n' : '';
  const head = `${ask.method} ${targetOf(ask)} HTTP/${version}\r\nHost: gateway.test\r\nX-Id: ${ask.id}\r\n${condition}`;
  const body = ask.requestBody;
  if (body === '') return `${head}\r\n`;
  // RFC 9112 6.1: no chunks in HTTP/1.0.
  if (!ask.isChunked || version === '1.0')
    return `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
  const cut = body.length >> 1;
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
  return `${head}Transfer-Encoding: chunked\r\n\r\n${chunk(body.slice(0, cut))}${chunk(body.slice(cut))}0\r\n\r\n`;
}

export interface MixOptions {
  /** What the origin knows besides `len` and `post`, which all know. */
  readonly kinds: readonly Kind[];
  /** The largest size of a body that it sends with a Content-Length, and in chunks. */
  readonly largestSize: number;
}

const weights: readonly (readonly [Kind, number])[] = [
  ['len', 55],
  ['chunk', 25],
  ['none', 8],
  ['same', 7],
  ['slow', 1],
  ['body', 1],
];
/** Mostly small ones; one in a hundred is too large for any buffer on the way. */
const sizeWeights = [25, 40, 24, 10, 1];

/** 80 % GET, 10 % HEAD, 10 % POST. */
export function nextAsk(id: string, random: () => number, mix: MixOptions): Ask {
  const methodDraw = random();
  const method = methodDraw < 0.8 ? 'GET' : methodDraw < 0.9 ? 'HEAD' : 'POST';
  const kind = method === 'POST' ? 'post' : drawKind(method, random, mix.kinds);
  const drawn = Math.min(mix.largestSize, drawIndex(sizeWeights, random));
  // nginx and HAProxy echo a POST's body from memory, and nginx by way of a field.
  const size = kind === 'post' ? Math.min(2, drawn) : kind === 'slow' ? 1 : drawn;
  const hasBody = kind === 'post' || kind === 'body';
  const mannerDraw = random();
  return {
    id,
    method,
    kind,
    size,
    requestBody: hasBody ? bodyOf(id, Math.min(2, size)) : '',
    isChunked: hasBody && random() < 0.3,
    manner: mannerDraw < 0.01 ? 'leaves' : mannerDraw < 0.02 ? 'slow-reader' : 'plain',
  };
}

function drawKind(method: string, random: () => number, known: readonly Kind[]): Kind {
  const able = weights.filter(([kind]) => known.includes(kind));
  const drawn =
    able[
      drawIndex(
        able.map(([, weight]) => weight),
        random,
      )
    ]?.[0] ?? 'len';
  return method === 'HEAD' && drawn === 'body' ? 'len' : drawn;
}

function drawIndex(of: readonly number[], random: () => number): number {
  let left = random() * of.reduce((sum, weight) => sum + weight, 0);
  for (const [index, weight] of of.entries()) {
    left -= weight;
    if (left < 0) return index;
  }
  return of.length - 1;
}
