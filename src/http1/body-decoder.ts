/**
 * Takes a body out of its framing. Gives the data as views of what was read: who keeps one past the call must know
 * that the bytes below it are written over.
 */

import { FieldTable } from '../message/fields.ts';
import type { BodyFraming } from '../message/head.ts';
import { hex, isForbiddenInTrailers, Line, lineError, readFieldLine } from './field-lines.ts';
import type { Input } from './input.ts';
import { CR, HTAB, hexValue, isFieldValue, LF, SP } from './octets.ts';

export interface BodySink {
  /** Some data, never empty. Return false to be given no more in this call; the rest stays unread. */
  onData(data: Buffer): boolean;
  /** The body is whole. `trailers` is null when there are none, and is reused for the next body. */
  onEnd(trailers: FieldTable | null): void;
}

/** `more`: wait for bytes. `paused`: the sink took no more. `end`: whole. `malformed`: see `reason`. */
export type ReadBody = 'more' | 'paused' | 'end' | 'malformed';

/** 13 hexadecimal digits are below 2^53: more would lose precision (RFC 9112 7.1). Leading zeros count. */
const MAX_SIZE_DIGITS = 13;
/** Octets of chunk extensions on one chunk; they are ignored and serve nobody but an attacker (RFC 9112 7.1.1). */
const MAX_EXTENSION = 256;
/** Octets of extensions over a whole body, so that one-octet chunks cannot carry megabytes of them. */
const MAX_EXTENSIONS = 16 * 1024;
const MAX_TRAILERS = 8 * 1024;

const trailerRules = { maxFields: 50, spaceBeforeColon: 'refuse' } as const;

type State =
  | 'none'
  | 'length'
  | 'close'
  | 'size'
  | 'extension'
  | 'size-lf'
  | 'data'
  | 'data-cr'
  | 'data-lf'
  | 'trailers';

export class BodyDecoder {
  /** Why the body is malformed. */
  reason = '';
  #state: State = 'none';
  #left = 0;
  #digits = 0;
  #extension = 0;
  #extensions = 0;
  #trailers: FieldTable | null = null;
  #trailerLine = 0;

  /** Octets still to come, as far as known: of the body for `length`, of the chunk for chunked; Infinity for `close`. */
  get leftBytes(): number {
    if (this.#state === 'none') return 0;
    return this.#state === 'length' || this.#state === 'data'
      ? this.#left
      : Number.POSITIVE_INFINITY;
  }

  begin(framing: BodyFraming, contentLength: number): void {
    if (framing === 'chunked') this.#state = 'size';
    else this.#state = framing === 'length' && contentLength === 0 ? 'none' : framing;
    this.#left = framing === 'length' ? contentLength : 0;
    this.#digits = 0;
    this.#extensions = 0;
    this.#trailerLine = 0;
  }

  read(input: Input, sink: BodySink): ReadBody {
    if (this.#state === 'none') {
      sink.onEnd(null);
      return 'end';
    }
    if (this.#state === 'length') return this.#readLength(input, sink);
    if (this.#state === 'close') {
      if (input.isEmpty) return 'more';
      return sink.onData(input.takeRest()) ? 'more' : 'paused';
    }
    return this.#readChunked(input, sink);
  }

  #readLength(input: Input, sink: BodySink): ReadBody {
    if (input.isEmpty) return 'more';
    const goesOn = this.#giveData(input, sink);
    if (this.#left > 0) return goesOn ? 'more' : 'paused';
    this.#state = 'none';
    sink.onEnd(null);
    return 'end';
  }

  /** Gives what is at hand of the body or chunk. */
  #giveData(input: Input, sink: BodySink): boolean {
    const length = Math.min(this.#left, input.length);
    const data = input.bytes.subarray(input.at, input.at + length);
    input.at += length;
    this.#left -= length;
    return sink.onData(data);
  }

  #readChunked(input: Input, sink: BodySink): ReadBody {
    while (!input.isEmpty) {
      if (this.#state === 'trailers') return this.#readTrailers(input, sink);
      if (this.#state === 'data') {
        const goesOn = this.#giveData(input, sink);
        if (this.#left === 0) this.#state = 'data-cr';
        if (!goesOn) return 'paused';
      } else if (!this.#readFrame(input)) {
        return 'malformed';
      }
    }
    return 'more';
  }

  /** Reads what stands between one chunk's data and the next. False when it is malformed. */
  #readFrame(input: Input): boolean {
    switch (this.#state) {
      case 'size':
        return this.#readSize(input);
      case 'extension':
        return this.#readExtension(input);
      case 'size-lf':
        if (!this.#expect(input, LF, 'a chunk size line does not end in CRLF (RFC 9112 7.1)'))
          return false;
        this.#digits = 0;
        this.#state = this.#left === 0 ? 'trailers' : 'data';
        return true;
      case 'data-cr':
        if (!this.#expect(input, CR, 'a chunk is not followed by CRLF (RFC 9112 7.1)'))
          return false;
        this.#state = 'data-lf';
        return true;
      default:
        if (!this.#expect(input, LF, 'a chunk is not followed by CRLF (RFC 9112 7.1)'))
          return false;
        this.#state = 'size';
        return true;
    }
  }

  #expect(input: Input, octet: number, otherwise: string): boolean {
    if (input.bytes[input.at] !== octet) return this.#malformed(otherwise);
    input.at += 1;
    return true;
  }

  #readSize(input: Input): boolean {
    const { bytes } = input;
    while (input.at < bytes.length) {
      const octet = bytes[input.at] as number;
      const digit = hexValue[octet] as number;
      if (digit === 255) {
        if (this.#digits === 0)
          return this.#malformed(
            `octet 0x${hex(octet)} where a chunk size should be (RFC 9112 7.1)`,
          );
        if (octet === CR) {
          input.at += 1;
          this.#state = 'size-lf';
          return true;
        }
        // ";" begins an extension, after white space if need be (RFC 9112 7.1.1).
        if (octet !== 0x3b && octet !== SP && octet !== HTAB)
          return this.#malformed(`octet 0x${hex(octet)} in a chunk size (RFC 9112 7.1)`);
        this.#extension = 0;
        this.#state = 'extension';
        return true;
      }
      if (this.#digits === 0) this.#left = 0;
      this.#digits += 1;
      if (this.#digits > MAX_SIZE_DIGITS)
        return this.#malformed('a chunk size too large to count (RFC 9112 7.1)');
      this.#left = this.#left * 16 + digit;
      input.at += 1;
    }
    return true;
  }

  /** Skips an extension. It must begin with ";" once white space is over, or this is no extension at all. */
  #readExtension(input: Input): boolean {
    const { bytes } = input;
    while (input.at < bytes.length) {
      const octet = bytes[input.at] as number;
      if (octet === CR) {
        if (this.#extension < 0)
          return this.#malformed('white space after a chunk size (RFC 9112 7.1)');
        input.at += 1;
        this.#state = 'size-lf';
        return true;
      }
      if (isFieldValue[octet] !== 1)
        return this.#malformed(`octet 0x${hex(octet)} in a chunk extension (RFC 9112 7.1.1)`);
      const isBlank = octet === SP || octet === HTAB;
      // Counted below zero until the semicolon has come.
      if (this.#extension <= 0 && isBlank) this.#extension -= 1;
      else if (this.#extension <= 0) {
        if (octet !== 0x3b)
          return this.#malformed('white space within a chunk size (RFC 9112 7.1)');
        this.#extension = 1 - this.#extension;
      } else this.#extension += 1;
      this.#extensions += 1;
      if (Math.abs(this.#extension) > MAX_EXTENSION || this.#extensions > MAX_EXTENSIONS) {
        return this.#malformed('chunk extensions beyond all use (RFC 9112 7.1.1)');
      }
      input.at += 1;
    }
    return true;
  }

  #readTrailers(input: Input, sink: BodySink): ReadBody {
    const { bytes } = input;
    const start = input.at;
    this.#trailers ??= new FieldTable();
    const trailers = this.#trailers;
    if (this.#trailerLine === 0) trailers.clear();
    let at = start + this.#trailerLine;
    while (at < bytes.length) {
      if (bytes[at] === CR) {
        if (at + 1 === bytes.length) break;
        if (bytes[at + 1] !== LF)
          return this.#endMalformed('a bare CR in the trailers (RFC 9112 2.2)');
        if (at - start > MAX_TRAILERS) return this.#trailersTooLong();
        trailers.text = bytes.toString('latin1', start, at);
        input.at = at + 2;
        this.#state = 'none';
        this.#trailerLine = 0;
        sink.onEnd(trailers.count === 0 ? null : trailers);
        return 'end';
      }
      const next = readFieldLine(bytes, at, start, trailers, trailerRules);
      if (next === Line.improper) return this.#endMalformed(`in the trailers: ${lineError()}`);
      if (next === Line.tooMany)
        return this.#endMalformed(`more than ${trailerRules.maxFields} trailer fields`);
      if (next === Line.incomplete) break;
      at = next;
    }
    this.#trailerLine = at - start;
    return bytes.length - start > MAX_TRAILERS ? this.#trailersTooLong() : 'more';
  }

  #trailersTooLong(): 'malformed' {
    return this.#endMalformed(`trailers longer than ${MAX_TRAILERS} octets`);
  }

  #endMalformed(reason: string): 'malformed' {
    this.#malformed(reason);
    return 'malformed';
  }

  #malformed(reason: string): false {
    this.reason = reason;
    return false;
  }
}

/** Fields that no trailer may carry though framing does not look at them: authentication and content format. */
const forbiddenNames: ReadonlySet<string> = new Set([
  'authorization',
  'cache-control',
  'content-encoding',
  'content-range',
  'content-type',
  'cookie',
  'set-cookie',
  'www-authenticate',
]);

/**
 * The trailer fields that may be passed on, as lines; empty when none may (RFC 9110 6.5.1).
 * `named` are those that the head's Connection named, in lower case: they bind trailers too (RFC 9110 7.6.1).
 */
export function trailerLines(trailers: FieldTable, named: readonly string[] | null = null): string {
  let lines = '';
  for (let index = 0; index < trailers.count; index += 1) {
    const name = trailers.name(index);
    if (isForbiddenInTrailers(trailers.id(index))) continue;
    const lower = name.toLowerCase();
    if (forbiddenNames.has(lower) || named?.includes(lower)) continue;
    lines += `${name}: ${trailers.value(index)}\r\n`;
  }
  return lines;
}
