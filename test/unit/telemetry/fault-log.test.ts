import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fault } from '../../../src/base/fault.ts';
import { scrub } from '../../../src/telemetry/scrub.ts';
import { request, scene, snapshot } from './scene.ts';

const ended = fault('connection-ended', 'upstream', 'The upstream closed before it answered.', {
  sent: 'sent',
  code: 'ECONNRESET',
});
const context = { status: 502, attempts: 2, durationMs: 12.345, endpoint: '192.0.2.1:443' };

describe('a fault is logged once, with what is needed to act on it', () => {
  it('of an exchange', () => {
    const { telemetry, lines } = scene();
    const { exchange } = telemetry.upstream('api', () => snapshot('api'));
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    exchange.onFault(ended, {
      ...context,
      request: request('POST', '/orders/7?token=s3cret', [
        ['X-Request-ID', 'req-42'],
        ['Traceparent', traceparent],
      ]),
    });
    expect(lines()).toEqual([
      {
        level: 'warn',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        event: 'fault',
        fault: 'connection-ended',
        side: 'upstream',
        sent: 'sent',
        received: 'nothing',
        cause: 'The upstream closed before it answered.',
        code: 'ECONNRESET',
        status: 502,
        upstream: 'api',
        endpoint: '192.0.2.1:443',
        method: 'POST',
        path: '/orders/7',
        attempts: 2,
        duration_ms: 12.3,
        exchange: expect.stringMatching(/^[0-9a-z]{6}-1$/),
        request_id: 'req-42',
        traceparent,
        msg: 'request failed',
      },
    ]);
  });

  it("of a client before an exchange, at info; a defect of the gateway's own at error", () => {
    const { telemetry, lines } = scene();
    telemetry.client.onFault(fault('bad-request', 'client', 'Two Host fields.'), 400);
    const { exchange } = telemetry.upstream('api', () => snapshot('api'));
    const own = fault('internal', 'gateway', 'A lease was settled twice.');
    exchange.onFault(own, { ...context, endpoint: null, request: request('GET', '/') });
    expect(lines().map(({ level, fault: kind, status }) => [level, kind, status])).toEqual([
      ['info', 'bad-request', 400],
      ['error', 'internal', 502],
    ]);
  });

  it('counts and keeps what the log level leaves out', async () => {
    const { telemetry, lines } = scene();
    telemetry.setLogLevel('error');
    telemetry.client.onFault(fault('bad-request', 'client', 'Two Host fields.'), 400);
    expect(lines()).toEqual([]);
    expect(telemetry.recentFaults()).toHaveLength(1);
    expect((await telemetry.metricsText()).body).toContain(
      'sidepool_faults_total{kind="bad-request"',
    );
  });
});

describe('no secret reaches the log, the ring or the metrics', () => {
  const secret = 'hunter2hunter2';

  it('wherever the client put it', async () => {
    const { telemetry, text } = scene();
    const api = telemetry.upstream('api', () => snapshot('api'));
    const head = request(`GET`, `http://bob:${secret}@host/path?key=${secret}#${secret}`, [
      ['Authorization', `Bearer ${secret}`],
      ['Proxy-Authorization', `Basic ${secret}`],
      ['Cookie', `session=${secret}`],
      ['X-Api-Key', secret],
      ['Referer', `https://host/?${secret}`],
      ['X-Request-Id', `id ${secret}`],
      ['Traceparent', secret],
    ]);
    head.authority = `bob:${secret}@host`;
    const causes = [
      `GET /path?key=${secret} was cut short`,
      `dial https://bob:${secret}@host:443/ failed`,
      `field "Authorization: Bearer ${secret}" is too long`,
      `"cookie": "session=${secret}; b=${secret}" has a control byte`,
      `Set-Cookie: a=${secret}\nsecond line`,
      `proxy-authorization=Basic ${secret}`,
      `the value Bearer ${secret} is improper`,
      `x-api-key: ${secret}`,
    ];
    for (const cause of causes) {
      const what = fault('malformed-response', 'upstream', cause);
      api.exchange.onFault(what, { ...context, request: head });
      api.upstream.onDialFailed(what);
      telemetry.client.onFault(fault('bad-request', 'client', cause), 400);
    }
    expect(telemetry.recentFaults()).toHaveLength(16);
    expect(text()).toContain('"path":"http://[hidden]@host/path"');
    expect(text()).not.toContain(secret);
    expect(JSON.stringify(telemetry.recentFaults())).not.toContain(secret);
    expect((await telemetry.metricsText()).body).not.toContain(secret);
  });

  it('whatever stands around a query', () => {
    const word = fc.stringMatching(/^[ a-z/.:"'()<-]{0,30}$/);
    const property = fc.property(word, word, (before, after) => {
      expect(scrub(`${before}/p?token=${secret} ${after}`)).not.toContain(secret);
    });
    fc.assert(property, { numRuns: 300 });
  });

  it('leaves sentences as they are', () => {
    const sentence =
      'Did the name change? Connect to 192.0.2.1:443 took 2000 ms; see timeouts.connect.';
    expect(scrub(sentence)).toBe(sentence);
    expect(scrub('x'.repeat(5000)).length).toBeLessThan(600);
  });

  it('bounds what a client can make a line hold', () => {
    const { telemetry, text } = scene();
    const { exchange } = telemetry.upstream('api', () => snapshot('api'));
    const head = request('M'.repeat(5000), `/${'p'.repeat(9000)}`, [
      ['X-Request-Id', 'r'.repeat(9000)],
    ]);
    exchange.onFault(ended, { ...context, request: head });
    expect(text().length).toBeLessThan(1200);
    expect(text()).not.toContain('request_id');
  });
});

describe('many of one kind in a second', () => {
  it('write 20 lines and then their number', async () => {
    const { telemetry, clock, lines } = scene();
    const { exchange } = telemetry.upstream('api', () => snapshot('api'));
    const fail = () => exchange.onFault(ended, { ...context, request: request('GET', '/') });
    for (let i = 0; i < 520; i += 1) fail();
    expect(lines()).toHaveLength(20);
    // Another kind has its own allowance.
    telemetry.client.onFault(fault('bad-request', 'client', 'Two Host fields.'), 400);
    expect(lines()).toHaveLength(21);
    clock.pass(1000);
    expect(lines().at(-1)).toMatchObject({
      level: 'warn',
      event: 'lines-held-back',
      fault: 'connection-ended',
      upstream: 'api',
      held_back: 500,
    });
    fail();
    expect(lines().at(-1)).toMatchObject({ event: 'fault' });
    const { body } = await telemetry.metricsText();
    expect(body).toContain('sidepool_log_lines_held_back_total 500\n');
    expect(body).toContain('kind="connection-ended",side="upstream"} 521\n');
  });

  it('leave no timer behind when none was held back, and none is lost at the end', () => {
    const { telemetry, clock, lines } = scene();
    const { client } = telemetry;
    for (let i = 0; i < 20; i += 1) client.onFault(fault('bad-request', 'client', 'Bad.'), 400);
    expect(clock.sleeping).toBe(0);
    for (let i = 0; i < 3; i += 1) client.onFault(fault('bad-request', 'client', 'Bad.'), 400);
    expect(clock.sleeping).toBe(1);
    telemetry.onDrained({ tookMs: 10, abandoned: 0 });
    expect(clock.sleeping).toBe(0);
    expect(lines().at(-2)).toMatchObject({ event: 'lines-held-back', held_back: 3 });
  });
});

it('a dead upstream does not take the lines of another', () => {
  const { telemetry, lines } = scene();
  const fail = (name: string, times: number) => {
    const { exchange } = telemetry.upstream(name, () => snapshot(name));
    for (let i = 0; i < times; i += 1)
      exchange.onFault(ended, { ...context, request: request('GET', '/') });
  };
  fail('dead', 500);
  fail('other', 1);
  expect(lines()).toHaveLength(21);
  expect(lines().at(-1)).toMatchObject({ event: 'fault', upstream: 'other' });
});

describe('the ring of recent faults', () => {
  it('keeps the last 100, newest first', () => {
    const { telemetry } = scene();
    expect(telemetry.recentFaults()).toEqual([]);
    const note = (n: number) =>
      telemetry.client.onFault(fault('bad-request', 'client', `number ${n}`), 400);
    for (let n = 1; n <= 3; n += 1) note(n);
    const causes = () => telemetry.recentFaults().map(({ cause }) => cause);
    expect(causes()).toEqual(['number 3', 'number 2', 'number 1']);
    for (let n = 4; n <= 250; n += 1) note(n);
    expect(causes()).toHaveLength(100);
    expect([causes()[0], causes()[99]]).toEqual(['number 250', 'number 151']);
    expect(telemetry.recentFaults()[0]).toEqual({
      time: '2023-11-14T22:13:20.000Z',
      upstream: '',
      kind: 'bad-request',
      side: 'client',
      sent: 'not-sent',
      received: 'nothing',
      cause: 'number 250',
      code: null,
      status: 400,
      method: null,
      exchange: null,
    });
  });
});
