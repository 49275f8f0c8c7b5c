import { createHook } from 'node:async_hooks';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { fault } from '../../../src/base/fault.ts';
import type { ListenAddress } from '../../../src/downstream/options.ts';
import { type AdminOptions, startAdmin } from '../../../src/telemetry/admin/admin-server.ts';
import type { Readiness } from '../../../src/telemetry/admin/admin-state.ts';
import { TempDir } from '../../support/temp-dir.ts';
import { waitFor } from '../../support/wait-for.ts';
import {
  connections,
  endpoint,
  request,
  StillClock,
  scene,
  snapshot,
} from '../../unit/telemetry/scene.ts';

const toEnd: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end();
});

interface Reply {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

async function admin(rest: Partial<AdminOptions> = {}) {
  const { telemetry, lines } = scene();
  const live = endpoint('192.0.2.1:443', { connections: connections({ active: 1, idle: 2 }) });
  const api = snapshot('api', { endpoints: [live] });
  const handle = telemetry.upstream('api', () => api);
  const readiness: { now: Readiness } = { now: { ready: true, reasons: [] } };
  const calls: string[] = [];
  const server = await startAdmin({
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    telemetry,
    state: {
      pools: () => [api],
      discoveries: () => new Map(),
      config: () => ({
        effective: { upstreams: { api: { url: 'http://api' } } },
        changed: [],
        defaults: {},
      }),
      ready: () => readiness.now,
      drain: () => calls.push('drain'),
      setLogLevel: (level) => calls.push(`level ${level}`),
    },
    ...rest,
  });
  toEnd.push(() => server.close());
  const { address } = server;
  const to = address.kind === 'tcp' ? address : { path: address.path };
  const ask = (text: string) => exchange(to, text);
  return {
    server,
    to,
    ask,
    telemetry,
    handle,
    readiness,
    calls,
    lines,
    get: (path: string, fields = '') =>
      ask(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${fields}\r\n`),
  };
}

type Target = { host: string; port: number } | { path: string };

async function exchange(to: Target, text: string): Promise<Reply> {
  const socket = connect(to);
  toEnd.push(() => socket.destroy());
  socket.setEncoding('latin1');
  let all = '';
  socket.on('data', (chunk) => {
    all += chunk;
  });
  socket.write(text);
  await new Promise((resolve) => socket.once('close', resolve));
  const [head = '', body = ''] = all.split(/\r\n\r\n([\s\S]*)/);
  return { status: Number(head.split(' ')[1]), head, body };
}

function post(
  path: string,
  fields = 'X-Sidepool-Admin: 1\r\n',
  host = '127.0.0.1',
  body = '',
): string {
  return `POST ${path} HTTP/1.1\r\nHost: ${host}\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;
}

describe('what is read', () => {
  it('/livez is 200, draining or not', async () => {
    const { get, telemetry, readiness } = await admin();
    expect(await get('/livez')).toMatchObject({ status: 200, body: 'ok\n' });
    telemetry.setDraining('SIGTERM');
    readiness.now = { ready: false, reasons: ['draining'] };
    expect((await get('/livez')).status).toBe(200);
  });

  it('/readyz says why not', async () => {
    const { get, readiness } = await admin();
    expect(await get('/readyz')).toMatchObject({ status: 200, body: 'ready\n' });
    readiness.now = { ready: false, reasons: ['api: no connection yet', 'b: no address yet'] };
    const body = 'not ready\napi: no connection yet\nb: no address yet\n';
    expect(await get('/readyz')).toMatchObject({ status: 503, body });
  });

  it('/metrics in either format', async () => {
    const { get } = await admin();
    const plain = await get('/metrics');
    expect(plain.status).toBe(200);
    expect(plain.head).toContain('Content-Type: text/plain; version=0.0.4');
    expect(plain.body).toContain('sidepool_upstream_connections{upstream="api",state="idle"} 2\n');
    const open = await get('/metrics', 'Accept: application/openmetrics-text; version=1.0.0\r\n');
    expect(open.head).toContain('Content-Type: application/openmetrics-text; version=1.0.0');
    expect(open.body.endsWith('# EOF\n')).toBe(true);
  });

  it('/pools, /faults and /config as JSON, with nothing secret in a cause', async () => {
    const { get, handle } = await admin();
    handle.exchange.onEnded({ status: 200, durationMs: 3, isReused: true });
    handle.exchange.onFault(
      fault('malformed-response', 'upstream', 'GET /p?key=hunter2 went wrong'),
      {
        status: 502,
        request: request('GET', '/p?key=hunter2'),
        attempts: 1,
        durationMs: 3,
        endpoint: null,
      },
    );
    const pools = await get('/pools');
    expect(pools.head).toContain('Content-Type: application/json');
    expect(JSON.parse(pools.body)).toMatchObject({
      version: '1.2.3',
      upstreams: [{ name: 'api', totals: { requests: 1, reused: 1, faults: 1 }, discovery: null }],
    });
    const faults = await get('/faults');
    expect(JSON.parse(faults.body).faults).toMatchObject([
      { kind: 'malformed-response', status: 502 },
    ]);
    expect(faults.body).not.toContain('hunter2');
    expect(JSON.parse((await get('/config')).body)).toEqual({
      effective: { upstreams: { api: { url: 'http://api' } } },
      changed: [],
      defaults: {},
    });
    expect(JSON.parse((await get('/history')).body)).toEqual({
      atMs: expect.any(Number),
      upstreams: { api: [] },
    });
  });

  it('/ under a policy that lets nothing in', async () => {
    const { get } = await admin();
    const page = await get('/');
    expect(page.status).toBe(200);
    expect(page.head).toContain("Content-Security-Policy: default-src 'none'; script-src 'nonce-");
    expect(page.head).toContain('X-Frame-Options: DENY');
    expect(page.body).toContain('<h3>api</h3>');
  });

  it('HEAD has the head of GET and no body', async () => {
    const { ask } = await admin();
    for (const path of ['/livez', '/metrics', '/pools', '/']) {
      const { status, head, body } = await ask(`HEAD ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
      expect([status, body], path).toEqual([200, '']);
      expect(head).toMatch(/Content-Length: [1-9]/);
    }
  });

  it('what is not there is 404 with a list; a wrong method is 405 with Allow [9110-10.2.1-01] [9110-15.5.6-01]', async () => {
    const { ask, get, calls } = await admin();
    const missing = await get('/metric');
    expect(missing.status).toBe(404);
    expect(missing.body).toContain('GET  /metrics\n');
    expect(missing.body).toContain('POST /drain\n');
    const posted = await ask(post('/metrics'));
    expect([posted.status, /Allow: .*/.exec(posted.head)?.[0]]).toEqual([405, 'Allow: GET, HEAD']);
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT']) {
      const fields = 'X-Sidepool-Admin: 1\r\n';
      const { status, head } = await ask(`${method} /drain HTTP/1.1\r\nHost: ::1\r\n${fields}\r\n`);
      expect([method, status, /Allow: .*/.exec(head)?.[0]]).toEqual([method, 405, 'Allow: POST']);
    }
    expect(calls).toEqual([]);
  });

  it('a defect in what it asks is 500, and the server lives on', async () => {
    const { get, readiness } = await admin();
    readiness.now = null as never;
    expect((await get('/readyz')).status).toBe(500);
    expect((await get('/livez')).status).toBe(200);
  });

  it('bytes that are no HTTP are refused', async () => {
    const { ask, get } = await admin();
    expect((await ask('\x16\x03\x01\x02\x00\x01\x00\r\n\r\n')).status).toBe(400);
    expect(
      (await ask(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(40_000)}\r\n\r\n`)).status,
    ).toBe(431);
    expect((await get('/livez')).status).toBe(200);
  });
});

describe('what is changed', () => {
  it('POST /drain from loopback, with the header', async () => {
    const { ask, calls } = await admin();
    expect(await ask(post('/drain'))).toMatchObject({ status: 202, body: 'draining\n' });
    expect(calls).toEqual(['drain']);
  });

  it('POST /log-level, by query or by body', async () => {
    const { ask, calls } = await admin();
    expect((await ask(post('/log-level?level=debug'))).status).toBe(200);
    expect((await ask(post('/log-level', undefined, 'localhost', 'WARN\n'))).status).toBe(200);
    const unknown = await ask(post('/log-level', undefined, '[::1]:1', 'loud'));
    expect([unknown.status, unknown.body]).toEqual([
      400,
      expect.stringContaining('one of trace, debug'),
    ]);
    expect((await ask(post('/log-level', undefined, '[::1]', 'x'.repeat(5000)))).status).toBe(400);
    expect(calls).toEqual(['level debug', 'level warn']);
  });

  it.each([
    ['without the header', post('/drain', '')],
    ['from a page', post('/drain', 'X-Sidepool-Admin: 1\r\nOrigin: http://127.0.0.1\r\n')],
    ['by a name that was pointed here', post('/drain', undefined, 'evil.example')],
    ['for the log level too', post('/log-level?level=trace', '')],
  ])('is refused %s, and what to send is told', async (_, text) => {
    const { ask, calls } = await admin();
    const { status, body } = await ask(text);
    expect(status).toBe(403);
    expect(body).toMatch(/curl -X POST -H 'X-Sidepool-Admin: 1' http:\/\/127\.0\.0\.1:\d+\//);
    expect(calls).toEqual([]);
  });
});

describe('peers that are slow or broken', () => {
  const limits = { maxOpen: 4, requestMs: 60_000, lifeMs: 120_000 };

  async function silent(to: Target, text = ''): Promise<Socket & { ended: Promise<unknown> }> {
    const socket = connect(to) as Socket & { ended: Promise<unknown> };
    toEnd.push(() => socket.destroy());
    socket.on('error', () => {});
    socket.ended = new Promise((resolve) => socket.once('close', resolve));
    await once(socket, 'connect');
    if (text !== '') socket.write(text);
    return socket;
  }

  it('do not keep a probe out: the oldest that has asked nothing makes room', async () => {
    const { to, get } = await admin({ limits });
    const guests = [];
    for (let i = 0; i < 4; i += 1) guests.push(await silent(to, 'GET /livez HT'));
    for (let i = 0; i < 3; i += 1) expect((await get('/livez')).status).toBe(200);
    await guests[0]?.ended;
    expect(guests[3]?.destroyed).toBe(false);
  });

  it('are ended when their time is over, head or body unfinished', async () => {
    const clock = new StillClock();
    const { to, get, calls } = await admin({ clock });
    const head = await silent(to, 'GET /livez HTTP/1.1\r\nHo');
    const fields = 'Host: 127.0.0.1\r\nX-Sidepool-Admin: 1\r\nContent-Length: 5\r\n\r\n';
    const body = await silent(to, `POST /log-level HTTP/1.1\r\n${fields}de`);
    await waitFor(() => clock.sleeping === 2);
    clock.pass(4999);
    expect((await get('/livez')).status).toBe(200);
    expect([head.destroyed, body.destroyed]).toEqual([false, false]);
    clock.pass(1);
    await Promise.all([head.ended, body.ended]);
    expect(calls).toEqual([]);
    // What comes and goes leaves no deadline behind.
    await waitFor(() => clock.sleeping === 0);
  });

  it('are ended when they do not read', async () => {
    const clock = new StillClock();
    const { to, telemetry } = await admin({ clock });
    for (let i = 0; i < 1500; i += 1) telemetry.upstream(`u${i}`, () => snapshot(`u${i}`));
    const socket = await silent(to, 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
    socket.setEncoding('latin1');
    await once(socket, 'readable');
    const head = String(socket.read());
    const whole = Number(/Content-Length: (\d+)/.exec(head)?.[1]);
    expect(whole).toBeGreaterThan(10_000_000);
    clock.pass(20_000);
    socket.resume();
    await socket.ended;
    expect(socket.bytesRead).toBeLessThan(whole);
  });

  it('a connection carries one request', async () => {
    const { ask } = await admin();
    const one = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n';
    const { head, body } = await ask(one + one);
    expect(head).toContain('Connection: close');
    expect(body).toBe('ok\n');
  });

  it('close ends what is open', async () => {
    const { server, to } = await admin({ limits });
    const guest = await silent(to, 'GET /li');
    await server.close();
    await guest.ended;
  });
});

describe('the address', () => {
  it('may be a Unix socket, whose stale file is replaced and whose living one is not', async () => {
    const directory = new TempDir('admin');
    toEnd.push(() => directory.remove());
    const path = directory.file('admin.sock');
    // A socket file without a process, as a killed one leaves it.
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', script]);
    const address: ListenAddress = { kind: 'unix', path };
    const { get, ask, calls } = await admin({ address });
    expect((await get('/livez')).status).toBe(200);
    expect((await ask(post('/drain', undefined, 'localhost'))).status).toBe(202);
    expect(calls).toEqual(['drain']);
    await expect(admin({ address })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect((await get('/livez')).status).toBe(200);
    const file = directory.file('precious');
    writeFileSync(file, 'data');
    await expect(admin({ address: { kind: 'unix', path: file } })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });

  it('that is taken rejects with the reason', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    toEnd.push(() => other.close());
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const address: ListenAddress = { kind: 'tcp', host: '127.0.0.1', port };
    await expect(admin({ address })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('of both families serves IPv4 loopback as loopback', async () => {
    const { server, calls } = await admin({ address: { kind: 'tcp', host: '::', port: 0 } });
    const { port } = server.address as { port: number };
    expect((await exchange({ host: '127.0.0.1', port }, post('/drain'))).status).toBe(202);
    expect(calls).toEqual(['drain']);
  });
});

it('no timer is left that would wake an idle process', async () => {
  const timers: { ms: number; repeats: boolean }[] = [];
  const hook = createHook({
    init(_, type, __, resource) {
      if (type !== 'Timeout') return;
      const { _idleTimeout: ms, _repeat } = resource as { _idleTimeout: number; _repeat: unknown };
      timers.push({ ms, repeats: _repeat !== null });
    },
  }).enable();
  toEnd.push(() => hook.disable());
  const { get } = await admin();
  await get('/metrics');
  hook.disable();
  const intervals = timers.filter(({ repeats }) => repeats);
  // node:http makes its interval whatever one asks: it must be the longest there is.
  expect(intervals.map(({ ms }) => ms)).toEqual([2 ** 31 - 1]);
});
