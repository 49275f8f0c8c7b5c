/**
 * The answers that the gateway makes itself: one table from a fault to a status, and the one place that words them.
 *
 * Each carries `Proxy-Status` (RFC 9209) with the error type and, in `details`, how much of the request can have
 * reached the upstream: `not-sent`, `sent-no-response` or `partial-response`. A caller of POST decides by it.
 */
import type { Fault, FaultKind } from '../base/fault.ts';
import { FieldId } from './fields.ts';
import { type RequestHead, ResponseHead } from './head.ts';

interface Answer {
  readonly status: number;
  /** The error type of RFC 9209 section 2.3. */
  readonly error: string;
  readonly title: string;
}

/** 0 stands for "no answer can reach anybody": the client is gone. */
const answers: { readonly [kind in FaultKind]: Answer } = {
  'bad-request': answer(400, 'http_request_error', 'Bad Request'),
  'malformed-body': answer(400, 'http_request_error', 'Bad Request'),
  'head-timeout': answer(408, 'http_request_error', 'Request Timeout'),
  'body-timeout': answer(408, 'http_request_error', 'Request Timeout'),
  'length-required': answer(411, 'http_request_error', 'Length Required'),
  'body-too-large': answer(413, 'http_request_error', 'Content Too Large'),
  'target-too-long': answer(414, 'http_request_error', 'URI Too Long'),
  'expectation-failed': answer(417, 'http_request_error', 'Expectation Failed'),
  'foreign-authority': answer(421, 'http_request_denied', 'Misdirected Request'),
  'upgrade-required': answer(426, 'http_request_denied', 'Upgrade Required'),
  'fields-too-large': answer(431, 'http_request_error', 'Request Header Fields Too Large'),
  'coding-not-implemented': answer(501, 'http_request_error', 'Not Implemented'),
  'method-not-implemented': answer(501, 'http_request_error', 'Not Implemented'),
  'version-not-supported': answer(505, 'http_request_error', 'HTTP Version Not Supported'),

  'connect-failed': answer(502, 'destination_ip_unroutable', 'Bad Gateway'),
  'connect-refused': answer(502, 'connection_refused', 'Bad Gateway'),
  'tls-certificate': answer(502, 'tls_certificate_error', 'Bad Gateway'),
  'tls-failed': answer(502, 'tls_protocol_error', 'Bad Gateway'),
  'dns-failed': answer(502, 'dns_error', 'Bad Gateway'),
  'body-cut': answer(502, 'http_response_incomplete', 'Bad Gateway'),
  'connection-ended': answer(502, 'connection_terminated', 'Bad Gateway'),
  'malformed-response': answer(502, 'http_protocol_error', 'Bad Gateway'),
  'partial-response': answer(502, 'http_response_incomplete', 'Bad Gateway'),
  'response-too-large': answer(502, 'http_response_header_section_size', 'Bad Gateway'),
  'unasked-upgrade': answer(502, 'http_upgrade_failed', 'Bad Gateway'),
  'write-failed': answer(502, 'connection_terminated', 'Bad Gateway'),

  // RFC 9209 2.3.2: recent attempts to communicate with it have failed.
  'breaker-open': answer(503, 'destination_unavailable', 'Service Unavailable'),
  'no-endpoint': answer(503, 'destination_not_found', 'Service Unavailable'),
  'upstream-down': answer(503, 'destination_unavailable', 'Service Unavailable'),
  'wait-timeout': answer(503, 'connection_limit_reached', 'Service Unavailable'),
  'waiting-full': answer(503, 'connection_limit_reached', 'Service Unavailable'),
  draining: answer(503, 'proxy_internal_response', 'Service Unavailable'),

  'connect-timeout': answer(504, 'connection_timeout', 'Gateway Timeout'),
  'first-byte-timeout': answer(504, 'http_response_timeout', 'Gateway Timeout'),
  'idle-timeout': answer(504, 'connection_read_timeout', 'Gateway Timeout'),
  'request-timeout': answer(504, 'http_response_timeout', 'Gateway Timeout'),

  internal: answer(500, 'proxy_internal_error', 'Internal Server Error'),

  'client-gone': answer(0, 'http_request_error', ''),
  'client-stalled': answer(0, 'http_request_error', ''),
};

function answer(status: number, error: string, title: string): Answer {
  return { status, error, title };
}

/** The status that a fault is answered with; 0 when there is nobody left to answer. */
export function statusOf(kind: FaultKind): number {
  return answers[kind].status;
}

/** RFC 9110 15.2.1: the client may send its body. */
export function continueNow(): ResponseHead {
  const head = new ResponseHead();
  head.status = 100;
  head.reason = 'Continue';
  return head;
}

/** What the caller is told about its request: RFC 9209 `details`. */
export function detailsOf(fault: Fault): 'not-sent' | 'sent-no-response' | 'partial-response' {
  if (fault.received !== 'nothing' && fault.received !== 'interim') return 'partial-response';
  return fault.sent === 'sent' ? 'sent-no-response' : 'not-sent';
}

export interface OwnResponse {
  readonly status: number;
  readonly reason: string;
  /** Field lines without framing, Date and Connection, which the client's side adds; each ends in CRLF. */
  readonly fieldLines: string;
  readonly body: string;
}

/**
 * Words the answer to a fault. `request` is null when its head never became readable.
 * `retryAfterSeconds` is used for 503 unless the fault knows better, and taken as 1 when not given.
 */
export function ownResponse(
  fault: Fault,
  request: RequestHead | null,
  { retryAfterSeconds = 1, upgradeTo }: { retryAfterSeconds?: number; upgradeTo?: string } = {},
): OwnResponse {
  const { status, error, title } = answers[fault.kind];
  const details = detailsOf(fault);
  let fieldLines = `Proxy-Status: sidepool; error=${error}; details="${details}"\r\n`;
  // RFC 9110 10.2.3: how long the fault is expected to last, in whole seconds.
  if (status === 503) {
    fieldLines += `Retry-After: ${Math.ceil(fault.retryAfterSeconds ?? retryAfterSeconds)}\r\n`;
  }
  // RFC 9110 15.5.22: a 426 names the protocol that it asks for.
  if (status === 426) fieldLines += `Upgrade: ${upgradeTo ?? 'websocket'}\r\n`;
  const asJson = request !== null && prefersJson(request.fields.get(FieldId.accept));
  const body = asJson
    ? `${JSON.stringify({ status, title, error: fault.kind, sent: details, cause: fault.cause, by: 'sidepool' })}\n`
    : `${status} ${title}\n${fault.cause}\nsent: ${details} (${fault.kind}, by sidepool)\n`;
  fieldLines += asJson
    ? 'Content-Type: application/json\r\n'
    : 'Content-Type: text/plain; charset=utf-8\r\n';
  return { status, reason: title, fieldLines, body };
}

/** Whether an Accept value ranks JSON above plain text. `q` is the weight at any place (RFC 9110 12.5.1). */
export function prefersJson(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  let json = 0;
  let text = 0;
  for (const range of accept.toLowerCase().split(',')) {
    const [type, ...parameters] = range.split(';').map((part) => part.trim());
    const q = parameters.find((parameter) => parameter.startsWith('q='));
    const weight = q === undefined ? 1 : Number(q.slice(2)) || 0;
    if (type === 'application/json' || type === 'application/problem+json')
      json = Math.max(json, weight);
    else if (type === 'text/plain' || type === 'text/*') text = Math.max(text, weight);
  }
  return json > 0 && json >= text;
}
