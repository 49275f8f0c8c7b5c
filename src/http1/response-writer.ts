/** The head of a response as it goes to a client. */
import { FieldId, type FieldTable } from '../message/fields.ts';
import type { ResponseHead } from '../message/head.ts';
import { forwardedLines, hopByHop, leftOut } from './forwarded-lines.ts';

/** How the client is told where the body ends. `none`: no body follows, whatever the fields say. */
export type ClientFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length' }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'close' };

export interface ResponseExtras {
  readonly framing: ClientFraming;
  /** The Connection line and its kin, each line ending in CRLF; empty for none. */
  readonly connectionLines: string;
  /** The Date to add if the upstream sent none (RFC 9110 6.6.1). */
  readonly date: string;
}

const outForLength = leftOut([...hopByHop, FieldId.trailer]);
const outForChunked = leftOut([...hopByHop, FieldId.contentLength]);
const outForNoLength = leftOut([...hopByHop, FieldId.contentLength, FieldId.trailer]);

/** The head, ready to be written as latin1: status line to blank line. */
export function responseHead(
  head: ResponseHead,
  { framing, connectionLines, date }: ResponseExtras,
): string {
  const { fields } = head;
  let text = `HTTP/1.1 ${head.status} ${head.reason}\r\n`;
  text += forwardedLines(fields, linesFor(framing, head), head.options.named, null);
  // RFC 9110 6.6.1: a response without Date gets the time of its arrival; so does one whose Connection takes it away.
  const hasDate = fields.indexOf(FieldId.date) !== -1 && !head.options.named?.includes('date');
  if (!hasDate && head.status >= 200) text += `Date: ${date}\r\n`;
  if (framing.kind === 'chunked') text += 'Transfer-Encoding: chunked\r\n';
  // RFC 9110 15.5.22: without the field that says to what, a 426 would tell the client nothing.
  if (head.status === 426) text += upgradeLines(fields);
  return `${text}${connectionLines}\r\n`;
}

/** Upgrade as it goes on for this hop, named in Connection (RFC 9110 7.8); empty where there is none. */
function upgradeLines(fields: FieldTable): string {
  const protocols = fields.members(FieldId.upgrade);
  if (protocols.length === 0) return '';
  return `Connection: Upgrade\r\nUpgrade: ${protocols.join(', ')}\r\n`;
}

function linesFor(framing: ClientFraming, head: ResponseHead): Uint8Array {
  if (framing.kind === 'chunked') return outForChunked;
  if (framing.kind === 'length') return outForLength;
  // RFC 9110 8.6: HEAD and 304 may tell the length that GET would have had; 1xx and 204 may not.
  const mayTell = framing.kind === 'none' && head.status >= 200 && head.status !== 204;
  return mayTell ? outForLength : outForNoLength;
}

/** An interim response (RFC 9110 15.2): no length, no coding, no Date. */
export function interimHead(head: ResponseHead): string {
  const lines = forwardedLines(head.fields, outForNoLength, head.options.named, null);
  return `HTTP/1.1 ${head.status} ${head.reason}\r\n${lines}\r\n`;
}

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

/** The head of a 101 (RFC 9110 7.8, 15.2.2): the one that tells the client which protocol follows. */
export function switchingHead(head: ResponseHead, asked: FieldTable | null = null): string {
  // RFC 9110 7.8: who asks for a 100 and for a switch is told both, in this order.
  const before = asked === null || asked.indexOf(FieldId.expect) === -1 ? '' : CONTINUE;
  const lines = forwardedLines(head.fields, outForNoLength, head.options.named, null);
  return `${before}HTTP/1.1 ${head.status} ${head.reason}\r\n${lines}${upgradeLines(head.fields)}\r\n`;
}

/** The frame before a chunk's data (RFC 9112 7.1). */
export function chunkStart(length: number): string {
  return `${length.toString(16)}\r\n`;
}

export const CHUNK_END = '\r\n';

/** The last chunk and the trailers, whose lines each end in CRLF. */
export function lastChunk(trailerLines: string): string {
  return `0\r\n${trailerLines}\r\n`;
}
