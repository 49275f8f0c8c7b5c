/** What the gateway says itself: its refusals and failures, Proxy-Status, TRACE and OPTIONS (RFC 9110 9, 15; RFC 9209). */
import { describe, expect, it } from 'vitest';
import { type FaultKind, fault } from '../../src/base/fault.ts';
import { ownText } from '../../src/downstream/own-text.ts';
import { BodyDecoder } from '../../src/http1/body-decoder.ts';
import { Input } from '../../src/http1/input.ts';
import { ResponseParser } from '../../src/http1/response-parser.ts';
import { RequestHead, ResponseHead } from '../../src/message/head.ts';
import { ownResponse, statusOf } from '../../src/message/own-response.ts';
import { get, scene } from '../integration/faults/scene.ts';
import { freePort } from '../support/free-port.ts';
import { alwaysAnswer, response } from '../support/raw-origin.ts';
import { waitFor } from '../support/wait-for.ts';
import { namesOf, pass } from './seam.ts';

const on = scene();

/** All but those that answer nobody: the client is gone. The compiler sees to it that none is forgotten. */
const kinds = Object.keys({
  'bad-request': 0,
  'malformed-body': 0,
  'head-timeout': 0,
  'body-timeout': 0,
  'length-required': 0,
  'body-too-large': 0,
  'target-too-long': 0,
  'expectation-failed': 0,
  'foreign-authority': 0,
  'upgrade-required': 0,
  'fields-too-large': 0,
  'coding-not-implemented': 0,
  'method-not-implemented': 0,
  'version-not-supported': 0,
  'connect-failed': 0,
  'connect-refused': 0,
  'tls-certificate': 0,
  'tls-failed': 0,
  'dns-failed': 0,
  'body-cut': 0,
  'connection-ended': 0,
  'malformed-response': 0,
  'partial-response': 0,
  'response-too-large': 0,
  'unasked-upgrade': 0,
  'write-failed': 0,
  'no-endpoint': 0,
  'upstream-down': 0,
  'wait-timeout': 0,
  'waiting-full': 0,
  draining: 0,
  'connect-timeout': 0,
  'first-byte-timeout': 0,
  'idle-timeout': 0,
  'request-timeout': 0,
  internal: 0,
} satisfies Partial<Record<FaultKind, 0>>) as FaultKind[];

const client = {
  head: { headBytes: 32_768, targetBytes: 16_384, maxFields: 100 },
  headTimeoutMs: 0,
  idleTimeoutMs: 60_000,
  maxRequests: 0,
  stallTimeoutMs: 0,
  lingerMs: 0,
  lingerBytes: 0,
  holdForLengthMs: 0,
  holdForLengthBytes: 0,
  maxBodyBytes: 0,
};

function textOf(kind: FaultKind, { method = 'GET', keeps = false } = {}): string {
  const request = new RequestHead();
  request.method = method;
  const own = ownResponse(fault(kind, 'upstream', 'What happened, and what to do.'), request);
  const date = 'Thu, 01 Jan 2026 00:00:00 GMT';
  return ownText(own, { request, keeps, date, requests: 1, client });
}

/** Reads it as strictly as any upstream's response. */
function read(text: string, method: string): { head: ResponseHead; body: string; left: number } {
  const parser = new ResponseParser({ headBytes: 4_096, maxFields: 20 });
  const input = new Input();
  const head = new ResponseHead();
  input.push(Buffer.from(text, 'latin1'));
  expect(parser.read(input, head, method), parser.fault?.cause).toBe('head');
  const decoder = new BodyDecoder();
  decoder.begin(head.framing, head.contentLength);
  let body = '';
  const sink = {
    onData: (data: Buffer): boolean => {
      body += data.toString('latin1');
      return true;
    },
    onEnd: (): void => undefined,
  };
  expect(decoder.read(input, sink)).toBe('end');
  return { head, body, left: input.length };
}

describe('every answer of the gateway’s own', () => {
  it('is read by its own strict parser, well within its limits [9110-2.2-01] [9110-2.3-02] [9112-2.2-03]', () => {
    for (const kind of kinds)
      for (const keeps of [true, false]) {
        const { head, left } = read(textOf(kind, { keeps }), 'GET');
        expect([kind, head.status, left]).toEqual([kind, statusOf(kind), 0]);
      }
  });

  it('says with its status what happened, as text of a named type whose length is told, uncoded [9110-8.3-01] [9110-8.6-09] [9110-12.5.3-01] [9110-15.5-01] [9110-15.6-01]', () => {
    for (const kind of kinds) {
      const text = textOf(kind);
      const { head, body } = read(text, 'GET');
      expect(body).toContain('What happened, and what to do.');
      expect(body).toContain(String(head.status));
      expect(text).toContain('\r\nContent-Type: text/plain; charset=utf-8\r\n');
      expect(text).toContain(`\r\nContent-Length: ${body.length}\r\n`);
      expect(text).not.toMatch(/\r\nContent-Encoding:/i);
    }
  });

  it('has no body after HEAD, and the fields that GET would have had [9110-9.3.2-01] [9110-9.3.2-02] [9110-8.6-04]', () => {
    for (const kind of kinds) {
      const toGet = textOf(kind);
      const toHead = textOf(kind, { method: 'HEAD' });
      expect(toHead).toBe(toGet.slice(0, toGet.indexOf('\r\n\r\n') + 4));
    }
  });

  it('has no body after HEAD though the rest of that request cannot be read [9110-9.3.2-01]', async () => {
    for (const [rest, status] of [
      ['/a b HTTP/1.1\r\nHost: a\r\n\r\n', 400],
      [`/${'a'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
      ['/ HTTP/2.0\r\nHost: a\r\n\r\n', 505],
      ['/ HTTP/1.1\r\n\r\n', 400],
      ['/ HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n', 400],
    ] as const) {
      const { client, answer } = await pass(on, `HEAD ${rest}`);
      expect(answer.status).toBe(status);
      expect(await client.readToEnd()).toHaveLength(0);
    }
  });

  it('has no field that would mark it as another’s or as for all: no Vary of "*", no Server, no Trailer [9110-12.5.5-01]', () => {
    for (const kind of kinds) expect(textOf(kind)).not.toMatch(/\r\n(?:Vary|Server|Trailer):/i);
  });

  it('names this intermediary, one registered type of error, and how far the request went [9209-2-01] [9209-2-R1] [9209-2.1.1-R1] [9209-2.1.5-R1] [9110-5.6.4-02] [9209-4-R1] [9209-2.1-01]', () => {
    for (const kind of kinds) {
      const [line = ''] = textOf(kind).match(/(?<=\r\n)Proxy-Status: .*(?=\r\n)/) ?? [];
      // An sf-token, a parameter that is one, and one that is an sf-string with nothing to escape: no room for more.
      const [, error = ''] =
        /^Proxy-Status: sidepool; error=([a-z_]+); details="(?:not-sent|sent-no-response|partial-response)"$/.exec(
          line,
        ) ?? [];
      expect(registered, `${kind}: ${line}`).toContain(error);
    }
  });

  it('has the status that its type of error recommends, save where another tells the client more [9209-2.1.1-02] [9209-2.1.1-01]', () => {
    const other: Partial<Record<FaultKind, [status: number, error: string]>> = {};
    for (const kind of kinds) {
      const error = /error=([a-z_]+)/.exec(textOf(kind))?.[1] ?? '';
      const status = statusOf(kind);
      const fits = recommended[error] === status || (recommended[error] === 4 && status < 500);
      if (!fits) other[kind] = [status, error];
    }
    expect(other).toEqual({
      'foreign-authority': [421, 'http_request_denied'],
      'upgrade-required': [426, 'http_request_denied'],
      'coding-not-implemented': [501, 'http_request_error'],
      'method-not-implemented': [501, 'http_request_error'],
      'version-not-supported': [505, 'http_request_error'],
      'no-endpoint': [503, 'destination_not_found'],
    });
  });

  it('is JSON for who asks for that, with q at any place among the parameters [9110-12.5.1-02]', async () => {
    const foreign = (accept: string): string =>
      `GET http://foreign/ HTTP/1.1\r\nHost: a\r\nAccept: ${accept}\r\n\r\n`;
    const { client: asking } = await pass(on, get());
    for (const [accept, type] of [
      ['application/json', 'application/json'],
      ['text/plain;q=0.2;v=1, application/json;v=1;q=0.5', 'application/json'],
      ['text/plain;v=1;q=0.5, application/json;q=0.2;v=1', 'text/plain; charset=utf-8'],
      ['*/*', 'text/plain; charset=utf-8'],
    ])
      expect((await asking.exchange(foreign(accept ?? ''))).fields.get('content-type')).toEqual([
        type,
      ]);
  });
});

/** RFC 9209 2.3, and the status that each recommends; 4 stands for the 4xx that applies. */
const recommended: Readonly<Record<string, number>> = {
  dns_timeout: 504,
  dns_error: 502,
  destination_not_found: 500,
  destination_unavailable: 503,
  destination_ip_prohibited: 502,
  destination_ip_unroutable: 502,
  connection_refused: 502,
  connection_terminated: 502,
  connection_timeout: 504,
  connection_read_timeout: 504,
  connection_write_timeout: 504,
  connection_limit_reached: 503,
  tls_protocol_error: 502,
  tls_certificate_error: 502,
  tls_alert_received: 502,
  http_request_error: 4,
  http_request_denied: 403,
  http_response_incomplete: 502,
  http_response_header_section_size: 502,
  http_response_header_size: 502,
  http_response_body_size: 502,
  http_response_trailer_section_size: 502,
  http_response_trailer_size: 502,
  http_response_transfer_coding: 502,
  http_response_content_coding: 502,
  http_response_timeout: 504,
  http_upgrade_failed: 502,
  http_protocol_error: 502,
  proxy_internal_response: 503,
  proxy_internal_error: 500,
  proxy_configuration_error: 500,
  proxy_loop_detected: 502,
};
const registered = Object.keys(recommended);

describe('Proxy-Status', () => {
  it('is not in a relayed response, whole or cut, nor in its trailers [9209-2-R1] [9209-2-04] [9209-2-05]', async () => {
    const whole = await pass(on, get(), {
      answer: 'HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n',
    });
    expect(whole.client.received.bytes.toString()).not.toMatch(/proxy-status/i);
    const origin = await on.origin({
      onRequest: (_, connection) =>
        connection.fin('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n'),
    });
    const gateway = await on.gateway(origin);
    const cut = await on.client(gateway);
    cut.write(get());
    await cut.incomingEnd();
    expect(cut.received.bytes.toString()).not.toMatch(/proxy-status/i);
  });

  it('of others is passed on with theirs alone, in their order, and in trailers as a trailer [9209-2-02] [9209-2-06]', async () => {
    const members =
      'Proxy-Status: a; error=dns_error\r\nProxy-Status: b, "c d"; received-status=200\r\n';
    const { answer } = await pass(on, get(), {
      answer: `HTTP/1.1 200 OK\r\n${members}Transfer-Encoding: chunked\r\n\r\n0\r\nProxy-Status: a; details="x"\r\n\r\n`,
    });
    expect(answer.rawHead).toContain(members);
    expect(answer.trailers.get('proxy-status')).toEqual(['a; details="x"']);
  });
});

describe('a failure of the upstream is told by status and type', () => {
  it('502 where nothing listens, and where it answers what is no HTTP [9110-15.6.3-R1] [9209-2.1.1-01]', async () => {
    const port = await freePort();
    const gateway = await on.gateway(
      { url: `http://127.0.0.1:${port}` },
      { timeouts: { wait: '400ms' } },
    );
    const client = await on.client(gateway);
    const answer = await client.exchange(get());
    expect([answer.status, answer.fields.get('proxy-status')]).toEqual([
      502,
      ['sidepool; error=connection_refused; details="not-sent"'],
    ]);
    const odd = await pass(on, get(), { answer: 'what?\r\n\r\n' });
    expect([odd.answer.status, odd.answer.fields.get('proxy-status')]).toEqual([
      502,
      ['sidepool; error=http_protocol_error; details="partial-response"'],
    ]);
  });

  it('503 with Retry-After where no connection frees up in time [9110-15.6.4-R1] [9110-15.6.4-01] [9209-2.1.1-01]', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin, {
      pool: { warm: 1, warmMax: 1, maxConnections: 1 },
      timeouts: { wait: '1s' },
    });
    const [one, two] = [await on.client(gateway), await on.client(gateway)];
    one.write(get());
    await origin.request();
    const answer = await two.exchange(get());
    expect([answer.status, answer.fields.get('retry-after')]).toEqual([503, ['1']]);
    expect(answer.fields.get('proxy-status')?.[0]).toContain('error=connection_limit_reached');
  });

  it('504 where no answer comes in time [9110-15.6.5-R1] [9209-2.1.1-01]', async () => {
    const { answer } = await pass(on, get(), {
      answer: '',
      upstream: { timeouts: { firstByte: '100ms' } },
    });
    expect(answer.status).toBe(504);
    expect(answer.fields.get('proxy-status')?.[0]).toContain('error=http_response_timeout');
  });

  it('and so is a breach of the listener’s limits: 413 closes [9110-15.5.14-01]', async () => {
    const { answer, client, origin } = await pass(
      on,
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n',
      { rest: { limits: { body: '1KiB' } } },
    );
    expect([answer.status, answer.fields.get('connection')]).toEqual([413, ['close']]);
    expect(await client.incomingEnd()).toBe('fin');
    expect(origin.requests).toEqual([]);
  });
});

describe('Max-Forwards', () => {
  const ask = (method: string, fields: string): string =>
    `${method} /path?query HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;

  for (const [method, received, sent] of [
    ['OPTIONS', '5', '4'],
    ['TRACE', '1', '0'],
    ['OPTIONS', '99999999999999999999', '999999999'],
  ] as const)
    it(`${received} of ${method} goes on as ${sent} [9110-7.6.2-01] [9110-7.6.2-04]`, async () => {
      const { request } = await pass(on, ask(method, `Max-Forwards: ${received}\r\n`));
      expect(request?.fields.get('max-forwards')).toEqual([sent]);
    });

  it('or not, a TRACE gets nothing of what configuration sets, which may be a secret [9110-9.3.8-02]', async () => {
    const upstream = { headers: { set: { Authorization: 'Bearer s3cret' } } };
    const { request, client, origin } = await pass(on, ask('TRACE', 'Authorization: x\r\n'), {
      upstream,
    });
    expect(namesOf(request?.rawHead ?? '')).toEqual(['Host']);
    await client.exchange(get());
    expect(origin.requests[1]?.fields.get('authorization')).toEqual(['Bearer s3cret']);
  });

  it('of another method goes on as it came [9110-7.6.2-05]', async () => {
    const { request } = await pass(on, get('/', 'Max-Forwards: 5\r\n'));
    expect(request?.fields.get('max-forwards')).toEqual(['5']);
  });

  it('is never added [9110-9.3.7-02]', async () => {
    for (const method of ['OPTIONS', 'TRACE']) {
      const { request } = await pass(on, ask(method, ''));
      expect(namesOf(request?.rawHead ?? '')).toEqual(['Host']);
    }
  });

  it('0 of OPTIONS is answered here, with what applies, whatever its conditions [9110-7.6.2-02] [9110-7.6.2-03] [9110-9.3.7-01] [9110-13.2.1-03] [9110-6.6.1-02]', async () => {
    const { answer, origin } = await pass(
      on,
      ask('OPTIONS', 'Max-Forwards: 0\r\nIf-Match: "x"\r\nIf-None-Match: *\r\n'),
    );
    expect(answer.status).toBe(200);
    expect(answer.fields.get('allow')?.[0]).toContain('GET');
    expect(answer.fields.has('date')).toBe(true);
    expect(origin.requests).toEqual([]);
  });

  it('0 of TRACE is answered here, with the request but for its secrets [9110-7.6.2-02] [9110-7.6.2-03] [9110-9.3.8-01] [9110-9.3.8-03]', async () => {
    const secrets =
      'Authorization: Basic s3cret\r\nCookie: a=s3cret\r\nProxy-Authorization: s3cret\r\nX-Api-Key: s3cret\r\n';
    const { answer, origin } = await pass(
      on,
      ask('TRACE', `Max-Forwards: 0\r\n${secrets}X-Seen: yes\r\n`),
    );
    expect(answer.fields.get('content-type')).toEqual(['message/http']);
    expect(answer.body.toString()).toBe(
      'TRACE /path?query HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\nX-Seen: yes\r\n\r\n',
    );
    expect(origin.requests).toEqual([]);
  });
});

it('an upstream that is the gateway itself is refused before it starts: no circle [9110-7.6-03]', async () => {
  const port = await freePort();
  const origin = { url: `http://127.0.0.1:${port}` };
  const listeners = [{ upstream: 'origin', address: `127.0.0.1:${port}` }];
  await expect(on.gateway(origin, {}, { listeners })).rejects.toThrow(/go in a circle/);
});

it('an upstream whose URL has user information is refused before it starts [9110-4.2.4-01]', async () => {
  for (const user of ['user:secret', 'user', ''])
    await expect(on.gateway({ url: `http://${user}@127.0.0.1:1` })).rejects.toThrow(
      /without user and password|origin/,
    );
});

it('nothing that a message holds ends a line in a head that is written here [9112-11.1-R1]', async () => {
  const origin = await on.origin({ onRequest: alwaysAnswer() });
  const gateway = await on.gateway(origin, { host: 'client' });
  // Percent-encoded and other spellings of a line end, in every place whose octets come to stand in another message.
  const tries = [
    'GET /?a=%0d%0aX-Evil:1 HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a%0d%0aX-Evil:1\r\n\r\n',
    'GET http://a%0d%0aX-Evil:1/ HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nX: b\\r\\nX-Evil: 1\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nX: \xe5\x98\x8a\xe5\x98\x8dX-Evil: 1\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nX: b\x85X-Evil: 1\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nX: b\rX-Evil: 1\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nX: b\nX-Evil: 1\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 5\x0bX-Evil: 1\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\x85X-Evil: 1\r\n\r\n',
  ];
  for (const request of tries) {
    const client = await on.client(gateway);
    const { rawHead } = await client.exchange(request);
    expect(namesOf(rawHead)).not.toContain('X-Evil');
    client.reset();
  }
  for (const { rawHead } of origin.requests) expect(namesOf(rawHead)).not.toContain('X-Evil');
  await waitFor(() => origin.requests.length > 0);
});

it('what is forwarded has one length or one coding, one Host, and no name twice that may not be [9112-11.2-R1] [9112-6.2-01]', async () => {
  const bodies = [
    'Content-Length: 2\r\n\r\nhi',
    'transfer-encoding:Chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
  ];
  for (const body of bodies) {
    const { request } = await pass(
      on,
      `POST http://127.0.0.1/ HTTP/1.1\r\nHost: b\r\nConnection: x-a\r\nX-A: 1\r\n${body}`,
      { answer: response(), upstream: { authorities: ['127.0.0.1'] } },
    );
    const names = namesOf(request?.rawHead ?? '').map((name) => name.toLowerCase());
    expect(names.sort()).toEqual([
      ...(body.startsWith('C') ? ['content-length', 'host'] : ['host', 'transfer-encoding']),
    ]);
    expect(request?.rawHead).toMatch(/^POST \/ HTTP\/1\.1\r\n(?:[!-9;-~]+: [!-~]+\r\n)+\r\n$/);
  }
});
