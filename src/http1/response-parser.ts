/** Bytes in, response heads out. As strict as for requests: what is malformed becomes a 502 and is not repaired. */
import { type Fault, type FaultKind, fault } from '../base/fault.ts';
import type { ResponseHead } from '../message/head.ts';
import {
  readConnection,
  readContentLength,
  readTransferEncoding,
  responseEssentials,
} from './connection-fields.ts';
import { hex, Line, lineError, readFieldLine } from './field-lines.ts';
import type { Input } from './input.ts';
import { CR, isFieldValue, LF, SP } from './octets.ts';
import type { ReadHead } from './request-parser.ts';

export interface ResponseLimits {
  readonly headBytes: number;
  readonly maxFields: number;
}

const CR_LF = 2;
/** "HTTP/1.1 200" */
const SHORTEST_STATUS_LINE = 12;

export class ResponseParser {
  /** Why the last head was refused. */
  fault: Fault | null = null;
  readonly #limits: ResponseLimits;
  readonly #rules: { readonly maxFields: number; readonly spaceBeforeColon: 'remove' };
  #lineAt = 0;
  #searched = 0;
  #inFields = false;

  constructor(limits: ResponseLimits) {
    this.#limits = limits;
    this.#rules = { maxFields: limits.maxFields, spaceBeforeColon: 'remove' };
  }

  /** Whether some octet of a head has been read: its end would now be a partial response. */
  get hasBegun(): boolean {
    return this.#inFields || this.#searched > 0;
  }

  /** Reads on into `head`, cleared by the caller. `method` is that of the request it answers (RFC 9112 6.3). */
  read(input: Input, head: ResponseHead, method: string): ReadHead {
    const { bytes } = input;
    if (this.#searched > 0 && bytes.indexOf(LF, input.at + this.#searched - 1) === -1)
      return this.#wait(input);
    const start = input.at;
    if (!this.#inFields) {
      const next = this.#readStatusLine(bytes, start, head);
      if (next === Line.incomplete) return this.#wait(input);
      if (next < 0) return 'refused';
      this.#lineAt = next - start;
      this.#inFields = true;
    }
    let at = start + this.#lineAt;
    while (at < bytes.length) {
      if (bytes[at] === CR) {
        if (at + 1 === bytes.length) break;
        if (bytes[at + 1] !== LF)
          return this.#refuse('malformed-response', 'a bare CR in the head (RFC 9112 2.2)');
        return this.#complete(input, at + CR_LF, head, method);
      }
      const next = readFieldLine(bytes, at, start, head.fields, this.#rules);
      if (next === Line.improper) return this.#refuse('malformed-response', lineError());
      if (next === Line.tooMany)
        return this.#refuse(
          'response-too-large',
          `more than ${this.#limits.maxFields} fields in the head`,
        );
      if (next === Line.incomplete) break;
      at = next;
      if (at - start > this.#limits.headBytes) return this.#tooLarge();
    }
    this.#lineAt = at - start;
    return this.#wait(input);
  }

  #readStatusLine(bytes: Buffer, start: number, head: ResponseHead): number {
    const have = bytes.length - start;
    const form = 'HTTP/1.d ddd';
    for (let i = 0; i < Math.min(have, SHORTEST_STATUS_LINE); i += 1) {
      const octet = bytes[start + i] as number;
      const fits = form[i] === 'd' ? octet >= 0x30 && octet <= 0x39 : octet === form.charCodeAt(i);
      if (!fits)
        return this.#fail(
          `octet 0x${hex(octet)} in the status line: not an HTTP/1 response (RFC 9112 4)`,
        );
    }
    if (have < SHORTEST_STATUS_LINE) return Line.incomplete;
    const status =
      ((bytes[start + 9] as number) - 0x30) * 100 +
      ((bytes[start + 10] as number) - 0x30) * 10 +
      ((bytes[start + 11] as number) - 0x30);
    if (status < 100) return this.#fail(`status code ${status} (RFC 9110 15)`);
    let i = start + SHORTEST_STATUS_LINE;
    if (i === bytes.length) return Line.incomplete;
    // RFC 9112 4: SP before an empty reason too. Servers that leave it out are common, and nothing is ambiguous.
    if (bytes[i] === SP) i += 1;
    else if (bytes[i] !== CR) return this.#fail('no space after the status code (RFC 9112 4)');
    const reasonStart = i;
    while (i < bytes.length && isFieldValue[bytes[i] as number] === 1) i += 1;
    if (i + 1 >= bytes.length) return Line.incomplete;
    if (bytes[i] !== CR || bytes[i + 1] !== LF)
      return this.#fail('the status line does not end in CRLF (RFC 9112 2.2)');
    head.version = bytes[start + 7] === 0x30 ? 10 : 11;
    head.status = status;
    head.reason = bytes.toString('latin1', reasonStart, i);
    return i + CR_LF;
  }

  #wait(input: Input): ReadHead {
    this.#searched = input.length;
    return this.#searched <= this.#limits.headBytes ? 'more' : this.#tooLarge();
  }

  #tooLarge(): 'refused' {
    return this.#refuse(
      'response-too-large',
      `a response head longer than ${this.#limits.headBytes} octets`,
    );
  }

  #complete(input: Input, end: number, head: ResponseHead, method: string): ReadHead {
    if (end - input.at > this.#limits.headBytes) return this.#tooLarge();
    head.fields.text = input.bytes.toString('latin1', input.at, end);
    input.at = end;
    this.#lineAt = 0;
    this.#searched = 0;
    this.#inFields = false;
    const refusal =
      readConnection(head.fields, head.options, responseEssentials) ?? frame(head, method);
    return refusal === null ? 'head' : this.#refuse('malformed-response', refusal);
  }

  #fail(cause: string): number {
    this.#refuse('malformed-response', cause);
    return Line.improper;
  }

  #refuse(kind: FaultKind, cause: string): 'refused' {
    this.fault = fault(kind, 'upstream', `The upstream's response was refused: ${cause}.`, {
      sent: 'sent',
      received: 'part-of-head',
    });
    return 'refused';
  }
}

/** RFC 9112 6.3, in its order. Gives why the response must be refused, or null. */
function frame(head: ResponseHead, method: string): string | null {
  const { fields, options, status } = head;
  head.keepsAlive = !options.close && (head.version === 11 || options.keepAlive);
  const coding = readTransferEncoding(fields);
  // RFC 9112 6.1: an HTTP/1.0 message with Transfer-Encoding has broken framing, whatever else it says.
  if (coding !== 'absent' && head.version === 10)
    return 'Transfer-Encoding in an HTTP/1.0 response (RFC 9112 6.1)';
  const length = readContentLength(fields);
  if (coding !== 'absent' && length !== -1)
    return 'both Content-Length and Transfer-Encoding (RFC 9112 6.3)';
  if (typeof length === 'string') return length;
  // Any other coding would reach the client as if it were content. Where no content follows, it says as much of its sender.
  if (coding !== 'absent' && coding !== 'chunked')
    return 'Transfer-Encoding is not exactly "chunked" (RFC 9112 6.3)';
  const hasNoBody = method === 'HEAD' || status < 200 || status === 204 || status === 304;
  if (hasNoBody) {
    head.framing = 'none';
    return null;
  }
  if (coding === 'chunked') {
    head.framing = 'chunked';
    return null;
  }
  if (length === -1) {
    head.framing = 'close';
    head.keepsAlive = false;
    return null;
  }
  head.framing = length === 0 ? 'none' : 'length';
  head.contentLength = length;
  return null;
}
