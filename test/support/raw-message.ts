/**
 * A small, forgiving reader of HTTP/1 messages for the scripted origin and client.
 *
 * Written apart from src/http1 on purpose: a test that read with the code under test would share its
 * mistakes.
 */

type Framing = 'length' | 'chunked' | 'close' | 'none';

export interface RawMessage {
  /** The head as it came, with the empty line. */
  readonly rawHead: string;
  readonly startLine: string;
  /** Names in lower case; all values of a name in their order. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
  /** Decoded when it was chunked. */
  readonly body: Buffer;
  readonly trailers: ReadonlyMap<string, readonly string[]>;
  readonly framing: Framing;
  /** The octets of the whole message on the wire. */
  readonly wireBytes: number;
}

export interface ReadContext {
  readonly role: 'request' | 'response';
  /** The method that a response answers: HEAD has no body, CONNECT opens a tunnel. */
  readonly method?: string;
  /** The other side has ended: a close-delimited body is then whole. */
  readonly ended?: boolean;
}

/** No test sends a longer head; without a limit a flood of bytes would be searched again at each chunk. */
const headLimitBytes = 1 << 20;

/** The first message of these bytes, or undefined while it is not whole. */
export function readMessage(bytes: Buffer, context: ReadContext): RawMessage | undefined {
  const headEnd = bytes.subarray(0, headLimitBytes).indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const bodyStart = headEnd + 4;
  const rawHead = bytes.toString('latin1', 0, bodyStart);
  const [startLine = '', ...lines] = rawHead.slice(0, -4).split('\r\n');
  const fields = readFields(lines);
  const framing = framingOf(startLine, fields, context);
  const rest = bytes.subarray(bodyStart);
  const read = readBody(rest, framing, fields, context.ended ?? false);
  if (read === undefined) return undefined;
  const { body, trailers, used } = read;
  return { rawHead, startLine, fields, body, trailers, framing, wireBytes: bodyStart + used };
}

interface ReadBody {
  readonly body: Buffer;
  readonly trailers: ReadonlyMap<string, readonly string[]>;
  readonly used: number;
}

const noFields: ReadonlyMap<string, readonly string[]> = new Map();

function framingOf(startLine: string, fields: RawMessage['fields'], context: ReadContext): Framing {
  const status = context.role === 'response' ? Number(startLine.split(' ')[1]) : 0;
  if (context.role === 'response') {
    if (context.method === 'HEAD' || status === 204 || status === 304) return 'none';
    if (status >= 100 && status < 200) return 'none';
  }
  if (fields.get('transfer-encoding')?.some((value) => /chunked\s*$/i.test(value)))
    return 'chunked';
  if (fields.has('content-length')) return 'length';
  return context.role === 'request' ? 'none' : 'close';
}

function readBody(
  rest: Buffer,
  framing: Framing,
  fields: RawMessage['fields'],
  ended: boolean,
): ReadBody | undefined {
  switch (framing) {
    case 'none':
      return { body: Buffer.alloc(0), trailers: noFields, used: 0 };
    case 'length': {
      const length = Number(fields.get('content-length')?.[0]);
      if (rest.length < length) return undefined;
      return { body: rest.subarray(0, length), trailers: noFields, used: length };
    }
    case 'close':
      return ended ? { body: rest, trailers: noFields, used: rest.length } : undefined;
    case 'chunked':
      return readChunked(rest);
  }
}

function readChunked(rest: Buffer): ReadBody | undefined {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = rest.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(rest.toString('latin1', at, lineEnd), 16);
    if (Number.isNaN(size))
      throw new Error(`bad chunk size at ${at}: ${rest.toString('latin1', at, lineEnd)}`);
    at = lineEnd + 2;
    if (size === 0) break;
    if (rest.length < at + size + 2) return undefined;
    chunks.push(rest.subarray(at, at + size));
    if (rest.toString('latin1', at + size, at + size + 2) !== '\r\n') {
      throw new Error(`no line end after the chunk at ${at}`);
    }
    at += size + 2;
  }
  const trailerLines: string[] = [];
  for (;;) {
    const lineEnd = rest.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const line = rest.toString('latin1', at, lineEnd);
    at = lineEnd + 2;
    if (line === '') break;
    trailerLines.push(line);
  }
  return { body: Buffer.concat(chunks), trailers: readFields(trailerLines), used: at };
}

function readFields(lines: readonly string[]): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim().toLowerCase();
    const values = fields.get(name) ?? [];
    values.push(line.slice(colon + 1).trim());
    fields.set(name, values);
  }
  return fields;
}

/** Encodes a body in chunks of the given size, with trailers if any. */
export function chunked(
  body: string | Uint8Array,
  {
    chunkBytes = 1024,
    trailers = {},
  }: { chunkBytes?: number; trailers?: Record<string, string> } = {},
): Buffer {
  const bytes = Buffer.from(body as Uint8Array);
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const chunk = bytes.subarray(at, at + chunkBytes);
    parts.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
  }
  const lines = Object.entries(trailers).map(([name, value]) => `${name}: ${value}\r\n`);
  parts.push(Buffer.from(`0\r\n${lines.join('')}\r\n`));
  return Buffer.concat(parts);
}
