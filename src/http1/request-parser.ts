/**
 * Bytes in, request heads out. Strict (RFC 9112): what a second parser could read as something else is refused, with
 * the section named. Each refusal is a fault; the connection is then closed, since its framing is no longer known.
 */
import { type Fault, type FaultKind, fault } from '../base/fault.ts';
import { FieldId } from '../message/fields.ts';
import type { RequestHead } from '../message/head.ts';
import { readConnection, readContentLength, readTransferEncoding } from './connection-fields.ts';
import { hex, Line, lineError, oversizeField, readFieldLine } from './field-lines.ts';
import type { Input } from './input.ts';
import { CR, isTarget, isToken, LF, SP } from './octets.ts';
import { isAuthority, readTarget } from './request-target.ts';

export interface RequestLimits {
  /** Octets of head, from the request line to the blank line. */
  readonly headBytes: number;
  /** Octets of request target. */
  readonly targetBytes: number;
  readonly maxFields: number;
}

/** `head`: complete, the body begins at `input.at`. `more`: wait for bytes. `refused`: see `fault`. */
export type ReadHead = 'head' | 'more' | 'refused';

/** RFC 9112 2.2 asks for one at least; browsers of old sent one after a body. */
const MAX_EMPTY_LINES = 4;
/** Longer than any registered method. RFC 9112 3: a method longer than the longest supported is answered with 501. */
const MAX_METHOD = 32;
const CR_LF = 2;

export class RequestParser {
  /** Why the last head was refused. */
  fault: Fault | null = null;
  readonly #limits: RequestLimits;
  readonly #rules: { readonly maxFields: number; readonly spaceBeforeColon: 'refuse' };
  /** Where the next line begins, counted from `input.at`. */
  #lineAt = 0;
  /** How far we have looked for the end of that line in vain, counted from `input.at`. */
  #searched = 0;
  #emptyLines = 0;
  #target = '';
  #inFields = false;

  constructor(limits: RequestLimits) {
    this.#limits = limits;
    this.#rules = { maxFields: limits.maxFields, spaceBeforeColon: 'refuse' };
  }

  /** Whether some octet of the next head has been read. */
  get hasBegun(): boolean {
    return this.#inFields || this.#searched > 0;
  }

  /** Reads on into `head`, which the caller has cleared before the first octet of it. */
  read(input: Input, head: RequestHead): ReadHead {
    if (!this.#inFields && !this.#skipEmptyLines(input))
      return this.fault === null ? 'more' : 'refused';
    const { bytes } = input;
    if (this.#searched > 0 && bytes.indexOf(LF, input.at + this.#searched - 1) === -1)
      return this.#wait(input, head);
    if (!this.#inFields) {
      const next = this.#readRequestLine(bytes, input.at, head);
      if (next === Line.incomplete) return this.#wait(input, head);
      if (next < 0) return 'refused';
      this.#lineAt = next - input.at;
      this.#inFields = true;
    }
    return this.#readFields(input, head);
  }

  #readFields(input: Input, head: RequestHead): ReadHead {
    const { bytes } = input;
    const start = input.at;
    let at = start + this.#lineAt;
    while (at < bytes.length) {
      if (bytes[at] === CR) {
        if (at + 1 === bytes.length) break;
        if (bytes[at + 1] !== LF)
          return this.#refuse('bad-request', 'a bare CR in the head (RFC 9112 2.2)');
        return this.#complete(input, at + CR_LF, head);
      }
      const next = readFieldLine(bytes, at, start, head.fields, this.#rules);
      if (next === Line.improper) return this.#refuse('bad-request', lineError());
      if (next === Line.tooMany) {
        return this.#refuse(
          'fields-too-large',
          `more than ${this.#limits.maxFields} fields in the head`,
        );
      }
      if (next === Line.incomplete) break;
      at = next;
      if (at - start > this.#limits.headBytes) return this.#tooLarge(input, head, at - start);
    }
    this.#lineAt = at - start;
    return this.#wait(input, head);
  }

  /** False when more bytes are needed, or when there was an error. */
  #skipEmptyLines(input: Input): boolean {
    const { bytes } = input;
    while (input.at < bytes.length && bytes[input.at] === CR) {
      if (input.at + 1 === bytes.length) return false;
      if (bytes[input.at + 1] !== LF) {
        this.#refuse('bad-request', 'a bare CR before the request line (RFC 9112 2.2)');
        return false;
      }
      this.#emptyLines += 1;
      if (this.#emptyLines > MAX_EMPTY_LINES) {
        this.#refuse(
          'bad-request',
          `more than ${MAX_EMPTY_LINES} empty lines before the request line`,
        );
        return false;
      }
      input.at += CR_LF;
    }
    return input.at < bytes.length;
  }

  /** Gives the position after the line, or a negative `Line` with `fault` set unless it is incomplete. */
  #readRequestLine(bytes: Buffer, start: number, head: RequestHead): number {
    const end = bytes.length;
    let i = start;
    while (i < end && isToken[bytes[i] as number] === 1) i += 1;
    const methodLength = i - start;
    if (methodLength > MAX_METHOD)
      return this.#fail('method-not-implemented', `a method longer than ${MAX_METHOD} octets`);
    if (i === end) return Line.incomplete;
    if (bytes[i] !== SP || methodLength === 0)
      return this.#fail('bad-request', this.#notAMethod(bytes[i] as number));
    // Known from here on, whatever is wrong with the rest: no refusal of a HEAD has a body (RFC 9110 9.3.2).
    head.method = methodName(bytes, start, methodLength);
    const targetStart = i + 1;
    i = targetStart;
    while (i < end && isTarget[bytes[i] as number] === 1) i += 1;
    if (i - targetStart > this.#limits.targetBytes) {
      return this.#fail(
        'target-too-long',
        `a target longer than ${this.#limits.targetBytes} octets`,
      );
    }
    if (i === end) return Line.incomplete;
    if (bytes[i] !== SP || i === targetStart)
      return this.#fail('bad-request', this.#notATarget(bytes[i] as number));
    const targetEnd = i;
    const versionStart = i + 1;
    // "HTTP/1.1" CR LF
    if (end - versionStart < 10) {
      return this.#versionStillPossible(bytes, versionStart)
        ? Line.incomplete
        : this.#fail('bad-request', 'no HTTP version at the end of the request line (RFC 9112 3)');
    }
    const major = bytes[versionStart + 5] as number;
    const minor = bytes[versionStart + 7] as number;
    if (!this.#versionStillPossible(bytes, versionStart)) {
      return this.#fail(
        'bad-request',
        'no HTTP version at the end of the request line (RFC 9112 3)',
      );
    }
    if (bytes[versionStart + 8] !== CR || bytes[versionStart + 9] !== LF) {
      return this.#fail('bad-request', 'the request line does not end in CRLF (RFC 9112 2.2)');
    }
    if (major !== 0x31) {
      return this.#fail(
        'version-not-supported',
        `HTTP/${String.fromCharCode(major)} is not spoken here; use HTTP/1.1 or HTTP/1.0`,
      );
    }
    // RFC 9110 6.2: a higher minor version is handled as the highest one known.
    head.version = minor === 0x30 ? 10 : 11;
    this.#target = bytes.toString('latin1', targetStart, targetEnd);
    return versionStart + 10;
  }

  #versionStillPossible(bytes: Buffer, start: number): boolean {
    const form = 'HTTP/d.d';
    const length = Math.min(form.length, bytes.length - start);
    for (let i = 0; i < length; i += 1) {
      const octet = bytes[start + i] as number;
      const fits = form[i] === 'd' ? octet >= 0x30 && octet <= 0x39 : octet === form.charCodeAt(i);
      if (!fits) return false;
    }
    return true;
  }

  #notAMethod(octet: number): string {
    if (octet === 0x16) return 'a TLS handshake on a plain listener: use an http:// URL here';
    if (octet === LF) return 'a bare LF as line end (RFC 9112 2.2)';
    return `octet 0x${hex(octet)} in the method (RFC 9112 3)`;
  }

  #notATarget(octet: number): string {
    if (octet === SP) return 'more than one space in the request line (RFC 9112 3)';
    if (octet === CR || octet === LF)
      return 'no HTTP version at the end of the request line (RFC 9112 3)';
    return `octet 0x${hex(octet)} in the request target: percent-encode it (RFC 9112 3.2)`;
  }

  #wait(input: Input, head: RequestHead): ReadHead {
    this.#searched = input.length;
    if (this.#searched <= this.#limits.headBytes) return 'more';
    if (this.#inFields) return this.#tooLarge(input, head, this.#lineAt);
    // Which part of the line has no end is seen by reading it: lines that come in pieces are looked at once whole.
    return this.#readRequestLine(input.bytes, input.at, head) === Line.improper
      ? 'refused'
      : this.#refuse('target-too-long', 'a request line longer than the whole head may be');
  }

  #tooLarge(input: Input, head: RequestHead, lineAt: number): 'refused' {
    const limitBytes = this.#limits.headBytes;
    const text = input.bytes.toString('latin1', input.at);
    const name = oversizeField(head.fields, { text, lineAt, limitBytes });
    const where = name === null ? '' : `, most of it in ${name}`;
    return this.#refuse('fields-too-large', `a head longer than ${limitBytes} octets${where}`);
  }

  #complete(input: Input, end: number, head: RequestHead): ReadHead {
    if (end - input.at > this.#limits.headBytes) return this.#tooLarge(input, head, end - input.at);
    head.fields.text = input.bytes.toString('latin1', input.at, end);
    input.at = end;
    this.#lineAt = 0;
    this.#searched = 0;
    this.#emptyLines = 0;
    this.#inFields = false;
    return this.#interpret(head) ? 'head' : 'refused';
  }

  /** What the fields mean for framing, routing and the life of the connection. False with `fault` set if refused. */
  #interpret(head: RequestHead): boolean {
    const { fields, options } = head;
    const refusal = readConnection(fields, options) ?? this.#readAuthority(head);
    // RFC 9110 7.8: Upgrade in an HTTP/1.0 request is ignored.
    if (head.version === 10) options.upgrade = false;
    if (refusal !== null) return this.#deny('bad-request', refusal);
    if (head.method === 'CONNECT') {
      return isAuthority(this.#target) && /:[0-9]+$/.test(this.#target)
        ? this.#deny(
            'method-not-implemented',
            'CONNECT is for forward proxies; this listener is bound to an upstream',
          )
        : this.#deny('bad-request', 'CONNECT without a valid host and port (RFC 9110 9.3.6)');
    }
    const target = readTarget(head.method, this.#target);
    if (typeof target === 'string') return this.#deny('bad-request', target);
    head.target = target.target;
    if (target.authority !== undefined) {
      // RFC 9110 7.4: https promises a secured connection, which this one is not.
      if (target.scheme === 'https') {
        return this.#deny(
          'foreign-authority',
          'an https target on a plain listener: send the path, or an http URI',
        );
      }
      // RFC 9112 3.2.2: an absolute-form target overrides Host.
      head.authority = target.authority;
      head.hasAbsoluteTarget = true;
    }
    head.keepsAlive = !options.close && (head.version === 11 || options.keepAlive);
    return this.#readFraming(head) && this.#readExpect(head);
  }

  #readAuthority(head: RequestHead): string | null {
    const { fields } = head;
    const index = fields.indexOf(FieldId.host);
    if (index === -1) return head.version === 11 ? 'no Host field (RFC 9112 3.2)' : null;
    if (fields.indexOf(FieldId.host, index + 1) !== -1)
      return 'more than one Host field (RFC 9112 3.2)';
    const host = fields.value(index);
    if (host === '') return null;
    if (!isAuthority(host)) return 'Host is not a host with an optional port (RFC 9112 3.2)';
    head.authority = host;
    return null;
  }

  #readFraming(head: RequestHead): boolean {
    const length = readContentLength(head.fields);
    switch (readTransferEncoding(head.fields)) {
      case 'absent':
        if (typeof length === 'string') return this.#deny('bad-request', length);
        if (length > 0) {
          head.framing = 'length';
          head.contentLength = length;
        }
        break;
      case 'chunked':
        if (head.version === 10)
          return this.#deny(
            'bad-request',
            'Transfer-Encoding in an HTTP/1.0 request (RFC 9112 6.1)',
          );
        if (length !== -1)
          return this.#deny(
            'bad-request',
            'both Content-Length and Transfer-Encoding (RFC 9112 6.1)',
          );
        head.framing = 'chunked';
        break;
      case 'unknown':
        // Version and length first: they make the framing doubtful, which is worse than not implemented.
        if (head.version === 10 || length !== -1)
          return this.#deny(
            'bad-request',
            'Transfer-Encoding that cannot be trusted (RFC 9112 6.1)',
          );
        return this.#deny(
          'coding-not-implemented',
          'a transfer coding other than chunked (RFC 9112 6.1)',
        );
      case 'broken':
        return this.#deny(
          'bad-request',
          'Transfer-Encoding is not exactly "chunked" (RFC 9112 6.3)',
        );
    }
    // RFC 9110 9.3.8: a TRACE has no content.
    return head.method === 'TRACE' && head.framing !== 'none'
      ? this.#deny('bad-request', 'TRACE with content (RFC 9110 9.3.8)')
      : true;
  }

  #readExpect(head: RequestHead): boolean {
    // RFC 9110 10.1.1: the expectation of an HTTP/1.0 client is ignored.
    if (head.version === 10) return true;
    for (const expectation of head.fields.members(FieldId.expect)) {
      if (expectation !== '100-continue') {
        return this.#deny(
          'expectation-failed',
          'an expectation other than 100-continue (RFC 9110 10.1.1)',
        );
      }
      head.expectsContinue = head.framing !== 'none';
    }
    return true;
  }

  #deny(kind: FaultKind, cause: string): false {
    this.fault = fault(kind, 'client', cause);
    return false;
  }

  #refuse(kind: FaultKind, cause: string): 'refused' {
    this.fault = fault(kind, 'client', cause);
    return 'refused';
  }

  #fail(kind: FaultKind, cause: string): number {
    this.fault = fault(kind, 'client', cause);
    return Line.improper;
  }
}

/** The method's name; the two most common ones without making a string. */
function methodName(bytes: Buffer, start: number, length: number): string {
  if (
    length === 3 &&
    bytes[start] === 0x47 &&
    bytes[start + 1] === 0x45 &&
    bytes[start + 2] === 0x54
  )
    return 'GET';
  if (
    length === 4 &&
    bytes[start] === 0x50 &&
    bytes[start + 1] === 0x4f &&
    bytes[start + 2] === 0x53 &&
    bytes[start + 3] === 0x54
  ) {
    return 'POST';
  }
  return bytes.toString('latin1', start, start + length);
}
