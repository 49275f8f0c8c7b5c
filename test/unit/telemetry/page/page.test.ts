import { Script } from 'node:vm';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import type { PoolsView } from '../../../../src/telemetry/admin/pools-view.ts';
import type { RecordedFault } from '../../../../src/telemetry/fault-ring.ts';
import { draw } from '../../../../src/telemetry/page/draw.ts';
import { statusPage } from '../../../../src/telemetry/page/page.ts';
import { connections, endpoint, healthOf, snapshot } from '../scene.ts';

function view(rest: Partial<PoolsView> = {}): PoolsView {
  return {
    time: '2026-01-02T03:04:05.000Z',
    atMs: 1000,
    version: '1.2.3',
    upSeconds: 90,
    isDraining: false,
    readiness: { ready: true, reasons: [] },
    clients: { open: 3, connections: 10, requests: 12, faults: 0 },
    upstreams: [],
    ...rest,
  };
}

function upstream(name: string, requests: number, rest: Parameters<typeof snapshot>[1] = {}) {
  const totals = {
    requests,
    reused: requests,
    stale: 0,
    retries: 0,
    retriesBy: [],
    faults: 0,
    dials: 1,
    dialsFailed: 0,
    active: 0,
    durationMs: 5 * requests,
    handshakesSaved: requests,
    connectSavedMs: 0,
  };
  return { ...snapshot(name, rest), discovery: null, totals };
}

function failed(rest: Partial<RecordedFault> = {}): RecordedFault {
  return {
    time: '2026-01-02T03:04:05.000Z',
    upstream: 'api',
    kind: 'connection-ended',
    side: 'upstream',
    sent: 'sent',
    received: 'nothing',
    cause: 'It ended.',
    code: null,
    status: 502,
    method: 'GET',
    ...rest,
  };
}

/** The text that a reader sees. */
const read = (html: string) => html.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');

describe('the status page shows', () => {
  it('each connection as a square that tells its state, age and requests, and all of them in words', () => {
    const live = endpoint('192.0.2.1:443', {
      connecting: 1,
      connections: connections({ active: 2, idle: 3, draining: 1 }),
    });
    const html = draw([view({ upstreams: [upstream('api', 5, { endpoints: [live] })] })], [], 100);
    expect(html.match(/<i class="\w+" title/g)).toHaveLength(7);
    expect(html).toContain('<i class="active" title="active, age 40 s, 12 requests"></i>');
    expect(html).toContain('<i class="idle" title="idle for 3.0 s, age 40 s, 12 requests"></i>');
    expect(html).toContain(
      'role="img" aria-label="192.0.2.1:443: 2 active, 3 idle, 1 connecting, 1 draining"',
    );
    expect(read(html)).toContain('1 endpoint, 7 of 32 connections');
  });

  it('no more squares than asked for, and how many more there are', () => {
    const live = endpoint('192.0.2.1:443', { connections: connections({ active: 50 }) });
    const upstreams = [
      upstream('api', 0, { endpoints: [live] }),
      upstream('b', 0, { endpoints: [live] }),
    ];
    const html = draw([view({ upstreams })], [], 60);
    expect(html.match(/<i class="active" title/g)).toHaveLength(60);
    expect(html).toContain('<span>+40</span>');
  });

  it('rates from the views of the last ten seconds, and none where a counter began anew', () => {
    const at = (atMs: number, requests: number) =>
      view({ atMs, upstreams: [upstream('api', requests)] });
    const rateOf = (...views: PoolsView[]) =>
      /requests\/s<\/dt><dd>([^ <]*)/.exec(draw(views, [], 0).split('<article>')[1] as string)?.[1];
    expect(rateOf(at(1000, 100))).toBe('–');
    expect(rateOf(at(1000, 100), at(3000, 150))).toBe('25.0');
    expect(rateOf(at(1000, 100), at(3000, 100))).toBe('0');
    expect(rateOf(at(1000, 100), at(3000, 5))).toBe('–');
    const steady = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => at(2000 * i, i < 3 ? 0 : 1000 * (i - 2)));
    expect(rateOf(...steady)).toBe('500');
  });

  it('what is wrong, in words: down, dial fault, lookup fault, not ready, draining', () => {
    const lastDialFault = {
      kind: 'connect-refused',
      side: 'upstream',
      sent: 'not-sent',
      received: 'nothing',
      cause: 'Nothing listens there.',
      code: 'ECONNREFUSED',
    } as const;
    const down = {
      ...upstream('db', 0, { isDown: true, lastDialFault }),
      discovery: {
        kind: 'dns' as const,
        host: 'db.example',
        addresses: [],
        ageMs: null,
        failures: 3,
        lastFailure: 'No server answered.',
      },
    };
    const readiness = { ready: false, reasons: ['db: no connection yet'] };
    const words = read(draw([view({ upstreams: [down], readiness })], [], 10));
    expect(words).toContain('not ready');
    expect(words).toContain('down: db');
    expect(words).toContain('db: no connection yet');
    expect(words).toContain('connect-refused (ECONNREFUSED): Nothing listens there.');
    expect(words).toContain('No server answered.');
    expect(read(draw([view({ isDraining: true })], [], 10))).toContain('draining');
  });

  it('faults with what became of the request', () => {
    const faults = [
      failed({ sent: 'not-sent', upstream: '', method: null, status: 400, kind: 'bad-request' }),
      failed(),
      failed({ received: 'part-of-head' }),
      failed({ sent: 'refused' }),
      failed({ status: 0 }),
    ];
    const words = read(draw([view()], faults, 10));
    for (const one of [
      'client 400 bad-request not sent',
      'sent, no answer',
      'answer cut short',
      'refused, not acted on',
      'GET – connection-ended',
    ]) {
      expect(words).toContain(one);
    }
    expect(read(draw([view()], [], 10))).toContain('None.');
  });

  it('nothing as markup that came from outside', () => {
    const evil = `<script>alert(1)</script>"'&`;
    const fault = {
      kind: 'tls-failed',
      side: 'upstream',
      sent: 'not-sent',
      received: 'nothing',
    } as const;
    const bad = {
      ...upstream(evil, 1, {
        isDown: true,
        endpoints: [endpoint(evil)],
        lastDialFault: { ...fault, cause: evil, code: evil },
      }),
      discovery: {
        kind: 'dns' as const,
        host: evil,
        addresses: [evil],
        ageMs: null,
        failures: 1,
        lastFailure: evil,
      },
    };
    const readiness = { ready: false, reasons: [evil] };
    const faults = [failed({ cause: evil, method: evil, upstream: evil, code: evil })];
    const html = draw([view({ upstreams: [bad], readiness })], faults, 10);
    expect(html).not.toContain('<script');
    expect(html).not.toContain(`"'&`);
    expect(html).toContain('&#60;script&#62;');
  });
});

describe('the document', () => {
  it('stays below 60 KB however much there is to show', () => {
    for (const count of [0, 1, 12, 60, 1000]) {
      const live = endpoint('192.0.2.1:443', {
        connections: connections({ active: 40, idle: 40 }),
      });
      const upstreams = Array.from({ length: count }, (_, i) =>
        upstream(`upstream-${i}`, i, { endpoints: [live, live] }),
      );
      const faults = Array.from({ length: 100 }, () => failed({ cause: 'c'.repeat(500) }));
      const { body } = statusPage(view({ upstreams }), faults);
      expect(body.length, `${count} upstreams`).toBeLessThan(60_000);
      expect(body.endsWith('</html>\n')).toBe(true);
    }
  });

  it('asks nothing of anybody else, and has a new nonce each time', () => {
    const one = statusPage(view(), []);
    expect(one.body).not.toMatch(/https?:|src=|@import|url\(/);
    const nonce = /script-src 'nonce-([^']+)'/.exec(one.contentSecurityPolicy)?.[1] as string;
    expect(one.body.split(`nonce="${nonce}"`)).toHaveLength(3);
    expect(one.contentSecurityPolicy).not.toContain('unsafe');
    expect(statusPage(view(), []).contentSecurityPolicy).not.toContain(nonce);
  });

  it.each([
    ['as it runs here', false],
    ['as the bundle has it', false],
    ['as a smaller bundle would have it', true],
  ])('carries a drawing function that stands alone: %s', async (how, minify) => {
    const live = endpoint('192.0.2.1:443', { connections: connections({ active: 2, idle: 1 }) });
    const shown = view({ upstreams: [upstream('api', 5, { endpoints: [live] })] });
    const faults = [failed()];
    const page = how === 'as it runs here' ? statusPage : await bundled(minify);
    const source = /<script nonce="[^"]+">([\s\S]*?)\nconst live =/.exec(
      page(shown, faults).body,
    )?.[1];
    const alone = new Script(`${source}; draw`).runInNewContext() as typeof draw;
    expect(alone([shown], faults, 150)).toBe(draw([shown], faults, 150));
  });
});

async function bundled(minify: boolean): Promise<typeof statusPage> {
  const { outputFiles } = await build({
    stdin: {
      contents: "export { statusPage } from './src/telemetry/page/page.ts';",
      resolveDir: process.cwd(),
      loader: 'ts',
    },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    minify,
  });
  const module: { exports: { statusPage?: typeof statusPage } } = { exports: {} };
  const code = outputFiles[0]?.text ?? '';
  const wrapped = new Script(
    `(function (module, exports, require) {${code}\n})`,
  ).runInThisContext();
  const { createRequire } = await import('node:module');
  wrapped(module, module.exports, createRequire(import.meta.url));
  return module.exports.statusPage as typeof statusPage;
}

describe('endpoints that fail', () => {
  const drawn = (rest: Parameters<typeof snapshot>[1]) =>
    draw([view({ upstreams: [upstream('api', 1, rest)] })], [], 100);

  it('bear what is done about them, and why', () => {
    const html = drawn({
      endpoints: [
        endpoint('192.0.2.1:80', { health: healthOf('ejected', 'success-rate') }),
        endpoint('192.0.2.2:80', { health: healthOf('probation', 'trial-failed') }),
        endpoint('192.0.2.3:80', { health: healthOf('failing', 'consecutive-failures') }),
        endpoint('192.0.2.4:80', { health: healthOf('healthy') }),
      ],
    });
    expect(html).toContain('title="success-rate: 5 failures in a row">put aside, 9.0 s left</em>');
    expect(html).toContain('>on trial</em>');
    expect(html).toContain('>failing</em>');
    expect(html.match(/in a row/g)).toHaveLength(3);
    expect(html).toContain('✓ up');
  });

  it('and an upstream its panic, and its breaker', () => {
    const breaker = { ...healthOf('ejected', 'success-rate'), state: 'open' as const };
    expect(drawn({ isPanic: true })).toContain('! most endpoints fail');
    expect(drawn({ isPanic: true, breaker })).toContain('✕ breaker open');
    expect(drawn({ breaker: { ...breaker, state: 'probation' } })).toContain('! breaker on trial');
  });
});
