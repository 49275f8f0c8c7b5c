/** The text of the answers that the gateway makes itself, and what it says of a connection's life. */
import type { RequestHead } from '../message/head.ts';
import type { OwnResponse } from '../message/own-response.ts';
import type { ClientOptions } from './options.ts';

export interface OwnTerms {
  /** Of a request whose head was refused: what was read of it. */
  readonly request: RequestHead;
  readonly keeps: boolean;
  readonly date: string;
  /** How many the connection has had, this one included. */
  readonly requests: number;
  readonly client: ClientOptions;
}

/** Head and body, one octet a character. */
export function ownText(response: OwnResponse, terms: OwnTerms): string {
  const { status, reason, fieldLines, body } = response;
  const bytes = Buffer.from(body, 'utf8');
  let text = `HTTP/1.1 ${status} ${reason}\r\n${fieldLines}Date: ${terms.date}\r\n`;
  text += `Content-Length: ${bytes.length}\r\n${connectionLines(status, terms)}\r\n`;
  // RFC 9110 9.3.2: no body after HEAD.
  return terms.request.method === 'HEAD' ? text : text + bytes.toString('latin1');
}

function connectionLines(status: number, terms: OwnTerms): string {
  // RFC 9110 7.8: whoever sends Upgrade names it in Connection.
  const upgrade = status === 426 ? 'upgrade' : '';
  if (!terms.keeps) return `Connection: ${upgrade === '' ? 'close' : 'upgrade, close'}\r\n`;
  if (terms.request.version === 11) return upgrade === '' ? '' : 'Connection: upgrade\r\n';
  return keepAliveLines(terms.client, terms.requests);
}

/** What an HTTP/1.0 client is told of how long its connection lives. */
export function keepAliveLines(
  { idleTimeoutMs, maxRequests }: ClientOptions,
  requests: number,
): string {
  const left = maxRequests === 0 ? '' : `, max=${Math.max(0, maxRequests - requests)}`;
  const seconds = Math.max(1, Math.floor(idleTimeoutMs / 1000));
  return `Connection: keep-alive\r\nKeep-Alive: timeout=${seconds}${left}\r\n`;
}
