/**
 * Field lines: the part of the codec that both heads and trailers share.
 *
 * Strict where a second parser could read the bytes differently: CRLF only, no folding, no control octets, no
 * white space before the colon in a request.
 */
import { FieldId, type FieldTable, identify } from '../message/fields.ts';
import { COLON, CR, HTAB, isFieldValue, isToken, LF, SP } from './octets.ts';

/** What a look at one line gives: where the next begins, or one of these. */
export const Line = {
  /** The line is not all here yet. */
  incomplete: -1,
  /** The line breaks the grammar; `lineError` says how. */
  improper: -2,
  /** More fields than the limit. */
  tooMany: -3,
} as const;

export interface LineRules {
  readonly maxFields: number;
  /** RFC 9112 5.1: white space before the colon is an error in a request and removed from a response. */
  readonly spaceBeforeColon: 'refuse' | 'remove';
}

let improperReason = '';

/** Why the last line was improper. */
export function lineError(): string {
  return improperReason;
}

/**
 * Reads the field line at `at` into `table`, with offsets relative to `base`.
 * Gives the position after its CRLF, or one of `Line`. The blank line is not for here.
 */
export function readFieldLine(
  bytes: Uint8Array,
  at: number,
  base: number,
  table: FieldTable,
  rules: LineRules,
): number {
  const end = bytes.length;
  let i = at;
  while (i < end && isToken[bytes[i] as number] === 1) i += 1;
  if (i === end) return Line.incomplete;
  const nameEnd = i;
  if (nameEnd === at || bytes[i] !== COLON) {
    i = findColon(bytes, at, nameEnd, rules);
    if (i < 0) return i;
  }
  const hasBlanks = i > nameEnd;
  i += 1;
  while (i < end && (bytes[i] === SP || bytes[i] === HTAB)) i += 1;
  const valueStart = i;
  while (i < end && isFieldValue[bytes[i] as number] === 1) i += 1;
  if (i === end) return Line.incomplete;
  const lineEnd = endLine(bytes, i);
  if (lineEnd < 0) return lineEnd;
  let valueEnd = i;
  while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1] as number)) valueEnd -= 1;
  if (table.count >= rules.maxFields) return Line.tooMany;
  if (hasBlanks) table.hasImproperLine = true;
  const id = identify(bytes, at, nameEnd);
  if (id === FieldId.other && looksLikeFraming(bytes, at, nameEnd))
    return improper('a name that some servers take for a field of framing (RFC 9110 5.1)');
  table.add(id, at - base, nameEnd - base, valueStart - base, valueEnd - base, lineEnd - base);
  return lineEnd;
}

const UNDERSCORE = 0x5f;
const lookAlike = /^(?:content_length|transfer_encoding)$/i;

/** CGI, WSGI and their kin put fields into variables, in whose names a hyphen and an underscore are the same. */
function looksLikeFraming(bytes: Uint8Array, at: number, nameEnd: number): boolean {
  const length = nameEnd - at;
  if (length === 14 ? bytes[at + 7] !== UNDERSCORE : length !== 17 || bytes[at + 8] !== UNDERSCORE)
    return false;
  return lookAlike.test(String.fromCharCode(...bytes.subarray(at, nameEnd)));
}

/** Where the colon is of a line whose name is empty, or not followed by one at once; or one of `Line`. */
function findColon(bytes: Uint8Array, at: number, nameEnd: number, rules: LineRules): number {
  const octet = bytes[nameEnd] as number;
  if (nameEnd === at && octet === COLON)
    return improper('a field line without a name (RFC 9112 5)');
  if (nameEnd === at || !isBlank(octet)) return improper(describeName(octet, nameEnd === at));
  // RFC 9112 5.1: this is how one parser's field becomes another's unknown field.
  if (rules.spaceBeforeColon === 'refuse')
    return improper('white space before the colon of a field (RFC 9112 5.1)');
  let i = nameEnd;
  while (i < bytes.length && isBlank(bytes[i] as number)) i += 1;
  if (i === bytes.length) return Line.incomplete;
  return bytes[i] === COLON ? i : improper('a field line without a colon (RFC 9112 5)');
}

/** The position after the CRLF at `at`, once one octet more has told that the line is not folded; or one of `Line`. */
function endLine(bytes: Uint8Array, at: number): number {
  const octet = bytes[at] as number;
  if (octet !== CR) {
    return improper(
      octet === LF
        ? 'a bare LF as line end (RFC 9112 2.2)'
        : `control octet 0x${hex(octet)} in a field value (RFC 9110 5.5)`,
    );
  }
  if (at + 1 === bytes.length) return Line.incomplete;
  if (bytes[at + 1] !== LF) return improper('a bare CR in a field line (RFC 9112 2.2)');
  if (at + 2 === bytes.length) return Line.incomplete;
  return isBlank(bytes[at + 2] as number) ? improper('a folded field line (RFC 9112 5.2)') : at + 2;
}

function isBlank(octet: number): boolean {
  return octet === SP || octet === HTAB;
}

function improper(reason: string): number {
  improperReason = reason;
  return Line.improper;
}

function describeName(octet: number, first: boolean): string {
  if (octet === LF) return 'a bare LF as line end (RFC 9112 2.2)';
  if (octet === CR) return 'a field line without a colon (RFC 9112 5)';
  if (first && (octet === SP || octet === HTAB))
    return 'white space at the start of a line (RFC 9112 2.2)';
  return `octet 0x${hex(octet)} in a field name (RFC 9110 5.1)`;
}

export function hex(octet: number): string {
  return octet.toString(16).padStart(2, '0');
}

/**
 * The name of the field that alone takes more than half of what a head may have, or null (RFC 6585 5: a 431 says which).
 * `text` is the head as far as it has come, in which a line has begun at `lineAt` that is not in the table.
 */
export function oversizeField(
  table: FieldTable,
  { text, lineAt, limitBytes }: { text: string; lineAt: number; limitBytes: number },
): string | null {
  const much = limitBytes / 2;
  table.text = text;
  for (let index = 0; index < table.count; index += 1)
    if (table.lineEnd(index) - table.lineStart(index) > much) return table.name(index).slice(0, 64);
  if (text.length - lineAt <= much) return null;
  return /^([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}):/.exec(text.slice(lineAt, lineAt + 65))?.[1] ?? null;
}

/** Fields that say how a message is framed, routed or understood hop by hop: never valid in trailers (RFC 9110 6.5.1). */
export function isForbiddenInTrailers(id: FieldId): boolean {
  return id !== FieldId.other && id !== FieldId.date && id !== FieldId.accept && id !== FieldId.via;
}
