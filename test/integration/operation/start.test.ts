/** From the start to readiness, and what must not start. */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { certificates } from '../../support/certificate-scene.ts';
import { freePort } from '../../support/free-port.ts';
import type { RunningGateway } from '../../support/gateway.ts';
import { startNodeOrigin } from '../../support/origins/node.ts';
import { startProcess } from '../../support/process.ts';
import { requestOnce } from '../../support/raw-client.ts';
import { alwaysAnswer, type RawOriginOptions, startRawOrigin } from '../../support/raw-origin.ts';
import { waitFor } from '../../support/wait-for.ts';
import { oneRequest } from './load.ts';
import { listeningSockets } from './process-view.ts';
import {
  admin,
  echoed,
  endLater,
  gatewayForTest,
  logged,
  originForTest,
  rewritten,
  shortDrain,
} from './scene.ts';

const scene = certificates('start');

async function rawOriginForTest(options: RawOriginOptions) {
  const origin = await startRawOrigin(options);
  endLater(() => origin.close());
  return origin;
}

/** Nothing listens there. */
async function deadUrl(): Promise<string> {
  return `http://127.0.0.1:${await freePort()}`;
}

/** What /readyz says as soon as it says anything. */
async function firstReadiness(gateway: RunningGateway): Promise<{ status: number; text: string }> {
  return waitFor(async () => {
    const response = await admin(gateway, '/readyz').catch(() => undefined);
    return response && { status: response.status, text: await response.text() };
  });
}

async function readyLine(gateway: RunningGateway): Promise<string> {
  const [line] = await gateway.process.waitForLine(/^.*"event":"ready".*$/m);
  return line;
}

interface Door {
  readonly port: number;
  readonly waiting: number;
  open(): void;
}

/** In front of a port: takes connections, and lets them through when it is opened. */
async function shutDoor(behind: number): Promise<Door> {
  const sockets: Socket[] = [];
  let isOpen = false;
  const letThrough = (socket: Socket): void => {
    const onward = connect(behind, '127.0.0.1');
    sockets.push(onward);
    socket.pipe(onward).pipe(socket);
  };
  const server = createServer((socket) => {
    socket.on('error', () => {});
    sockets.push(socket);
    if (isOpen) letThrough(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  endLater(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    port: (server.address() as AddressInfo).port,
    get waiting() {
      return sockets.length;
    },
    open: () => {
      isOpen = true;
      for (const socket of sockets.slice()) letThrough(socket);
    },
  };
}

async function readyAgain(gateway: RunningGateway): Promise<number> {
  return (await admin(gateway, '/readyz')).status;
}

it.each(['listener', 'admin'])('a port in use by somebody else: %s', async (which) => {
  const origin = await originForTest();
  const server = createServer((socket) => socket.destroy());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  endLater(() => server.close());
  const { port } = server.address() as AddressInfo;
  const address = `127.0.0.1:${port}`;
  const started = gatewayForTest({
    upstreams: { api: { url: origin.url } },
    ...(which === 'admin' ? { admin: { address } } : { listeners: [{ address, upstream: 'api' }] }),
  });
  const error: Error = await started.then(
    () => new Error('it started'),
    (failure: Error) => failure,
  );
  expect(error.message).toContain('"code":1');
  expect(error.message).toMatch(
    which === 'listener'
      ? new RegExp(`^listener: ${address} is in use: another process listens on it\\.$`, 'm')
      : new RegExp(`^admin: cannot listen on ${address}: .*EADDRINUSE`, 'm'),
  );
  // One sentence, and no stack.
  expect(error.message).not.toMatch(/^ +at /m);
});

it('an IPv6 listener', async () => {
  const origin = await originForTest();
  const port = await freePort('::1');
  const gateway = await gatewayForTest({
    upstreams: { api: { url: origin.url } },
    listeners: [{ address: `[::1]:${port}`, upstream: 'api' }],
  });
  expect(await oneRequest({ host: '::1', port })).toMatchObject({ status: 200, body: 'ok' });
  await expect(oneRequest(port)).rejects.toThrow('ECONNREFUSED');
  // It is known by that name in a target of absolute form.
  const absolute = (authority: string) =>
    requestOnce({ host: '::1', port }, `GET http://${authority}/ok HTTP/1.1\r\nHost: x\r\n\r\n`);
  expect((await absolute(`[::1]:${port}`)).status).toBe(200);
  expect((await absolute(`[::1]:${port + 1}`)).status).toBe(421);
  await waitFor(() => logged(gateway, 'listening').length > 0);
  expect(logged(gateway, 'listening')).toMatchObject([{ address: `[::1]:${port}` }]);
});

it('readiness waits for the first connection, with TLS and all', async () => {
  const origin = await startNodeOrigin({ tls: await scene.authority.issueForLoopback() });
  endLater(() => origin.stop());
  const door = await shutDoor(origin.port);
  const gateway = await gatewayForTest(
    {
      upstreams: {
        api: {
          url: `https://127.0.0.1:${door.port}`,
          tls: { ca: scene.authority.certPath },
          pool: { warm: 1 },
          timeouts: { connect: '10s' },
        },
      },
    },
    { ready: 'none' },
  );
  await waitFor(() => door.waiting > 0);
  expect(await firstReadiness(gateway)).toEqual({
    status: 503,
    text: 'not ready\nno connection to upstream "api" has been had yet\n',
  });
  expect((await admin(gateway, '/livez')).status).toBe(200);
  await sleep(300);
  expect(await readyAgain(gateway)).toBe(503);
  door.open();
  await waitFor(async () => (await readyAgain(gateway)) === 200);
  expect(JSON.parse(await readyLine(gateway)).level).toBe('info');
});

it('a dead upstream holds readiness up for readyWait and no longer', async () => {
  const gateway = await gatewayForTest(
    { upstreams: { api: { url: await deadUrl() } }, admin: { readyWait: '1s' } },
    { ready: 'none' },
  );
  expect((await firstReadiness(gateway)).status).toBe(503);
  const beganMs = performance.now();
  await waitFor(async () => (await readyAgain(gateway)) === 200, { everyMs: 20 });
  expect(performance.now() - beganMs).toBeLessThan(1_500);
  const line = JSON.parse(await readyLine(gateway));
  expect(line).toMatchObject({
    level: 'warn',
    reasons: ['no connection to upstream "api" has been had yet'],
  });
  expect(line.took_ms).toBeGreaterThanOrEqual(1_000);
});

it('ready stays ready when the upstream dies', async () => {
  const origin = await rawOriginForTest({ onRequest: alwaysAnswer() });
  const gateway = await gatewayForTest({ upstreams: { api: { url: origin.url } } });
  await origin.refuse();
  for (const connection of origin.open) connection.reset();
  await gateway.process.waitForLine(/upstream-dial-failed/);
  expect(await readyAgain(gateway)).toBe(200);
  expect((await admin(gateway, '/livez')).status).toBe(200);
});

it('with warm: 0 it is ready at once, and has dialled nobody', async () => {
  const origin = await originForTest();
  const gateway = await gatewayForTest(
    {
      upstreams: {
        api: { url: origin.url, pool: { warm: 0 } },
        off: { url: await deadUrl(), pool: { warm: 0 } },
      },
      admin: { readyWait: '20s' },
    },
    { readyTimeoutMs: 5_000 },
  );
  expect(origin.counts.connections).toBe(0);
  expect((await oneRequest(gateway.port)).body).toBe('ok');
});

it('a reload that takes out what readiness waited for makes it ready', async () => {
  const origin = await originForTest();
  const upstreams = { api: { url: origin.url } };
  const gateway = await gatewayForTest(
    { upstreams: { ...upstreams, dead: { url: await deadUrl() } }, admin: { readyWait: '60s' } },
    { ready: 'none' },
  );
  await waitFor(async () => origin.counts.connections > 0);
  expect((await firstReadiness(gateway)).status).toBe(503);
  await rewritten(gateway, { upstreams, admin: { readyWait: '60s' } });
  await waitFor(async () => (await readyAgain(gateway)) === 200, { timeoutMs: 2_000 });
});

it('a reload that is asked for while it still starts comes after the start', async () => {
  const origin = await originForTest();
  const upstreams = { api: { url: origin.url } };
  // Each address is half a second late.
  const slowly =
    'import net from "node:net"; const { listen } = net.Server.prototype;' +
    'net.Server.prototype.listen = function (...args) {' +
    'console.error("about to listen"); setTimeout(() => listen.apply(this, args), 500); return this; };';
  const gateway = await gatewayForTest(
    { upstreams },
    {
      ready: 'none',
      env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(slowly)}` },
    },
  );
  // The second is the listener's; the first was for the admin server.
  await gateway.process.waitForLine(/about to listen(?:.|\n)*about to listen/);
  const set = { 'X-Team': 'shop' };
  gateway.rewrite({ upstreams: { api: { url: origin.url, headers: { set } } }, drain: shortDrain });
  gateway.process.signal('SIGHUP');
  await gateway.process.waitForLine(/"outcome":"applied"/);
  expect(logged(gateway, 'reload').filter(({ outcome }) => outcome === 'refused')).toEqual([]);
  expect(await echoed(gateway.port)).toMatchObject({ 'x-team': 'shop' });
});

it('from the command line, with no admin server: nothing but the listener is open', async () => {
  const origin = await originForTest();
  const port = await freePort();
  const { SIDEPOOL_GATEWAY: instead = 'node cmd/sidepool.ts gateway' } = process.env;
  const [command = '', ...args] = instead.split(' ');
  const started = await startProcess({
    command: command === 'node' ? process.execPath : command,
    args: [...args, '--listen', `127.0.0.1:${port}`, '--upstream', origin.url, '--admin', 'off'],
    cwd: join(import.meta.dirname, '../../..'),
    ready: { kind: 'line', pattern: /"event":"ready"/ },
  });
  endLater(() => started.stop());
  expect((await oneRequest(port)).body).toBe('ok');
  // Several sockets, one address.
  expect(new Set(listeningSockets(started.pid))).toHaveProperty('size', 1);
  expect(await started.stop()).toEqual({ code: 0, signal: null });
});

it('SIGUSR1 opens no inspector', async () => {
  const origin = await originForTest();
  const gateway = await gatewayForTest({ upstreams: { api: { url: origin.url } } });
  const before = listeningSockets(gateway.pid);
  expect(before.length).toBeGreaterThanOrEqual(2);
  gateway.process.signal('SIGUSR1');
  expect((await oneRequest(gateway.port)).body).toBe('ok');
  await sleep(300);
  expect(listeningSockets(gateway.pid)).toEqual(before);
  expect(gateway.output()).not.toContain('Debugger');
  expect(gateway.process.exit).toBeUndefined();
});
