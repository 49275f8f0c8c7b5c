/** The retry table of the design (4.3), row by row, over a client's connection and carriers without sockets. */
import { describe, expect, it } from 'vitest';
import { type FaultKind, fault, type Received, type Sent } from '../../../src/base/fault.ts';
import type { RetryOptions } from '../../../src/proxy/options.ts';
import { read } from '../downstream/fake-exchange.ts';
import { chunkedPost, get, lines, post, scenes } from '../downstream/scene.ts';
import { Scene } from './scene.ts';

const scene = scenes((...options: ConstructorParameters<typeof Scene>) => new Scene(...options));
const request = (method: string) => lines(`${method} / HTTP/1.1`, 'Host: a');
/** Long enough for any pause of one retry. */
const PAUSE_MS = 100;

interface Row {
  readonly what: string;
  readonly request: string;
  readonly isReused: boolean;
  readonly kind: FaultKind;
  readonly sent?: Sent;
  readonly received?: Received;
  readonly retry?: Partial<RetryOptions>;
  /** The retry's reason, or null for none. */
  readonly reason: string | null;
}

const ended = { kind: 'connection-ended' } as const;
const put = post('x').replace('POST', 'PUT');
const rows: Row[] = [
  ...['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PUT', 'DELETE'].map((method) => ({
    ...ended,
    what: `${method}, sent on a reused connection that ended`,
    request: request(method),
    isReused: true,
    reason: 'reused-connection-ended',
  })),
  ...['POST', 'PATCH', 'FROB'].map((method) => ({
    ...ended,
    what: `${method}, sent on a reused connection that ended`,
    request: request(method),
    isReused: true,
    reason: null,
  })),
  {
    ...ended,
    what: 'POST with a promise, sent on a reused connection that ended',
    request: post('x', 'Idempotency-Key: 1'),
    isReused: true,
    retry: { idempotencyHeaders: ['idempotency-key'] },
    reason: 'reused-connection-ended',
  },
  {
    ...ended,
    what: 'POST with the field, but none is configured',
    request: post('x', 'Idempotency-Key: 1'),
    isReused: true,
    reason: null,
  },
  {
    ...ended,
    what: 'PUT with a body that is held',
    request: put,
    isReused: true,
    reason: 'reused-connection-ended',
  },
  {
    ...ended,
    what: 'PUT with a body too long to be held',
    request: post('x'.repeat(1_001)).replace('POST', 'PUT'),
    isReused: true,
    reason: null,
  },
  {
    ...ended,
    what: 'GET, with resends of 0',
    request: get(),
    isReused: true,
    retry: { resends: 0 },
    reason: null,
  },
  ...['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY'].map((method) => ({
    ...ended,
    what: `${method}, sent on a new connection that ended`,
    request: request(method),
    isReused: false,
    reason: 'new-connection-ended',
  })),
  ...['PUT', 'DELETE', 'POST'].map((method) => ({
    ...ended,
    what: `${method}, sent on a new connection that ended`,
    request: request(method),
    isReused: false,
    reason: null,
  })),
  {
    ...ended,
    what: 'PUT, on a new connection, with onNewConnection: idempotent',
    request: put,
    isReused: false,
    retry: { onNewConnection: 'idempotent' },
    reason: 'new-connection-ended',
  },
  {
    ...ended,
    what: 'POST, on a new connection, with onNewConnection: idempotent',
    request: post('x'),
    isReused: false,
    retry: { onNewConnection: 'idempotent' },
    reason: null,
  },
  {
    ...ended,
    what: 'GET, on a new connection, with onNewConnection: never',
    request: get(),
    isReused: false,
    retry: { onNewConnection: 'never' },
    reason: null,
  },
  {
    what: 'POST that was never sent',
    request: post('x'),
    isReused: true,
    kind: 'write-failed',
    sent: 'not-sent',
    reason: 'not-sent',
  },
  {
    what: 'POST that was never sent, on a new connection',
    request: post('x'),
    isReused: false,
    kind: 'write-failed',
    sent: 'not-sent',
    reason: 'not-sent',
  },
  {
    what: 'GET, and an interim response came',
    request: get(),
    isReused: true,
    kind: 'connection-ended',
    received: 'interim',
    reason: null,
  },
  {
    what: 'GET, and part of a head came',
    request: get(),
    isReused: true,
    kind: 'partial-response',
    received: 'part-of-head',
    reason: null,
  },
  {
    what: 'GET, and a response that is malformed',
    request: get(),
    isReused: true,
    kind: 'malformed-response',
    received: 'head',
    reason: null,
  },
  {
    what: 'GET, and no response in time',
    request: get(),
    isReused: true,
    kind: 'first-byte-timeout',
    reason: null,
  },
  {
    what: 'GET, and no response in the time for one try',
    request: get(),
    isReused: true,
    kind: 'first-byte-timeout',
    retry: { perTryTimeoutMs: 50 },
    reason: 'try-timeout',
  },
  {
    what: 'POST, and no response in the time for one try',
    request: post('x'),
    isReused: true,
    kind: 'first-byte-timeout',
    retry: { perTryTimeoutMs: 50 },
    reason: null,
  },
];

describe('after a fault', () => {
  for (const row of rows) {
    it(`${row.what}: ${row.reason === null ? 'no retry' : `a retry, as ${row.reason}`}`, () => {
      const { kind, sent = 'sent', received = 'nothing', reason } = row;
      const on = scene({ retry: row.retry ?? {} });
      if (row.isReused) on.upstream.addIdle({ idleMs: 5_000 });
      const client = on.connect();
      client.send(row.request);
      on.settle();
      const failed = on.upstream.last;
      const { body } = failed;
      failed.fault(kind, { sent, received });
      on.pass(PAUSE_MS);
      if (reason === null) {
        expect(on.upstream.leases).toBe(1);
        expect(on.retries).toEqual([]);
        expect(read(client.received).status).toBe(kind === 'first-byte-timeout' ? 504 : 502);
        expect(on.toldShort).toEqual([[kind, on.statuses[0], sent]]);
        return;
      }
      // To another endpoint if there is one, on a new connection if the last one ended, and the client sees nothing of it.
      const need = reason === 'try-timeout' ? 'any' : 'new';
      expect(on.upstream.sought.at(-1)).toEqual({ need, avoid: failed.endpoint });
      expect(on.upstream.last).not.toBe(failed);
      expect(on.upstream.last.body).toBe(body);
      expect(client.received).toBe('');
      on.upstream.last.answer('again');
      expect(read(client.received).status).toBe(200);
      expect(on.retries).toEqual([[reason, 'succeeded']]);
      expect(on.told).toEqual([]);
      expect(on.upstream.settled).toEqual(['fault', 'back']);
    });
  }

  it('a connection that lay idle since it was opened may be stale as well as one that was used', () => {
    for (const [request, status] of [
      [put, 200],
      [post('x'), 502],
    ] as const) {
      const on = scene();
      const idle = on.upstream.addIdle({ idleMs: 5_000 });
      idle.requests = 0;
      const client = on.connect();
      client.send(request);
      // What could not be sent again lets a turn pass first.
      expect(idle.calls.includes('send')).toBe(status === 200);
      on.settle();
      idle.fault('connection-ended');
      on.pass(PAUSE_MS);
      if (status === 200) on.upstream.last.answer();
      expect(read(client.received).status).toBe(status);
    }
  });

  it('the time for one try binds only while another is possible', () => {
    const firstByteMs = (request: string, retry = {}): number => {
      const on = scene({
        retry: { perTryTimeoutMs: 50, ...retry },
        timeouts: { firstByteMs: 1_000 },
      });
      const client = on.connect();
      client.send(request);
      on.settle();
      const limitMs = on.upstream.last.request.firstByteMs;
      on.upstream.last.answer();
      return limitMs;
    };
    expect(firstByteMs(get())).toBe(50);
    expect(firstByteMs(put)).toBe(50);
    expect(firstByteMs(post('x'))).toBe(1_000);
    expect(firstByteMs(get(), { resends: 0 })).toBe(1_000);
    expect(firstByteMs(get(), { perTryTimeoutMs: 5_000 })).toBe(1_000);
  });

  it('a connection on which bytes may still come is sent to only once it has settled', () => {
    const on = scene();
    const idle = on.upstream.addIdle();
    idle.isSettled = false;
    const client = on.connect();
    client.send(get());
    expect(idle.calls).toEqual([]);
    idle.isSettled = true;
    on.settle();
    expect(idle.calls).toContain('send');
    idle.answer();
    expect(read(client.received).status).toBe(200);
  });

  it('and is not sent to at all if they close it, which teaches nothing of idle limits', () => {
    const on = scene();
    const idle = on.upstream.addIdle();
    idle.isSettled = false;
    const client = on.connect();
    client.send(get());
    idle.die();
    on.settle();
    expect(on.upstream.last).not.toBe(idle);
    expect(on.upstream.stale).toEqual([]);
    on.upstream.last.answer();
    expect(read(client.received).status).toBe(200);
  });

  it('a failed resend is not resent', () => {
    const on = scene();
    on.upstream.addIdle({ idleMs: 5_000 });
    const client = on.connect();
    client.send(get());
    on.upstream.last.fault('connection-ended');
    on.upstream.last.fault('connection-ended');
    on.pass(PAUSE_MS);
    expect(read(client.received).status).toBe(502);
    expect(on.upstream.leases).toBe(2);
    expect(on.retries).toEqual([['reused-connection-ended', 'failed']]);
    expect(on.told[0]?.attempts).toBe(2);
  });

  it('what was never sent is no resend: it may be tried again and again', () => {
    const on = scene();
    const client = on.connect();
    client.send(post('hello'));
    for (let round = 0; round < 5; round += 1) {
      on.upstream.last.fault('write-failed', { sent: 'not-sent' });
    }
    expect(on.upstream.last.body).toBe('hello');
    on.upstream.last.answer();
    expect(read(client.received).status).toBe(200);
    expect(on.retries).toHaveLength(5);
  });

  it('a fault of a second attempt that sent nothing tells that the first was sent', () => {
    const on = scene();
    on.upstream.addIdle({ idleMs: 5_000 });
    const client = on.connect();
    client.send(get());
    on.upstream.givesAtOnce = false;
    on.upstream.last.fault('connection-ended');
    on.upstream.refuse(fault('connect-refused', 'upstream', 'No.'));
    expect(on.toldShort).toEqual([['connect-refused', 502, 'sent']]);
    expect(client.received).toContain('details="sent-no-response"');
  });

  it('the body that comes while a retry is awaited goes with it', () => {
    const on = scene();
    on.upstream.addIdle({ idleMs: 5_000 });
    const client = on.connect();
    client.send(lines('PUT / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked'), '3\r\nabc\r\n');
    on.settle();
    on.upstream.givesAtOnce = false;
    on.upstream.last.fault('connection-ended');
    client.send('3\r\ndef\r\n');
    on.upstream.give();
    client.send('3\r\nghi\r\n0\r\n\r\n');
    expect(on.upstream.last.body).toBe('abcdefghi');
    expect(on.upstream.last.isWhole).toBe(true);
    on.upstream.last.answer();
    expect(read(client.received).status).toBe(200);
  });

  it('a body that was past the budget of all bodies is not sent again', () => {
    const on = scene({ bufferBytes: 2 });
    on.upstream.addIdle({ idleMs: 5_000 });
    const client = on.connect();
    client.send(post('abc').replace('POST', 'PUT'));
    on.upstream.last.fault('connection-ended');
    expect(read(client.received).status).toBe(502);
    expect(on.upstream.leases).toBe(1);
  });

  it('no retry once a byte of the response has gone to the client', () => {
    const on = scene();
    on.upstream.addIdle({ idleMs: 5_000 });
    const client = on.connect();
    client.send(get());
    on.upstream.last.respond(['HTTP/1.1 200 OK', 'Content-Length: 9'], 'abc');
    on.upstream.last.fault('body-cut');
    on.pass(PAUSE_MS);
    expect(on.upstream.leases).toBe(1);
    expect(client.isClosed).toBe(true);
    expect(read(client.received).body).toBe('abc');
  });

  it('an interim response that has gone to the client is no obstacle', () => {
    const on = scene();
    on.upstream.addIdle({ idleMs: 5_000 });
    const client = on.connect();
    client.send(get());
    on.upstream.last.interim('HTTP/1.1 103 Early Hints', 'Link: </a>');
    on.upstream.last.fault('connection-ended');
    on.upstream.last.answer('again');
    expect(client.received).toMatch(/^HTTP\/1.1 103 .*\r\n\r\nHTTP\/1.1 200 OK.*again$/s);
  });
});

describe('a stale connection', () => {
  it('is told once, and teaches its idle limit once the request was answered on another', () => {
    const on = scene();
    const stale = on.upstream.addIdle({ idleMs: 5_000 });
    on.connect().send(get());
    stale.fault('connection-ended');
    expect(on.staleTold).toBe(1);
    expect(on.upstream.stale).toEqual([]);
    on.upstream.last.answer();
    expect(on.upstream.stale).toEqual([[stale.endpoint, 5_000]]);
  });

  it('teaches nothing when the request fails on a new one too: then it was the request', () => {
    const on = scene();
    on.upstream.addIdle({ idleMs: 5_000 });
    on.connect().send(get());
    on.upstream.last.fault('connection-ended');
    on.upstream.last.fault('connection-ended');
    expect(on.staleTold).toBe(1);
    expect(on.upstream.stale).toEqual([]);
  });

  it('is none when it was new, or when part of a response came', () => {
    const on = scene();
    on.connect().send(post('x'));
    on.upstream.last.fault('connection-ended');
    on.upstream.addIdle();
    on.connect().send(get());
    on.upstream.last.fault('partial-response', { received: 'part-of-head' });
    expect(on.staleTold).toBe(0);
  });
});

describe('the budget of retries', () => {
  it('when it is spent leaves the fault as it is, and tells so', () => {
    const on = scene({ retry: { budgetRatio: 0, budgetFloor: 0 } });
    on.upstream.addIdle({ idleMs: 5_000 });
    const client = on.connect();
    client.send(get());
    on.upstream.last.fault('connection-ended');
    on.pass(PAUSE_MS);
    expect(read(client.received).status).toBe(502);
    expect(on.retries).toEqual([['reused-connection-ended', 'budget-spent']]);
    expect(on.toldShort).toEqual([['connection-ended', 502, 'sent']]);
  });

  it('is not asked for what was never sent', () => {
    const on = scene({ retry: { budgetRatio: 0, budgetFloor: 0 } });
    const client = on.connect();
    client.send(post('x'));
    on.upstream.last.fault('write-failed', { sent: 'not-sent' });
    on.upstream.last.answer();
    expect(read(client.received).status).toBe(200);
  });

  it('grows with requests', () => {
    const on = scene({ retry: { budgetRatio: 0.5, budgetFloor: 0 } });
    const client = on.connect();
    for (let round = 0; round < 2; round += 1) {
      client.send(get());
      on.upstream.last.answer();
    }
    client.send(get());
    on.upstream.last.fault('connection-ended');
    on.pass(PAUSE_MS);
    on.upstream.last.answer();
    expect(on.retries).toEqual([['reused-connection-ended', 'succeeded']]);
  });
});

describe('a response with a status to try again on', () => {
  const retry = { statuses: [503], backoffBaseMs: 20 };
  const unavailable = { status: 'HTTP/1.1 503 Service Unavailable' };

  it('is dropped, and the request made again after a pause; its connection is kept', () => {
    const on = scene({ retry, random: () => 0.5 });
    const client = on.connect();
    client.send(get());
    on.upstream.last.answer('busy', unavailable);
    expect(on.upstream.settled).toEqual(['back']);
    expect(client.received).toBe('');
    on.pass(9);
    expect(on.upstream.leases).toBe(1);
    on.passLimit(1);
    expect(on.upstream.leases).toBe(2);
    on.upstream.last.answer('fine');
    expect(read(client.received)).toMatchObject({ status: 200, body: 'fine' });
    expect(on.retries).toEqual([['status', 'succeeded']]);
    expect(on.statuses).toEqual([200]);
  });

  it('that is long has its connection discarded', () => {
    const on = scene({ retry });
    const client = on.connect();
    client.send(get());
    on.upstream.last.respond(
      ['HTTP/1.1 503 Service Unavailable', 'Content-Length: 1000000'],
      'busy',
    );
    expect(on.upstream.settled).toEqual(['not-reusable']);
    on.pass(PAUSE_MS);
    on.upstream.last.answer('fine');
    expect(read(client.received).body).toBe('fine');
  });

  it('waits as long as Retry-After says', () => {
    const on = scene({ retry });
    const client = on.connect();
    client.send(get());
    on.upstream.last.answer('', { ...unavailable, fields: ['Retry-After: 2'] });
    on.pass(1_999);
    expect(on.upstream.leases).toBe(1);
    on.passLimit(1);
    expect(on.upstream.leases).toBe(2);
    on.upstream.last.answer('fine');
    expect(read(client.received).body).toBe('fine');
  });

  it('waits until the date that Retry-After names', () => {
    const on = scene({ retry });
    const client = on.connect();
    client.send(get());
    on.upstream.last.answer('', {
      ...unavailable,
      fields: [`Retry-After: ${new Date((on.clock.wallSeconds() + 3) * 1_000).toUTCString()}`],
    });
    on.pass(2_999);
    expect(on.upstream.leases).toBe(1);
    on.passLimit(1);
    on.upstream.last.answer('fine');
    expect(read(client.received).body).toBe('fine');
  });

  it('is passed on when Retry-After asks for longer than is waited', () => {
    const on = scene({ retry: { ...retry, maxRetryAfterMs: 1_000 } });
    const client = on.connect();
    client.send(get());
    on.upstream.last.answer('busy', { ...unavailable, fields: ['Retry-After: 2'] });
    expect(read(client.received)).toMatchObject({ status: 503, body: 'busy' });
    expect(on.retries).toEqual([]);
  });

  it('is passed on when it comes again: that retry failed', () => {
    const on = scene({ retry });
    const client = on.connect();
    client.send(get());
    on.upstream.last.answer('busy', unavailable);
    on.pass(PAUSE_MS);
    on.upstream.last.answer('still', unavailable);
    expect(read(client.received)).toMatchObject({ status: 503, body: 'still' });
    expect(on.retries).toEqual([['status', 'failed']]);
    expect(on.statuses).toEqual([503]);
    expect(on.told).toEqual([]);
  });

  it('is passed on for a POST, and for a status that is not listed', () => {
    const on = scene({ retry });
    const client = on.connect();
    client.send(post('x'));
    on.upstream.last.answer('busy', unavailable);
    expect(read(client.takeReceived()).status).toBe(503);
    client.send(get());
    on.upstream.last.answer('no', { status: 'HTTP/1.1 502 Bad Gateway' });
    expect(read(client.takeReceived()).status).toBe(502);
  });

  it('is passed on when the budget is spent', () => {
    const on = scene({ retry: { ...retry, budgetRatio: 0, budgetFloor: 0 } });
    const client = on.connect();
    client.send(get());
    on.upstream.last.answer('busy', unavailable);
    expect(read(client.received)).toMatchObject({ status: 503, body: 'busy' });
    expect(on.retries).toEqual([['status', 'budget-spent']]);
  });

  it('before the whole body has come: its connection is discarded, and the rest goes with the retry', () => {
    const on = scene({ retry });
    const client = on.connect();
    client.send(lines('PUT / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked'), '3\r\nabc\r\n');
    on.upstream.last.answer('busy', unavailable);
    expect(on.upstream.settled).toEqual(['not-reusable']);
    client.send('3\r\ndef\r\n0\r\n\r\n');
    on.pass(PAUSE_MS);
    expect(on.upstream.last.body).toBe('abcdef');
    on.upstream.last.answer('fine');
    expect(read(client.received).body).toBe('fine');
  });
});

describe('the time for one try', () => {
  it('stands in for that of the first byte, which stays otherwise', () => {
    const on = scene({
      retry: { perTryTimeoutMs: 50 },
      timeouts: { firstByteMs: 1_000, idleMs: 70 },
    });
    on.connect().send(get());
    expect(on.upstream.last.request).toMatchObject({ firstByteMs: 50, idleMs: 70 });
    on.upstream.last.answer();
    const plain = scene({ timeouts: { firstByteMs: 1_000 } });
    plain.connect().send(get());
    expect(plain.upstream.last.request.firstByteMs).toBe(1_000);
    plain.upstream.last.answer();
  });

  it('of a chunked body that is held is tried again', () => {
    const on = scene({ retry: { perTryTimeoutMs: 50 } });
    const client = on.connect();
    client.send(chunkedPost('3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n').replace('POST', 'PUT'));
    on.upstream.last.fault('first-byte-timeout');
    on.pass(PAUSE_MS);
    expect(on.upstream.last.body).toBe('abc');
    expect(on.upstream.last.trailerLines).toBe('X-Sum: 1\r\n');
    on.upstream.last.answer();
    expect(read(client.received).status).toBe(200);
  });
});
