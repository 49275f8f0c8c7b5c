/** The gateway's own answers: whatever a cause quotes, they stay one response; and what logs and the page make of it. */
import { type FaultKind, fault } from '../../../src/base/fault.ts';
import { ownText } from '../../../src/downstream/own-text.ts';
import { FieldTable } from '../../../src/message/fields.ts';
import { RequestHead } from '../../../src/message/head.ts';
import { ownResponse, statusOf } from '../../../src/message/own-response.ts';
import {
  methodOf,
  pathOf,
  requestIdOf,
  scrub,
  traceParentOf,
} from '../../../src/telemetry/scrub.ts';
import { type FuzzTarget, promise } from '../engine/target.ts';
import { all, readStrictly } from '../strict-reader.ts';

const kinds: readonly FaultKind[] = [
  'bad-request',
  'foreign-authority',
  'upgrade-required',
  'wait-timeout',
  'malformed-response',
  'connect-refused',
  'first-byte-timeout',
  'internal',
];

const client = {
  head: { headBytes: 32 * 1024, targetBytes: 16 * 1024, maxFields: 100 },
  headTimeoutMs: 10_000,
  idleTimeoutMs: 75_000,
  maxRequests: 5,
  stallTimeoutMs: 60_000,
  lingerMs: 2_000,
  lingerBytes: 1_000,
  holdForLengthMs: 10,
  holdForLengthBytes: 1_000,
  maxBodyBytes: 0,
};

/** The first octet chooses kind, keep-alive, version and JSON; a second text follows a line end: what the client sent. */
export const ownTextTarget: FuzzTarget = {
  name: 'own-text',
  promise:
    'own answers are one response each, whatever is quoted; logs get no line end and no query',
  seeds: () =>
    [
      '\x00the upstream said "no"\ntext/plain',
      '\x1aa\r\n\r\nHTTP/1.1 200 OK\r\n\r\n\napplication/json;q=0.9, text/plain',
      '\x32GET /?token=abc Authorization: Bearer abcdefgh\napplication/json',
    ].map((text) => Buffer.from(text, 'latin1')),
  maxBytes: 4096,
  run(data) {
    const bits = data[0] ?? 0;
    const [cause = '', sent = ''] = data.toString('utf8', 1).split('\n', 2);
    const failure = fault(kinds[bits & 7] as FaultKind, 'client', cause, { code: sent });
    const request = new RequestHead();
    request.method = (bits & 32) !== 0 ? 'HEAD' : 'GET';
    request.version = (bits & 8) !== 0 ? 10 : 11;
    const accept = sent.replaceAll(/[^\t -~]/g, '');
    if (accept !== '') request.fields.add(15, 0, 6, 8, 8 + accept.length, 10 + accept.length);
    request.fields.text = FieldTable.of([['Accept', accept]]).text;
    const own = ownResponse(failure, (bits & 64) !== 0 ? null : request, {
      retryAfterSeconds: 1.5,
    });
    promise(own.status === statusOf(failure.kind), () => `status ${own.status}`);
    const text = ownText(own, {
      request,
      keeps: (bits & 16) !== 0,
      date: 'Thu, 01 Jan 2026 00:00:00 GMT',
      requests: 1,
      client,
    });
    const { method } = request;
    const message = readStrictly(`${text}HTTP/1.1 200 NEXT`, 0, { role: 'response', method });
    promise(message?.end === text.length, () => `it ends elsewhere:\n${text}`);
    const body = Buffer.from(message.body, 'latin1').toString('utf8');
    promise(method === 'HEAD' || body === own.body, () => `another body:\n${text}`);
    const [type] = all(message.fields, 'content-type');
    if (method !== 'HEAD' && type === 'application/json')
      promise(
        JSON.parse(body).cause === failure.cause,
        () => `JSON that says something else: ${body}`,
      );
    checkLog(cause);
  },
};

function checkLog(text: string): void {
  const clean = scrub(text);
  promise(clean.length <= 600, () => `a text of ${clean.length} characters in a log`);
  promise(
    clean.endsWith('...') || !/\?[^\s"'<>)\][]/.test(clean.replaceAll('?[hidden]', '')),
    () => `a query in a log: ${clean}`,
  );
  promise(
    !/[?#]/.test(pathOf(text).replace(/\.\.\.$/, '')),
    () => `a query in a path: ${pathOf(text)}`,
  );
  promise(pathOf(text).length <= 300 && methodOf(text).length <= 40, () => 'a long path or method');
  const id = requestIdOf(text) ?? traceParentOf(text) ?? '';
  promise(/^[\w.:/+=-]{0,128}$/.test(id), () => `an id ${JSON.stringify(id)}`);
}
