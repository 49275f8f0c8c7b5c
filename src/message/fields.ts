/**
 * Field lines as they came: one text and where in it each name and value stands.
 *
 * A gateway looks at a handful of fields and passes on the rest, so a head is kept as the text that was received
 * and never taken apart into objects. The parser fills the table; owners reuse it from message to message.
 */

/** The fields that framing, hop-by-hop and own-answer rules look at; all others are `other`. */
export const FieldId = {
  other: 0,
  host: 1,
  connection: 2,
  contentLength: 3,
  transferEncoding: 4,
  expect: 5,
  upgrade: 6,
  te: 7,
  keepAlive: 8,
  proxyConnection: 9,
  trailer: 10,
  maxForwards: 11,
  proxyAuthorization: 12,
  proxyAuthenticate: 13,
  date: 14,
  accept: 15,
  http2Settings: 16,
  via: 17,
  retryAfter: 18,
} as const;
export type FieldId = (typeof FieldId)[keyof typeof FieldId];

const knownNames: readonly (readonly [string, FieldId])[] = [
  ['host', FieldId.host],
  ['connection', FieldId.connection],
  ['content-length', FieldId.contentLength],
  ['transfer-encoding', FieldId.transferEncoding],
  ['expect', FieldId.expect],
  ['upgrade', FieldId.upgrade],
  ['te', FieldId.te],
  ['keep-alive', FieldId.keepAlive],
  ['proxy-connection', FieldId.proxyConnection],
  ['trailer', FieldId.trailer],
  ['max-forwards', FieldId.maxForwards],
  ['proxy-authorization', FieldId.proxyAuthorization],
  ['proxy-authenticate', FieldId.proxyAuthenticate],
  ['date', FieldId.date],
  ['accept', FieldId.accept],
  ['http2-settings', FieldId.http2Settings],
  ['via', FieldId.via],
  ['retry-after', FieldId.retryAfter],
];

interface Candidate {
  readonly id: FieldId;
  readonly bytes: Uint8Array;
}

/** Known names by their length: most lengths have none or one. */
const candidates: readonly (readonly Candidate[])[] = Array.from({ length: 20 }, (_, length) =>
  knownNames
    .filter(([name]) => name.length === length)
    .map(([name, id]) => ({ id, bytes: Buffer.from(name, 'latin1') })),
);

/** Which known field the bytes from `start` up to `end` name, without regard to case. */
export function identify(bytes: Uint8Array, start: number, end: number): FieldId {
  const ofLength = candidates[end - start];
  if (ofLength === undefined) return FieldId.other;
  next: for (const candidate of ofLength) {
    const name = candidate.bytes;
    for (let i = 0; i < name.length; i += 1) {
      // Setting bit 5 makes capitals small; it also maps CR to "-", but no CR gets past the token check.
      if (((bytes[start + i] as number) | 0x20) !== name[i]) continue next;
    }
    return candidate.id;
  }
  return FieldId.other;
}

/**
 * The text without SP and HTAB around it. `trim` would take 0xA0 too, which is a space in latin1 and opaque in HTTP;
 * and a pattern takes time that grows with the square of the white space within.
 */
export function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** Numbers kept for each field: id, start and end of name, start and end of value, end of line. */
const STRIDE = 6;

export class FieldTable {
  /** The text that the offsets point into, one character a byte (latin1). */
  text = '';
  /** Whether some line must be written anew when forwarded, because as received it was not quite proper. */
  hasImproperLine = false;
  #count = 0;
  readonly #at: number[] = [];

  get count(): number {
    return this.#count;
  }

  clear(): void {
    this.text = '';
    this.hasImproperLine = false;
    this.#count = 0;
  }

  /** Notes one field line. Offsets count from the start of `text`, which may be set afterwards. */
  add(
    id: FieldId,
    nameStart: number,
    nameEnd: number,
    valueStart: number,
    valueEnd: number,
    lineEnd: number,
  ): void {
    const base = this.#count * STRIDE;
    const at = this.#at;
    at[base] = id;
    at[base + 1] = nameStart;
    at[base + 2] = nameEnd;
    at[base + 3] = valueStart;
    at[base + 4] = valueEnd;
    at[base + 5] = lineEnd;
    this.#count += 1;
  }

  id(index: number): FieldId {
    return this.#at[index * STRIDE] as FieldId;
  }

  name(index: number): string {
    const base = index * STRIDE;
    return this.text.slice(this.#at[base + 1], this.#at[base + 2]);
  }

  value(index: number): string {
    const base = index * STRIDE;
    return this.text.slice(this.#at[base + 3], this.#at[base + 4]);
  }

  /** Where the line of this field begins in `text`. */
  lineStart(index: number): number {
    return this.#at[index * STRIDE + 1] as number;
  }

  /** Where the line of this field ends in `text`, its CRLF included. */
  lineEnd(index: number): number {
    return this.#at[index * STRIDE + 5] as number;
  }

  /** The index of the first line with this id at or after `from`, or -1. */
  indexOf(id: FieldId, from = 0): number {
    for (let index = from; index < this.#count; index += 1) {
      if (this.#at[index * STRIDE] === id) return index;
    }
    return -1;
  }

  /** The value of the first line with this id, or undefined. */
  get(id: FieldId): string | undefined {
    const index = this.indexOf(id);
    return index === -1 ? undefined : this.value(index);
  }

  /** The value of the first line of this name (given in lower case), or undefined. Slow: not for every request. */
  find(lowerName: string): string | undefined {
    for (let index = 0; index < this.#count; index += 1) {
      if (this.name(index).toLowerCase() === lowerName) return this.value(index);
    }
    return undefined;
  }

  /** All members of a comma list over all lines with this id, lower-cased, empty ones skipped (RFC 9110 5.6.1.2). */
  members(id: FieldId): string[] {
    const found: string[] = [];
    for (let index = this.indexOf(id); index !== -1; index = this.indexOf(id, index + 1)) {
      for (const member of this.value(index).split(',')) {
        const trimmed = trimBlanks(member);
        if (trimmed !== '') found.push(trimmed.toLowerCase());
      }
    }
    return found;
  }

  /** Makes a table from names and values that are known to be proper. For own messages and tests. */
  static of(pairs: readonly (readonly [string, string])[]): FieldTable {
    const table = new FieldTable();
    for (const [name, value] of pairs) {
      const start = table.text.length;
      const nameEnd = start + name.length;
      const valueStart = nameEnd + 2;
      const valueEnd = valueStart + value.length;
      table.text += `${name}: ${value}\r\n`;
      const id = identify(Buffer.from(name, 'latin1'), 0, name.length);
      table.add(id, start, nameEnd, valueStart, valueEnd, valueEnd + 2);
    }
    return table;
  }
}
