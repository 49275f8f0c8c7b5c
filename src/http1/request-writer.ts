/** The head of a request as it goes to an upstream: always HTTP/1.1, always one reading (RFC 9112 2.3, 3.2). */
import { FieldId } from '../message/fields.ts';
import type { RequestHead } from '../message/head.ts';
import { anticipates } from '../message/methods.ts';
import { forwardedLines, hopByHop, leftOut } from './forwarded-lines.ts';

/** What configuration changes in every request to one upstream; made once. */
export interface RequestEdits {
  /** The authority for Host; undefined to send on what the client named. */
  readonly authority: string | undefined;
  /** Stands in for the client's authority when it named none (HTTP/1.0 without Host, RFC 9112 3.3). */
  readonly defaultAuthority: string;
  /** Field lines to add, each ending in CRLF, and the names that they replace, in lower case. */
  readonly setLines: string;
  readonly removed: ReadonlySet<string> | null;
  /** The pseudonym to write into Via, or undefined for no Via (RFC 9110 7.6.3; see the documented deviation). */
  readonly via: string | undefined;
}

/** How the body goes out. `chunked` only where HTTP/1.1 is known to be understood (RFC 9112 6.1). */
export type BodyPlan =
  | { readonly kind: 'as-received' }
  /** The whole body is held, so that its length is known though it came chunked. */
  | { readonly kind: 'length'; readonly bytes: number };

export const asReceived: BodyPlan = { kind: 'as-received' };

/** Kept out of what is copied: written anew below, or hop-by-hop. */
const out = leftOut([
  ...hopByHop,
  FieldId.host,
  FieldId.expect,
  FieldId.maxForwards,
  FieldId.contentLength,
]);
const outWithTrailer = leftOut([
  ...hopByHop,
  FieldId.host,
  FieldId.expect,
  FieldId.maxForwards,
  FieldId.contentLength,
  FieldId.trailer,
]);

export interface RequestExtras {
  /** The upgrade token to offer, or null. */
  readonly upgrade: string | null;
  readonly plan: BodyPlan;
}

/** The head, ready to be written as latin1: request line to blank line. */
export function requestHead(head: RequestHead, edits: RequestEdits, extras: RequestExtras): string {
  const { fields, options } = head;
  const { plan, upgrade } = extras;
  const isChunked = head.framing === 'chunked' && plan.kind === 'as-received';
  // RFC 9110 7.2: Host first.
  let text = `${head.method} ${head.target} HTTP/1.1\r\nHost: ${edits.authority ?? head.authority ?? edits.defaultAuthority}\r\n`;
  text += forwardedLines(fields, isChunked ? out : outWithTrailer, options.named, edits.removed);
  if (isChunked) text += 'Transfer-Encoding: chunked\r\n';
  else if (plan.kind === 'length') text += `Content-Length: ${plan.bytes}\r\n`;
  else if (head.framing === 'length') text += `Content-Length: ${head.contentLength}\r\n`;
  // RFC 9110 8.6: a method that anticipates content says so when there is none.
  else if (anticipates(head.method)) text += 'Content-Length: 0\r\n';
  // A body that is held whole needs no leave to be sent.
  if (head.expectsContinue && plan.kind === 'as-received') text += 'Expect: 100-continue\r\n';
  text += maxForwards(head, edits.removed);
  // RFC 9110 10.1.4: whoever sends TE names it in Connection. Only "trailers" is passed on.
  const asksTrailers = options.te && fields.members(FieldId.te).includes('trailers');
  if (asksTrailers) text += 'TE: trailers\r\n';
  if (upgrade !== null)
    text += `Upgrade: ${upgrade}\r\nConnection: ${asksTrailers ? 'upgrade, TE' : 'upgrade'}\r\n`;
  else if (asksTrailers) text += 'Connection: TE\r\n';
  if (edits.via !== undefined) {
    const version = head.version === 10 ? '1.0' : '1.1';
    text += `Via: ${version} ${edits.via}\r\n`;
  }
  // RFC 9110 9.3.8: what configuration sets may be a secret, and a TRACE is sent back to whoever asked for it.
  return head.method === 'TRACE' ? `${text}\r\n` : `${text}${edits.setLines}\r\n`;
}

/** The greatest Max-Forwards passed on: more hops than any request has. */
const MOST_FORWARDS = 999_999_999;

/** RFC 9110 7.6.2: counted down by one. Zero never gets here: the gateway answers it itself. */
function maxForwards(head: RequestHead, removed: ReadonlySet<string> | null): string {
  const value = head.fields.get(FieldId.maxForwards);
  if (value === undefined) return '';
  if (removed?.has('max-forwards') || head.options.named?.includes('max-forwards')) return '';
  // Other methods give it no meaning: it is passed on like any field.
  if (head.method !== 'OPTIONS' && head.method !== 'TRACE') return `Max-Forwards: ${value}\r\n`;
  if (!/^\d+$/.test(value)) return '';
  return `Max-Forwards: ${Math.max(0, Math.min(Number(value) - 1, MOST_FORWARDS))}\r\n`;
}
