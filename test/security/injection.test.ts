/** What one side writes must not become something else in what the gateway writes: heads, logs, metrics, the page. */
import { describe, expect, it } from 'vitest';
import { fault } from '../../src/base/fault.ts';
import { statusPage } from '../../src/telemetry/page/page.ts';
import { scene } from '../integration/faults/scene.ts';
import { alwaysAnswer } from '../support/raw-origin.ts';
import { endpoint, request, snapshot, scene as telemetryScene } from '../unit/telemetry/scene.ts';

const on = scene();

describe('a field', () => {
  const hostile = {
    'a bare LF': 'X-A: 1\nX-Admin: yes\r\n',
    'a bare CR': 'X-A: 1\rX-Admin: yes\r\n',
    'a NUL': 'X-A: 1\0\r\n',
    'a folded line': 'X-A: 1\r\n X-Admin: yes\r\n',
    'a space before the colon': 'X-Admin : yes\r\n',
    'no name': ': yes\r\n',
    'an escape sequence': 'X-A: \x1b[31m\r\n',
  } as const;
  for (const [name, line] of Object.entries(hostile)) {
    it(`with ${name} is refused from a client`, async () => {
      const origin = await on.origin({ onRequest: alwaysAnswer() });
      const client = await on.client(await on.gateway(origin));
      const answer = await client.exchange(`GET / HTTP/1.1\r\nHost: a\r\n${line}\r\n`);
      expect(answer.status).toBe(400);
      expect(origin.requests).toEqual([]);
    });
  }

  const fromUpstream = {
    'a bare LF': 'X-A: 1\nSet-Cookie: a=b\r\n',
    'a bare CR': 'X-A: 1\rSet-Cookie: a=b\r\n',
    'a NUL': 'X-A: 1\0\r\n',
    'a folded line': 'X-A: 1\r\n Set-Cookie: a=b\r\n',
  } as const;
  for (const [name, line] of Object.entries(fromUpstream)) {
    it(`with ${name} is refused from an upstream: no response is split by it`, async () => {
      const origin = await on.origin({
        onRequest: (_, connection) =>
          connection.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n${line}\r\nok`),
      });
      const client = await on.client(await on.gateway(origin));
      const answer = await client.exchange('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      expect(answer.status).toBe(502);
      expect(answer.rawHead).not.toContain('Set-Cookie');
    });
  }

  it('that configuration sets or removes cannot be smuggled past it, in any case of letters', async () => {
    const origin = await on.origin({ onRequest: alwaysAnswer() });
    const gateway = await on.gateway(origin, {
      headers: { set: { 'X-Team': 'shop' }, remove: ['X-Debug'] },
    });
    const client = await on.client(gateway);
    await client.exchange(
      'GET / HTTP/1.1\r\nHost: a\r\nx-team: root\r\nX-TEAM: root\r\nX-deBug: 1\r\nConnection: X-Team\r\n\r\n',
    );
    expect(origin.requests[0]?.fields.get('x-team')).toEqual(['shop']);
    expect(origin.requests[0]?.fields.has('x-debug')).toBe(false);
  });
});

describe('what a client sends', () => {
  const hostile = '/a%0a{"level":"error","msg":"forged"}%1b[2J?token=hunter2';

  it('is one line of the log, as text, whatever stands in it', async () => {
    const { telemetry, text } = telemetryScene();
    const { exchange } = telemetry.upstream('api', () => snapshot('api', {}));
    const cause = 'said: "\r\n{"level":"error"}\u2028 \x1b[31m"';
    const head = request('GET', hostile);
    head.method = 'GET\n{"level":"fatal"}';
    const context = { status: 502, request: head, attempts: 1, durationMs: 1, endpoint: null };
    exchange.onFault(fault('malformed-response', 'upstream', cause), context);
    const [line = '', ...more] = text().split('\n');
    expect(more).toEqual(['']);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
    expect(line).not.toMatch(/[\x00-\x1f]/);
    expect(line).not.toContain('hunter2');
    expect(JSON.parse(line).level).toBe('warn');
  });

  it('is no label of a metric', async () => {
    const origin = await on.origin({ onRequest: alwaysAnswer() });
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    const word = 'zz9plural';
    const text = `${word} /${word}?${word} HTTP/1.1\r\nHost: ${word}.test\r\nX-${word}: ${word}\r\n`;
    await client.exchange(`${text}X-Request-Id: ${word}"} 1\r\n\r\n`);
    await (await on.client(gateway)).exchange(`GET http://${word}/ HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect(origin.requests).toHaveLength(1);
    const series = [...(await gateway.metrics()).keys()].join('\n');
    expect(series).toContain('sidepool_');
    expect(series).not.toContain(word);
  });

  it('is text on the status page', () => {
    const { telemetry } = telemetryScene();
    const evil = '</script><script>alert(1)</script><img src=x onerror=alert(1)>';
    const state = snapshot('api', {
      endpoints: [endpoint('192.0.2.1:443', {})],
      lastDialFault: fault('tls-certificate', 'upstream', evil),
    });
    const { exchange } = telemetry.upstream('api', () => state);
    const head = request('GET', '/');
    head.target = `/${evil}`;
    head.method = evil;
    const context = { status: 502, request: head, attempts: 1, durationMs: 1, endpoint: evil };
    exchange.onFault(fault('malformed-response', 'upstream', evil), context);
    const view = {
      time: '2026-01-01T00:00:00.000Z',
      atMs: 1,
      version: '1.2.3',
      upSeconds: 1,
      isDraining: false,
      readiness: { ready: false, reasons: [evil] },
      clients: telemetry.clientTotals(),
      lastReload: { succeeded: true, time: '2026-01-01T00:00:00.000Z' },
      upstreams: [{ ...state, discovery: null, totals: null, openRow: null }],
    };
    const { body } = statusPage({
      views: [view],
      history: {},
      faults: telemetry.recentFaults(),
      summaries: telemetry.faultSummaries(),
      config: {
        effective: { upstreams: { [evil]: { headers: { set: { [evil]: evil } } } } },
        changed: [evil],
        defaults: { [evil]: evil },
      },
    });
    expect(body).toContain('&#60;img');
    expect(body).not.toContain('<img');
    expect(body.match(/<script/g)).toHaveLength(1);
  });
});
