/**
 * Reads HTTP/1.1 messages that must be beyond all doubt, written apart from src/http1: a fuzzer that judged with the
 * code under test would share its mistakes. It works on whole text, slowly; whatever two servers could read in two
 * ways it throws a `Finding` for.
 */
import { promise } from './engine/target.ts';

export interface StrictMessage {
  readonly startLine: string;
  /** Names in lower case. */
  readonly fields: readonly (readonly [string, string])[];
  readonly body: string;
  readonly trailers: readonly (readonly [string, string])[];
  /** Where the next message begins. */
  readonly end: number;
}

export interface StrictOptions {
  readonly role: 'request' | 'response';
  /** Of the request that a response answers. */
  readonly method?: string;
  /** No more text follows: what a close-delimited response has is its body. */
  readonly isClosed?: boolean;
}

const requestLine = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ (?:\/[!-"$-[\]-~]*|\*) HTTP\/1\.1$/;
const statusLine = /^HTTP\/1\.1 [1-9][0-9]{2} [\t -~\x80-\xff]*$/;
const fieldLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t -~\x80-\xff]*)$/;

/** The message at `at`, or null when the text ends before it does. */
export function readStrictly(
  text: string,
  at: number,
  options: StrictOptions,
): StrictMessage | null {
  const headEnd = text.indexOf('\r\n\r\n', at);
  if (headEnd === -1) {
    promise(!/\n\n|\r\r/.test(text.slice(at)), () => `an improper end of head: ${quote(text, at)}`);
    return null;
  }
  const [startLine = '', ...lines] = text.slice(at, headEnd).split('\r\n');
  const isRequest = options.role === 'request';
  promise(
    (isRequest ? requestLine : statusLine).test(startLine),
    () => `start line ${quote(startLine)}`,
  );
  const fields = readLines(lines);
  const hosts = all(fields, 'host');
  promise(
    !isRequest || hosts.length === 1,
    () => `${hosts.length} Host fields in ${quote(text, at)}`,
  );
  const lengths = all(fields, 'content-length');
  const codings = all(fields, 'transfer-encoding');
  promise(lengths.length + codings.length <= 1, () => `two framings in ${quote(text, at)}`);
  const [length] = lengths;
  promise(length === undefined || /^(?:0|[1-9][0-9]*)$/.test(length), () => `length ${length}`);
  promise(
    codings.every((coding) => coding === 'chunked'),
    () => `coding ${codings}`,
  );
  const bodyAt = headEnd + 4;
  const rest = { startLine, fields };
  const status = isRequest ? 0 : Number(startLine.slice(9, 12));
  const hasNone =
    options.method === 'HEAD' || (status > 0 && status < 200) || status === 204 || status === 304;
  if (!isRequest && hasNone) return { ...rest, body: '', trailers: [], end: bodyAt };
  if (codings.length === 1) return readChunks(text, bodyAt, rest);
  if (length === undefined && !isRequest) {
    if (options.isClosed !== true) return null;
    return { ...rest, body: text.slice(bodyAt), trailers: [], end: text.length };
  }
  const end = bodyAt + Number(length ?? 0);
  return end > text.length ? null : { ...rest, body: text.slice(bodyAt, end), trailers: [], end };
}

function readChunks(
  text: string,
  start: number,
  head: Pick<StrictMessage, 'startLine' | 'fields'>,
): StrictMessage | null {
  let at = start;
  let body = '';
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd === -1) return null;
    const digits = text.slice(at, lineEnd);
    promise(/^[0-9a-f]{1,13}$/.test(digits), () => `a chunk size ${quote(digits)}`);
    at = lineEnd + 2;
    const size = Number.parseInt(digits, 16);
    if (size === 0) break;
    if (at + size + 2 > text.length) return null;
    body += text.slice(at, at + size);
    at += size;
    promise(text.startsWith('\r\n', at), () => `no CRLF after a chunk: ${quote(text, at)}`);
    at += 2;
  }
  const end = text.startsWith('\r\n', at) ? at : text.indexOf('\r\n\r\n', at) + 2;
  if (end === 1) return null;
  const lines = text.slice(at, end).split('\r\n').slice(0, -1);
  const trailers = readLines(lines);
  for (const [name] of trailers)
    promise(
      !/^(?:host|content-length|transfer-encoding|connection|te|trailer|upgrade)$/.test(name),
      () => `${name} in trailers`,
    );
  return { ...head, body, trailers, end: end + 2 };
}

function readLines(lines: readonly string[]): (readonly [string, string])[] {
  return lines.map((line) => {
    const found = fieldLine.exec(line);
    promise(found !== null, () => `a field line ${quote(line)}`);
    return [
      (found[1] as string).toLowerCase(),
      (found[2] as string).replace(/^[\t ]+|[\t ]+$/g, ''),
    ] as const;
  });
}

export function all(fields: StrictMessage['fields'], name: string): string[] {
  return fields.filter(([each]) => each === name).map(([, value]) => value);
}

function quote(text: string, at = 0): string {
  return JSON.stringify(text.slice(at, at + 300));
}
