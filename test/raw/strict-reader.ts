/**
 * Reads what stands on a connection by the grammar of RFC 9112 and nothing else: no repair, no mercy.
 *
 * Written apart from src/http1 on purpose, and in another manner (text and patterns, no state machine): it is the second
 * opinion of the raw suite and of the differential one, and must not share a mistake with what it judges.
 */

export type Fields = readonly (readonly [name: string, value: string])[];
type Framing = 'none' | 'length' | 'chunked' | 'close';

export interface StrictMessage {
  /** Start line to blank line, as it came. */
  readonly head: string;
  /** Of a request: method, target, version. Of a response: version, status, reason. */
  readonly start: readonly [string, string, string];
  readonly fields: Fields;
  readonly framing: Framing;
  /** Decoded, as far as it has come. */
  readonly body: string;
  readonly trailers: Fields;
  readonly isWhole: boolean;
  /** Chunks had extensions: nothing is wrong with them, and nobody has use for them. */
  readonly hasExtensions: boolean;
}

export interface StrictReading {
  /** In order; only the last may be in part. */
  readonly messages: readonly StrictMessage[];
  /** What breaks the grammar, or null. Nothing is read behind it. */
  readonly wrong: string | null;
  /** What begins a head that is not whole, or stands behind what is wrong. */
  readonly rest: string;
}

export interface ResponseContext {
  /** Methods asked, in order; GET where there are no more. */
  readonly methods: readonly string[];
  /** The sender has ended its side in order. */
  readonly hasEnded: boolean;
}

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const requestLine = new RegExp(`^(${token}) ([\\x21-\\x7e]+) HTTP/(\\d\\.\\d)$`);
const statusLine = /^HTTP\/(\d\.\d) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
const fieldLine = new RegExp(`^(${token}):([\\t\\x20-\\x7e\\x80-\\xff]*)$`);
const chunkLine = /^([0-9A-Fa-f]{1,16})((?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?)$/;

class Wrong extends Error {}

type Head = Pick<StrictMessage, 'head' | 'start' | 'fields' | 'framing'> & {
  readonly length: number;
};
type Body = Pick<StrictMessage, 'body' | 'trailers' | 'isWhole' | 'hasExtensions'>;
type HeadReader = (head: string, lines: readonly string[]) => Head;

export function readRequests(bytes: Buffer): StrictReading {
  // RFC 9112 2.2: empty lines before a request are passed over.
  return readAll(bytes.toString('latin1'), { before: '\r\n', readHead: readRequestHead });
}

export function readResponses(bytes: Buffer, context: ResponseContext): StrictReading {
  let nth = 0;
  const readHead: HeadReader = (head, lines) => {
    const read = readResponseHead(head, lines, context.methods[nth] ?? 'GET');
    if (Number(read.start[1]) >= 200) nth += 1;
    return read;
  };
  const reading = readAll(bytes.toString('latin1'), { before: null, readHead });
  const last = reading.messages.at(-1);
  if (!context.hasEnded || last?.framing !== 'close') return reading;
  return { ...reading, messages: [...reading.messages.slice(0, -1), { ...last, isWhole: true }] };
}

function readAll(
  text: string,
  { before, readHead }: { before: string | null; readHead: HeadReader },
): StrictReading {
  const messages: StrictMessage[] = [];
  let at = 0;
  try {
    while (at < text.length) {
      while (before !== null && text.startsWith(before, at)) at += before.length;
      const headEnd = text.indexOf('\r\n\r\n', at);
      if (headEnd === -1) break;
      const { length, ...head } = readHead(
        text.slice(at, headEnd + 4),
        text.slice(at, headEnd).split('\r\n'),
      );
      at = headEnd + 4;
      const body = readBody(text, at, { framing: head.framing, length });
      messages.push({ ...head, ...body.read });
      at = body.end;
      if (body.wrong !== null) throw new Wrong(body.wrong);
      if (!body.read.isWhole) break;
    }
    return { messages, wrong: null, rest: text.slice(at) };
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    return { messages, wrong: error.message, rest: text.slice(at) };
  }
}

function readRequestHead(head: string, [first = '', ...lines]: readonly string[]): Head {
  const found = requestLine.exec(first);
  if (found === null) throw new Wrong(`no request line: ${shown(first)}`);
  const [, method = '', target = '', version = ''] = found;
  if (!version.startsWith('1.')) throw new Wrong(`HTTP/${version}`);
  const fields = lines.map(readField);
  const told = toldFraming(version, fields);
  return {
    head,
    start: [method, target, version],
    fields,
    framing: told.framing ?? 'none',
    length: told.length,
  };
}

function readResponseHead(head: string, lines: readonly string[], method: string): Head {
  const [first = '', ...rest] = lines;
  const found = statusLine.exec(first);
  if (found === null) throw new Wrong(`no status line: ${shown(first)}`);
  const [, version = '', status = '', reason = ''] = found;
  if (!version.startsWith('1.')) throw new Wrong(`HTTP/${version}`);
  // RFC 9112 5.1: white space before a colon is taken away from a response.
  const fields = rest.map((line) => readField(line.replace(/^([^\s:]+)[ \t]+:/, '$1:')));
  const told = toldFraming(version, fields);
  const code = Number(status);
  const isEmpty = method === 'HEAD' || code < 200 || code === 204 || code === 304;
  return {
    head,
    start: [version, status, reason],
    fields,
    // RFC 9112 6.3: without a length, until the connection ends.
    framing: isEmpty ? 'none' : (told.framing ?? 'close'),
    length: told.length,
  };
}

function readField(line: string): readonly [string, string] {
  const found = fieldLine.exec(line);
  if (found === null) throw new Wrong(`no field line: ${shown(line)}`);
  return [found[1] ?? '', (found[2] ?? '').replace(/^[ \t]+|[ \t]+$/g, '')];
}

/** All values of a field, as they came. */
export function valuesOf(fields: Fields, name: string): string[] {
  return fields.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
}

/** RFC 9112 6.3, without any of the repairs that it allows. */
function toldFraming(
  version: string,
  fields: Fields,
): { framing: 'length' | 'chunked' | null; length: number } {
  const codings = valuesOf(fields, 'transfer-encoding');
  const lengths = valuesOf(fields, 'content-length');
  if (codings.length > 0 && lengths.length > 0) throw new Wrong('both length and coding');
  if (codings.length > 0) {
    if (version === '1.0') throw new Wrong('a coding in HTTP/1.0');
    if (codings.length > 1 || codings[0]?.toLowerCase() !== 'chunked')
      throw new Wrong(`Transfer-Encoding: ${shown(codings.join('|'))}`);
    return { framing: 'chunked', length: 0 };
  }
  if (lengths.length === 0) return { framing: null, length: 0 };
  const [length = ''] = lengths;
  if (lengths.length > 1 || !/^\d{1,16}$/.test(length) || !Number.isSafeInteger(Number(length)))
    throw new Wrong(`Content-Length: ${shown(lengths.join('|'))}`);
  return { framing: 'length', length: Number(length) };
}

interface BodyReading {
  readonly read: Body;
  readonly end: number;
  readonly wrong: string | null;
}

function readBody(
  text: string,
  from: number,
  { framing, length }: { framing: Framing; length: number },
): BodyReading {
  const plain = { trailers: [], hasExtensions: false };
  if (framing === 'chunked') return readChunks(text, from);
  if (framing === 'close') {
    const read = { ...plain, body: text.slice(from), isWhole: false };
    return { read, end: text.length, wrong: null };
  }
  const body = text.slice(from, from + (framing === 'length' ? length : 0));
  const isWhole = framing === 'none' || body.length === length;
  return { read: { ...plain, body, isWhole }, end: from + body.length, wrong: null };
}

function readChunks(text: string, from: number): BodyReading {
  let body = '';
  let hasExtensions = false;
  let at = from;
  const end = (wrong: string | null, trailers: Fields | null = null): BodyReading => ({
    read: { body, trailers: trailers ?? [], isWhole: trailers !== null, hasExtensions },
    end: at,
    wrong,
  });
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    const line = text.slice(at, lineEnd === -1 ? undefined : lineEnd);
    const found = chunkLine.exec(line);
    if (found === null)
      return end(
        lineEnd === -1 && !/[^\s\w;="\\]/.test(line) ? null : `no chunk size: ${shown(line)}`,
      );
    if (lineEnd === -1) return end(null);
    if (found[2] !== '') hasExtensions = true;
    const size = Number.parseInt(found[1] ?? '', 16);
    if (!Number.isSafeInteger(size)) return end(`chunk size ${found[1]}`);
    at = lineEnd + 2;
    if (size === 0) break;
    body += text.slice(at, at + size);
    const hasAll = text.length >= at + size + 2;
    if (!hasAll) {
      at = Math.min(text.length, at + size);
      return end('\r\n'.startsWith(text.slice(at)) ? null : 'no line end behind a chunk');
    }
    at += size;
    if (!text.startsWith('\r\n', at)) return end('no line end behind a chunk');
    at += 2;
  }
  return readTrailers(text, at, end, (next) => {
    at = next;
  });
}

function readTrailers(
  text: string,
  from: number,
  end: (wrong: string | null, trailers?: Fields) => BodyReading,
  moveTo: (at: number) => void,
): BodyReading {
  const trailers: (readonly [string, string])[] = [];
  for (let at = from; ; ) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd === -1) return end(null);
    const line = text.slice(at, lineEnd);
    at = lineEnd + 2;
    moveTo(at);
    if (line === '') return end(null, trailers);
    try {
      trailers.push(readField(line));
    } catch (error) {
      return end(error instanceof Wrong ? error.message : String(error));
    }
  }
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 60));
}
