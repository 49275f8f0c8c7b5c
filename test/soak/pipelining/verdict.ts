/** What came of one request: the comparison of what was asked with what the client saw. */
import { type Ask, expectedOf } from './asks.ts';
import { type Read, readResponse } from './response-reader.ts';

export type Outcome =
  /** The response of this request, to the octet. */
  | { readonly kind: 'right' }
  /** The gateway said itself that it failed, and how: `error; details`. */
  | { readonly kind: 'told'; readonly status: number; readonly told: string }
  /** Begun rightly, and broken off so that the client could see it. */
  | { readonly kind: 'cut' }
  /** The client went away before the response was whole; what had come was right. */
  | { readonly kind: 'left' }
  /** Anything of another request, or anything that is no response of this one. */
  | { readonly kind: 'wrong'; readonly why: string }
  /** Broken off, and it looks whole; or the connection ended without an octet; or nothing came in time. */
  | { readonly kind: 'lost'; readonly why: string };

/** How the client's connection stands. */
export type Connection = 'open' | 'fin' | 'reset' | 'timed-out' | 'left';

/** Null while more has to come. */
export function verdictOf(ask: Ask, text: string, connection: Connection): VerdictRead | null {
  const ended = connection === 'fin';
  let read: Read | null;
  try {
    read = readResponse(text, { method: ask.method, ended });
  } catch (mistake) {
    return { outcome: { kind: 'wrong', why: (mistake as Error).message }, read: null };
  }
  if (read === null) return noHead(text, connection);
  if (isOwn(read))
    return read.isWhole || connection !== 'open' ? { outcome: toldBy(read), read } : null;
  const why = mismatch(ask, read);
  if (why !== '') {
    const kind = isCutUnseen(ask, read) ? 'lost' : 'wrong';
    return { outcome: { kind, why }, read };
  }
  if (read.isWhole) return { outcome: { kind: 'right' }, read };
  if (connection === 'open') return null;
  return { outcome: brokenOff(connection, read), read };
}

export interface VerdictRead {
  readonly outcome: Outcome;
  /** Null when there was no whole head. */
  readonly read: Read | null;
}

function noHead(text: string, connection: Connection): VerdictRead | null {
  switch (connection) {
    case 'open':
      return null;
    case 'left':
      return { outcome: { kind: 'left' }, read: null };
    case 'timed-out':
      return { outcome: { kind: 'lost', why: 'no head in time' }, read: null };
    default:
      return {
        outcome: { kind: 'lost', why: `${connection} after ${text.length} octets of a head` },
        read: null,
      };
  }
}

function brokenOff(connection: Connection, { body, framing }: Read): Outcome {
  switch (connection) {
    case 'left':
      return { kind: 'left' };
    case 'timed-out':
      return { kind: 'lost', why: `stopped after ${body.length} octets of a body (${framing})` };
    default:
      // A close-delimited one that ended with a FIN counts as whole, and has been compared as such.
      return { kind: 'cut' };
  }
}

/** RFC 9209: no origin here sends it. */
function isOwn({ fields }: Read): boolean {
  return fields.has('proxy-status');
}

function toldBy({ status, fields }: Read): Outcome {
  const proxyStatus = fields.get('proxy-status') ?? '';
  const error = /error=([\w-]+)/.exec(proxyStatus)?.[1] ?? 'unknown';
  const details = /details="?([\w-]+)/.exec(proxyStatus)?.[1] ?? 'no details';
  return { kind: 'told', status, told: `${error}; ${details}` };
}

/** A close-delimited body that ends too early, and in order: its client takes it for the whole. */
function isCutUnseen(ask: Ask, { fields, status, framing, body }: Read): boolean {
  const expected = expectedOf(ask);
  return (
    framing === 'close' &&
    fields.get('x-id') === ask.id &&
    status === expected.status &&
    expected.body.startsWith(body)
  );
}

/** Why this is not the response of this request, or empty. */
function mismatch(ask: Ask, read: Read): string {
  const expected = expectedOf(ask);
  const asked = `${ask.method} ${ask.kind} ${ask.id}`;
  const id = read.fields.get('x-id');
  if (id !== ask.id) return `${asked}: the id of ${id}, status ${read.status}`;
  if (read.status !== expected.status) return `${asked}: status ${read.status}`;
  const length = read.fields.get('content-length');
  const isLengthTold = length !== undefined && expected.status === 200;
  if (isLengthTold && Number(length) !== expected.body.length) {
    return `${asked}: a length of ${length}, not ${expected.body.length}`;
  }
  if (read.framing === 'none') return '';
  const wanted = read.isWhole ? expected.body : expected.body.slice(0, read.body.length);
  if (read.body === wanted) return '';
  return `${asked}: ${differs(read.body, expected.body)}`;
}

function differs(body: string, expected: string): string {
  let at = 0;
  while (at < body.length && body[at] === expected[at]) at += 1;
  if (at === body.length)
    return `a body that ends after ${at} of ${expected.length} octets and looks whole`;
  return `a body that differs at ${at} of ${expected.length}: ${JSON.stringify(body.slice(at, at + 60))}`;
}
