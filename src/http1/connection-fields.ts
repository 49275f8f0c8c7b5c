/** What the fields that govern connection and length say: shared by requests and responses. */
import { FieldId, type FieldTable, trimBlanks } from '../message/fields.ts';
import type { ConnectionOptions } from '../message/head.ts';

/** Fields without which a request is read differently: naming one in Connection is an attack (RFC 9110 7.6.1). */
export const requestEssentials: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'expect',
]);
/** The same of a response. Transfer-Encoding is of one hop anyway, and some servers say so: it is written anew. */
export const responseEssentials: ReadonlySet<string> = new Set(['content-length']);
/** Each field of the head is looked up among the names: thousands of them would be work for nobody's good. */
const MAX_NAMED = 64;
/** Hop-by-hop fields that are left out anyway, named or not. */
const known: ReadonlySet<string> = new Set([
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'http2-settings',
]);

/** Reads Connection into `options`. Gives why it must be refused, or null: it names one of the `essentials`. */
export function readConnection(
  fields: FieldTable,
  options: ConnectionOptions,
  essentials: ReadonlySet<string> = requestEssentials,
): string | null {
  const first = fields.indexOf(FieldId.connection);
  if (first === -1) return null;
  // The two common values, without taking the list apart.
  if (fields.indexOf(FieldId.connection, first + 1) === -1) {
    const value = fields.value(first);
    if (value === 'close') {
      options.close = true;
      return null;
    }
    if (value === 'keep-alive' || value === 'Keep-Alive') {
      options.keepAlive = true;
      return null;
    }
  }
  for (const member of fields.members(FieldId.connection)) {
    if (member === 'close') options.close = true;
    else if (member === 'keep-alive') options.keepAlive = true;
    else if (member === 'upgrade') options.upgrade = true;
    else if (member === 'te') options.te = true;
    else if (essentials.has(member)) return `Connection names ${member} (RFC 9110 7.6.1)`;
    else if (!known.has(member)) {
      options.named ??= [];
      if (options.named.length === MAX_NAMED)
        return `Connection names more than ${MAX_NAMED} fields`;
      options.named.push(member);
    }
  }
  return null;
}

/** A length, or why it cannot be read. */
export type LengthReading = number | string;

/**
 * The Content-Length of a message without Transfer-Encoding: -1 when it has none.
 * RFC 9112 6.3 lets a recipient repair a repeated equal value; refusing it is as good, and cannot be smuggled through.
 */
export function readContentLength(fields: FieldTable): LengthReading {
  const index = fields.indexOf(FieldId.contentLength);
  if (index === -1) return -1;
  if (fields.indexOf(FieldId.contentLength, index + 1) !== -1) {
    return 'more than one Content-Length (RFC 9112 6.3)';
  }
  const value = fields.value(index);
  if (!/^(?:0|[1-9][0-9]*)$/.test(value)) {
    return `Content-Length ${JSON.stringify(value.slice(0, 40))} is not a plain number (RFC 9110 8.6)`;
  }
  const length = Number(value);
  // RFC 9110 8.6: anticipate numbers that lose precision.
  if (!Number.isSafeInteger(length))
    return `Content-Length ${value.slice(0, 40)} is too large to count (RFC 9110 8.6)`;
  return length;
}

/** What Transfer-Encoding asks for. `broken` cannot be framed; `unknown` ends in chunked but has another coding too. */
export type CodingReading = 'absent' | 'chunked' | 'unknown' | 'broken';

export function readTransferEncoding(fields: FieldTable): CodingReading {
  const index = fields.indexOf(FieldId.transferEncoding);
  if (index === -1) return 'absent';
  if (fields.indexOf(FieldId.transferEncoding, index + 1) !== -1) return 'broken';
  const value = fields.value(index).toLowerCase();
  if (value === 'chunked') return 'chunked';
  const members = value.split(',').map(trimBlanks);
  // RFC 9112 6.1, 7.1: chunked once, last, without parameters; an empty member is read by some and not by others.
  if (members.at(-1) !== 'chunked' || members.indexOf('chunked') !== members.length - 1)
    return 'broken';
  return members.every((member) => /^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(member))
    ? 'unknown'
    : 'broken';
}

const KEEP_ALIVE_TIMEOUT = /(?:^|[\s,])timeout=(\d{1,6})/i;

/** What Keep-Alive says of how long an idle connection is kept, in seconds; null if nothing. Not in any RFC since 2068. */
export function keepAliveTimeout(fields: FieldTable): number | null {
  const value = fields.get(FieldId.keepAlive);
  const told = value === undefined ? null : KEEP_ALIVE_TIMEOUT.exec(value);
  return told === null ? null : Number(told[1]);
}
