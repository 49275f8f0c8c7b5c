import { describe, expect, it } from 'vitest';
import { fault } from '../../../src/base/fault.ts';
import type { AccessOptions } from '../../../src/config/gateway-config.ts';
import type { ClientExchange } from '../../../src/downstream/handler.ts';
import { AccessRecord } from '../../../src/proxy/access-record.ts';
import { AccessLog } from '../../../src/telemetry/access-log.ts';
import { request, StillClock } from './scene.ts';

const quietClient = {
  sendInterim: () => undefined,
  sendHead: () => undefined,
  sendBody: () => undefined,
  sendEnd: () => undefined,
  sendOwn: () => undefined,
  flush: () => undefined,
  abort: () => undefined,
  resumeBody: () => undefined,
  releaseBody: () => undefined,
  becomeTunnel: () => {
    throw new Error('no tunnel here');
  },
  holdsBytes: false,
  isBlocked: false,
  hasResponded: false,
} satisfies ClientExchange;

function logged(options: AccessOptions | null = { sample: 1, path: 'without-query' }) {
  const clock = new StillClock();
  const offered: string[] = [];
  const sink = {
    isFull: false,
    offer(lines: Buffer): boolean {
      if (!sink.isFull) offered.push(String(lines));
      return !sink.isFull;
    },
  };
  let chance = 0;
  let count = 0;
  const log = new AccessLog({
    clock,
    random: () => chance,
    sink,
    nameExchange: () => {
      count += 1;
      return `abc-${count}`;
    },
  });
  log.options = options;
  return {
    clock,
    log,
    sink,
    offered,
    draw(next: number): void {
      chance = next;
    },
    record(head = request('GET', '/a?b=c')): AccessRecord {
      const access = log.of('127.0.0.1:15101');
      if (access === undefined) throw new Error('it is off');
      return new AccessRecord(head, quietClient, { access, now: () => clock.now() });
    },
    lines: () =>
      offered
        .join('')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line)),
  };
}

function answered(record: AccessRecord, status = 200): void {
  record.status = status;
  record.onEnded({ status, durationMs: 1, isReused: true, attempts: 1, endpoint: '192.0.2.1:80' });
  record.sendEnd(null);
}

describe('a line of the access log', () => {
  it('has what Envoy tells, in words, and no query', () => {
    const { clock, log, record, lines } = logged();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const one = record(
      request('POST', '/orders/"7"?token=s3cret', [
        ['X-Request-Id', 'req-42'],
        ['Traceparent', traceparent],
        ['Authorization', 'Bearer s3cret-s3cret'],
      ]),
    );
    one.upstream = 'api';
    one.onBody(Buffer.from('12345'));
    one.onRetry('reused-connection-ended', 'succeeded');
    one.onStale();
    clock.pass(12.345);
    one.sendBody(Buffer.from('123'));
    answered(one);
    log.flush();
    expect(lines()).toEqual([
      {
        level: 'info',
        time: '2023-11-14T22:13:20.012Z',
        event: 'access',
        start_time: '2023-11-14T22:13:20.000Z',
        method: 'POST',
        path: '/orders/"7"',
        protocol: 'HTTP/1.1',
        status: 200,
        response_flags: ['retried', 'stale-connection'],
        duration_ms: 12.35,
        request_bytes: 5,
        response_bytes: 3,
        listener: '127.0.0.1:15101',
        upstream: 'api',
        endpoint: '192.0.2.1:80',
        attempts: 1,
        reused: true,
        request_id: 'req-42',
        traceparent,
      },
    ]);
  });

  it('names the fault, how far the request had come, and the exchange as its fault line does', () => {
    const { log, record, lines } = logged();
    const context = { status: 502, attempts: 2, durationMs: 3, endpoint: '192.0.2.1:80' };
    const failing = record();
    failing.onFault(fault('connection-ended', 'upstream', 'It ended.', { sent: 'sent' }), {
      ...context,
      request: failing.request,
    });
    failing.onEnded({ status: 502, durationMs: 3, isReused: false });
    failing.sendOwn({ status: 502, reason: 'Bad Gateway', fieldLines: '', body: 'äh' });
    const cut = record();
    cut.status = 200;
    cut.onFault(fault('body-cut', 'upstream', 'It was cut.', { sent: 'sent', received: 'head' }), {
      ...context,
      request: cut.request,
    });
    cut.abort();
    log.flush();
    expect(lines()).toMatchObject([
      {
        status: 502,
        response_flags: ['connection-ended', 'sent-no-response', 'answered-by-sidepool'],
        response_bytes: 3,
        attempts: 2,
        exchange: 'abc-1',
      },
      {
        status: 200,
        response_flags: ['body-cut', 'partial-response', 'cut-off'],
        exchange: 'abc-2',
      },
    ]);
  });

  it('leaves the path out, or has the query, as configured', () => {
    for (const [path, expected] of [
      ['off', undefined],
      ['with-query', '/a?b=c'],
    ] as const) {
      const { log, record, lines } = logged({ sample: 1, path });
      answered(record());
      log.flush();
      expect(lines()[0].path).toBe(expected);
    }
  });

  it('is bounded, whatever a client sends', () => {
    const { log, record, offered } = logged({ sample: 1, path: 'with-query' });
    const long = [['X-Request-Id', 'r'.repeat(9000)]] as const;
    answered(record(request('M'.repeat(5000), `/\u0001"${'p'.repeat(16_000)}`, long)));
    log.flush();
    expect(offered[0]?.length).toBeLessThan(3000);
    expect(JSON.parse(offered[0] ?? '').request_id).toBeUndefined();
  });
});

describe('which requests get one', () => {
  it('those drawn, and all that failed, here or at the upstream', () => {
    const { log, record, draw, lines } = logged({ sample: 0.01, path: 'off' });
    draw(0.5);
    for (const status of [200, 304, 404, 500, 503]) answered(record(), status);
    const gone = record();
    gone.onFault(fault('client-gone', 'client', 'It is gone.'), {
      status: 0,
      request: gone.request,
      attempts: 1,
      durationMs: 1,
      endpoint: null,
    });
    gone.onClientGone(fault('client-gone', 'client', 'It is gone.'));
    draw(0.009);
    answered(record(), 201);
    log.flush();
    expect(lines().map(({ status }) => status)).toEqual([500, 503, 0, 201]);
  });

  it('none while it is off, and each once', () => {
    const { log, record, lines } = logged();
    const one = record();
    answered(one);
    one.abort();
    one.onClientGone(fault('client-gone', 'client', 'It is gone.'));
    log.options = null;
    expect(log.of('x')).toBeUndefined();
    answered(one);
    log.flush();
    expect(lines()).toHaveLength(1);
  });
});

describe('writing', () => {
  it('gathers lines for a tenth of a second, or until there are many, and leaves no timer', () => {
    const { clock, log, record, offered } = logged();
    for (let i = 0; i < 50; i += 1) answered(record());
    expect([offered.length, clock.sleeping]).toEqual([0, 1]);
    clock.pass(100);
    expect([offered.length, clock.sleeping]).toEqual([1, 0]);
    for (let i = 0; i < 500; i += 1) answered(record());
    expect(offered.length).toBeGreaterThan(3);
    expect(offered.length).toBeLessThan(10);
    log.flush();
    expect([log.written, log.dropped, clock.sleeping]).toEqual([550, 0, 0]);
  });

  it('drops what the reader is too slow for, whole lines, and counts it', () => {
    const { log, sink, record, offered } = logged();
    sink.isFull = true;
    for (let i = 0; i < 3; i += 1) answered(record());
    log.flush();
    sink.isFull = false;
    answered(record());
    log.flush();
    expect([log.written, log.dropped, offered.length]).toEqual([1, 3, 1]);
  });
});
