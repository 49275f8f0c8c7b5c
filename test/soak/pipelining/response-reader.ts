/**
 * Reads one response as far as it has come, and tells what is there of one that was cut off.
 *
 * Apart from src/http1 on purpose, and strict: what the gateway sends must be right to the octet.
 */

export interface Read {
  readonly status: number;
  readonly version: string;
  /** Names in lower case; the last of several of one name. */
  readonly fields: ReadonlyMap<string, string>;
  readonly framing: 'none' | 'length' | 'chunked' | 'close';
  /** Decoded, as far as it has come. */
  readonly body: string;
  readonly isWhole: boolean;
  /** Octets of it, when it is whole. */
  readonly used: number;
}

export interface ReadOptions {
  readonly method: string;
  /** The gateway has ended its side in order: a close-delimited body is whole. */
  readonly ended: boolean;
}

/** Throws for what no response looks like. Null while the head is not whole. Interim responses are passed over. */
export function readResponse(text: string, { method, ended }: ReadOptions): Read | null {
  let at = 0;
  for (;;) {
    const headEnd = text.indexOf('\r\n\r\n', at);
    if (headEnd === -1) {
      // A body where a head should begin is seen at once and not when the connection ends.
      if (text.length - at >= 5 && !text.startsWith('HTTP/', at))
        throw new Error(misread(text, at));
      return null;
    }
    const [startLine = '', ...lines] = text.slice(at, headEnd).split('\r\n');
    const start = /^HTTP\/(1\.[01]) (\d{3})(?: [^\r\n]*)?$/.exec(startLine);
    if (start === null) throw new Error(misread(text, at));
    const status = Number(start[2]);
    at = headEnd + 4;
    if (status < 200) continue;
    const fields = readFields(lines);
    const framing = framingOf(method, status, fields);
    const shared = { status, version: start[1] ?? '', fields, framing };
    return {
      ...shared,
      ...readBody(text, at, framing, Number(fields.get('content-length')), ended),
    };
  }
}

function misread(text: string, at: number): string {
  return `no start of a response: ${JSON.stringify(text.slice(at, at + 80))}`;
}

function readFields(lines: readonly string[]): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon <= 0) throw new Error(`no field: ${JSON.stringify(line)}`);
    fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return fields;
}

/** RFC 9112 6.3. */
function framingOf(method: string, status: number, fields: Read['fields']): Read['framing'] {
  if (method === 'HEAD' || status === 204 || status === 304) return 'none';
  if (fields.get('transfer-encoding') === 'chunked') return 'chunked';
  return fields.has('content-length') ? 'length' : 'close';
}

function readBody(
  text: string,
  from: number,
  framing: Read['framing'],
  length: number,
  ended: boolean,
): Pick<Read, 'body' | 'isWhole' | 'used'> {
  switch (framing) {
    case 'none':
      return { body: '', isWhole: true, used: from };
    case 'length': {
      const end = Math.min(text.length, from + length);
      return { body: text.slice(from, end), isWhole: end === from + length, used: end };
    }
    case 'close':
      return { body: text.slice(from), isWhole: ended, used: text.length };
    case 'chunked':
      return readChunked(text, from);
  }
}

function readChunked(text: string, from: number): Pick<Read, 'body' | 'isWhole' | 'used'> {
  let body = '';
  let at = from;
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd === -1) return { body, isWhole: false, used: at };
    const line = text.slice(at, lineEnd);
    if (!/^[0-9a-f]+$/i.test(line)) throw new Error(`no chunk size: ${JSON.stringify(line)}`);
    const size = Number.parseInt(line, 16);
    at = lineEnd + 2;
    if (size === 0) break;
    body += text.slice(at, at + size);
    if (text.length < at + size + 2) return { body, isWhole: false, used: at };
    if (!text.startsWith('\r\n', at + size)) throw new Error('no line end after a chunk');
    at += size + 2;
  }
  // No origin here sends trailers.
  if (text.length < at + 2) return { body, isWhole: false, used: at };
  if (!text.startsWith('\r\n', at)) throw new Error('something stands where the chunks end');
  return { body, isWhole: true, used: at + 2 };
}
