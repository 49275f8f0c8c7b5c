import { Script } from 'node:vm';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import type { PoolsView } from '../../../../src/telemetry/admin/pools-view.ts';
import type { RecordedFault } from '../../../../src/telemetry/fault-ring.ts';
import type { HistoryRow } from '../../../../src/telemetry/history.ts';
import type { PageState } from '../../../../src/telemetry/page/draw.ts';
import { statusPage } from '../../../../src/telemetry/page/page.ts';
import { draw as drawState } from '../../../../src/telemetry/page/parts.ts';
import { connections, endpoint, healthOf, snapshot } from '../scene.ts';

function view(rest: Partial<PoolsView> = {}): PoolsView {
  return {
    time: '2026-01-02T03:04:05.000Z',
    atMs: 1000,
    version: '1.2.3',
    upSeconds: 90,
    isDraining: false,
    readiness: { ready: true, reasons: [] },
    lastReload: { succeeded: true, time: '2026-01-02T03:00:00.000Z' },
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
  return { ...snapshot(name, rest), discovery: null, totals, openRow: null };
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
    exchange: 'abc123-1',
    ...rest,
  };
}

function row(rest: Partial<HistoryRow>): HistoryRow {
  const none = { requests: 0, faults: 0, retries: 0, meanMs: null, p99Ms: null };
  return { fromMs: 0, toMs: 10_000, ...none, ...rest };
}

function stateOf(views: readonly PoolsView[], faults: readonly RecordedFault[] = []): PageState {
  const summaries = faults.map((one) => ({ ...one, count: 1, firstTime: one.time }));
  return { views, history: {}, faults, summaries, config: null };
}

function draw(views: readonly PoolsView[], faults: readonly RecordedFault[], squares: number) {
  return drawState(stateOf(views, faults), { squares, options: 100, faults: 30 });
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

  it('rates from the last views, and from the history where there is only one', () => {
    const at = (atMs: number, requests: number) =>
      view({ atMs, upstreams: [upstream('api', requests)] });
    const rateOf = (...views: PoolsView[]) =>
      /<\/em><\/td><td class="number">([^<]*)/.exec(draw(views, [], 0))?.[1];
    expect(rateOf(at(1000, 100))).toBe('0');
    const openRow = row({ fromMs: 11_000, toMs: 20_000, requests: 45 });
    const busy = view({ atMs: 20_000, upstreams: [{ ...upstream('api', 100), openRow }] });
    expect(rateOf(busy)).toBe('5.00');
    expect(rateOf(at(1000, 100), at(3000, 150))).toBe('25.0');
    expect(rateOf(at(1000, 100), at(3000, 100))).toBe('0');
    // A counter that began anew.
    expect(rateOf(at(1000, 100), at(3000, 5))).toBe('0');
    const steady = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => at(2000 * i, i < 3 ? 0 : 1000 * (i - 2)));
    expect(rateOf(...steady)).toBe('500');
  });

  it('ten minutes as plots that say in words what they show', () => {
    const now = view({ atMs: 700_000, upstreams: [upstream('api', 500)] });
    const history = {
      api: [
        row({ fromMs: 400_000, toMs: 410_000, requests: 200, meanMs: 4, p99Ms: 9 }),
        row({ fromMs: 690_000, toMs: 699_000, requests: 45, faults: 2, meanMs: 6, p99Ms: 70 }),
      ],
    };
    const bounds = { squares: 0, options: 0, faults: 0 };
    const html = drawState({ ...stateOf([now]), history }, bounds);
    expect(html).toContain(
      'aria-label="Requests over the last ten minutes: now 5.00 a second, at most 20.0; 2 failed."',
    );
    expect(html).toContain(
      'aria-label="Time to answer over the last ten minutes: now 6.0 ms on average, 99 % within 70 ms, 99 % within 70 ms at the worst."',
    );
    // Two bars, one mark of faults; two stretches of each line, for nothing came between them.
    const paths = [...html.matchAll(/<path class="(\w+)" d="([^"]*)"/g)].map(
      ([, name, d = '']) => `${name} ${d.split('M').length - 1}`,
    );
    expect(paths).toEqual(['bars 2', 'failed 1', 'high 2', 'mean 2']);
    expect(html).not.toMatch(/NaN|Infinity|undefined/);
    expect(read(draw([now], [], 0))).toContain('Requests none in ten minutes');
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
    expect(words).toContain('Not ready yet.');
    expect(words).toContain('db : down. Nothing listens there.');
    expect(words).toContain('db: no connection yet');
    expect(words).toContain('Last failed dial Nothing listens there. ECONNREFUSED');
    expect(words).toContain('No server answered.');
    expect(read(draw([view({ isDraining: true })], [], 10))).toContain('Draining');
    expect(read(draw([view({ upstreams: [down] })], [], 10))).toContain(
      '1 of 1 upstream cannot be used.',
    );
    const lastReload = { succeeded: false, time: '2026-01-02T03:04:00.000Z' };
    const refused = read(draw([view({ lastReload })], [], 10));
    expect(refused).toContain('the new one is wrong and was refused');
    expect(refused).toContain('Read 5 s ago ; the last reload was refused');
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
      'bad request client 1 just now 400 not sent It ended.',
      'connection ended api 1 just now 502 sent, no answer It ended.',
      'sent, answer cut short',
      'refused, not acted on',
      'connection ended api 1 just now nothing',
      '03:04:05 client – 400 bad request It ended. abc123-1',
      '03:04:05 api GET 502 connection ended It ended.',
    ]) {
      expect(words).toContain(one);
    }
    expect(read(draw([view()], [], 10))).toContain('None so far.');
  });

  it('what was made again, why, and when last', () => {
    const { totals, ...rest } = upstream('api', 9);
    const lastTime = '2026-01-02T03:03:55.000Z';
    const retriesBy = [
      { reason: 'reused-connection-ended', succeeded: 3, failed: 0, budgetSpent: 0, lastTime },
      { reason: 'status', succeeded: 1, failed: 2, budgetSpent: 4, lastTime },
    ] as const;
    const words = read(
      draw([view({ upstreams: [{ ...rest, totals: { ...totals, retriesBy } }] })], [], 0),
    );
    expect(words).toContain(
      '3 attempts made again : reused connection had ended, all answered; last 10 s ago',
    );
    expect(words).toContain(
      '3 attempts made again : by status, 2 in vain, 4 held back by the budget; last 10 s ago',
    );
  });

  it('the configuration in force, and what differs from the default', () => {
    const config = {
      effective: {
        listeners: [{ address: '127.0.0.1:15101', upstream: 'api' }],
        upstreams: {
          api: { url: 'http://api', pool: { warm: 4, maxAge: '10m' }, authorities: [] },
        },
        log: { level: 'info' },
      },
      changed: ['upstreams.api.pool.warm'],
      defaults: { 'upstreams.api.pool.warm': '1' },
    };
    const drawn = (options: number) =>
      read(drawState({ ...stateOf([view()]), config }, { squares: 0, options, faults: 0 }));
    const words = drawn(100);
    expect(words).toContain('listeners 127.0.0.1:15101 → api as by default');
    expect(words).toContain('upstreams.api http://api 1 option differs: pool.warm 4');
    expect(words).toContain('pool.warm 4 differs default 1 pool.maxAge 10m authorities (none)');
    expect(words).toContain('log as by default');
    expect(words).toContain('Send one: curl http://127.0.0.1:15101/');
    expect(drawn(0)).toContain('pool.warm 4 differs default 1 The others: see config .');
    expect(drawn(0)).not.toContain('maxAge');
    expect(drawn(-1)).toContain('See config .');
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
      const { body } = statusPage(stateOf([view({ upstreams })], faults));
      expect(Buffer.byteLength(body), `${count} upstreams`).toBeLessThan(60_000);
      expect(body.endsWith('</html>\n')).toBe(true);
    }
  });

  it('asks nothing of anybody else, and has a new nonce each time', () => {
    const one = statusPage(stateOf([view()]));
    expect(one.body).not.toMatch(/(?:href|action)="(?:https?:|\/)|src=|@import|url\(/);
    const nonce = /script-src 'nonce-([^']+)'/.exec(one.contentSecurityPolicy)?.[1] as string;
    expect(one.body.split(`nonce="${nonce}"`)).toHaveLength(3);
    expect(one.contentSecurityPolicy).not.toContain('unsafe');
    expect(statusPage(stateOf([view()])).contentSecurityPolicy).not.toContain(nonce);
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
      page(stateOf([shown], faults)).body,
    )?.[1];
    const alone = new Script(`${source}; draw`).runInNewContext() as typeof drawState;
    const bounds = { squares: 150, options: 100, faults: 10 };
    const state = stateOf([shown], faults);
    expect(alone(state, bounds)).toBe(drawState(state, bounds));
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
