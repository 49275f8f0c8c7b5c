import { describe, expect, it } from 'vitest';
import { type Fault, type FaultKind, fault } from '../../../src/base/fault.ts';
import { FieldTable } from '../../../src/message/fields.ts';
import { RequestHead } from '../../../src/message/head.ts';
import {
  detailsOf,
  ownResponse,
  prefersJson,
  statusOf,
} from '../../../src/message/own-response.ts';

/** The table of design 4.4 and of the fault kinds; the type makes it name each kind. */
const statuses: Readonly<Record<FaultKind, number>> = {
  'breaker-open': 503,
  'bad-request': 400,
  'malformed-body': 400,
  'head-timeout': 408,
  'body-timeout': 408,
  'length-required': 411,
  'body-too-large': 413,
  'target-too-long': 414,
  'expectation-failed': 417,
  'foreign-authority': 421,
  'upgrade-required': 426,
  'fields-too-large': 431,
  internal: 500,
  'coding-not-implemented': 501,
  'method-not-implemented': 501,
  'body-cut': 502,
  'connect-failed': 502,
  'connect-refused': 502,
  'connection-ended': 502,
  'dns-failed': 502,
  'malformed-response': 502,
  'partial-response': 502,
  'response-too-large': 502,
  'tls-certificate': 502,
  'tls-failed': 502,
  'unasked-upgrade': 502,
  'write-failed': 502,
  draining: 503,
  'no-endpoint': 503,
  'upstream-down': 503,
  'wait-timeout': 503,
  'waiting-full': 503,
  'connect-timeout': 504,
  'first-byte-timeout': 504,
  'idle-timeout': 504,
  'request-timeout': 504,
  'version-not-supported': 505,
  'client-gone': 0,
  'client-stalled': 0,
};
const kinds = Object.entries(statuses) as [FaultKind, number][];

/** RFC 9209 2.3: every error type that it registers. */
const errorTypes = new Set(
  `dns_timeout dns_error destination_not_found destination_unavailable destination_ip_prohibited
  destination_ip_unroutable connection_refused connection_terminated connection_timeout connection_read_timeout
  connection_write_timeout connection_limit_reached tls_protocol_error tls_certificate_error tls_alert_received
  http_request_error http_request_denied http_response_incomplete http_response_header_section_size
  http_response_header_size http_response_body_size http_response_trailer_section_size http_response_trailer_size
  http_response_transfer_coding http_response_content_coding http_response_timeout http_upgrade_failed
  http_protocol_error proxy_internal_response proxy_internal_error proxy_configuration_error`.split(
    /\s+/,
  ),
);

function asking(accept: string): RequestHead {
  const head = new RequestHead();
  const { fields } = head;
  const other = FieldTable.of([['Accept', accept]]);
  fields.text = other.text;
  fields.add(other.id(0), 0, 6, 8, 8 + accept.length, other.lineEnd(0));
  return head;
}

describe('the answer to each kind of fault', () => {
  it.each(kinds)('%s is answered with %i', (kind, status) => {
    expect(statusOf(kind)).toBe(status);
    const cause = 'What happened, "quoted".';
    const text = ownResponse(fault(kind, 'client', cause), null);
    expect(text.status).toBe(status);
    const error = /^Proxy-Status: sidepool; error=([a-z_]+); details="not-sent"\r\n/.exec(
      text.fieldLines,
    )?.[1];
    expect(errorTypes).toContain(error);
    // Each line ends in CRLF and holds no other control octet: these lines go out as they are.
    expect(text.fieldLines).toMatch(/^(?:[!-9;-~]+: [ -~]+\r\n)+$/);
    expect(text.fieldLines).not.toMatch(/^(?:Content-Length|Date|Connection|Transfer-Encoding):/im);
    expect(text.fieldLines.includes('Retry-After: 1\r\n')).toBe(status === 503);
    expect(text.fieldLines.includes('Upgrade: websocket\r\n')).toBe(status === 426);
    expect(text.fieldLines).toContain('Content-Type: text/plain; charset=utf-8\r\n');
    expect(text.body).toBe(
      `${status} ${text.reason}\n${cause}\nsent: not-sent (${kind}, by sidepool)\n`,
    );
    expect(text.reason === '').toBe(status === 0);

    const json = ownResponse(fault(kind, 'client', cause), asking('application/json'));
    expect(json.fieldLines).toContain('Content-Type: application/json\r\n');
    expect(JSON.parse(json.body)).toEqual({
      status,
      title: text.reason,
      error: kind,
      sent: 'not-sent',
      cause,
      by: 'sidepool',
    });
  });

  it('carries the Retry-After and the Upgrade that it is told', () => {
    const down = ownResponse(fault('upstream-down', 'upstream', ''), null, {
      retryAfterSeconds: 6.2,
    });
    expect(down.fieldLines).toContain('Retry-After: 7\r\n');
    const upgrade = ownResponse(fault('upgrade-required', 'client', ''), null, {
      upgradeTo: 'TLS/1.3',
    });
    expect(upgrade.fieldLines).toContain('Upgrade: TLS/1.3\r\n');
  });
});

describe('detailsOf', () => {
  it.each<[Partial<Fault>, string]>([
    [{}, 'not-sent'],
    [{ sent: 'refused' }, 'not-sent'],
    [{ sent: 'sent' }, 'sent-no-response'],
    [{ sent: 'sent', received: 'part-of-head' }, 'partial-response'],
    [{ sent: 'sent', received: 'head' }, 'partial-response'],
    [{ sent: 'sent', received: 'whole' }, 'partial-response'],
  ])('%o is %s', (rest, details) => {
    expect(detailsOf(fault('connection-ended', 'upstream', '', rest))).toBe(details);
  });
});

describe('prefersJson', () => {
  it.each([
    [undefined, false],
    ['', false],
    ['*/*', false],
    ['text/html', false],
    ['application/json', true],
    ['Application/JSON ; charset=utf-8', true],
    ['application/problem+json', true],
    ['text/plain, application/json;q=0.9', false],
    ['text/plain;q=0.5, application/json;q=0.9', true],
    ['text/*;q=0.8,application/json;v=1;q=0.7', false],
    ['application/json;q=0', false],
    ['application/json;q=x', false],
    ['application/jsonp', false],
  ])('%s: %s', (accept, expected) => {
    expect(prefersJson(accept)).toBe(expected);
  });
});
