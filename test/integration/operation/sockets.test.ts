/** Unix sockets: whose they are, what stands in their place, and what is left of them. */
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { TimerWheel } from '../../../src/base/timer-wheel.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { ClientGate } from '../../../src/downstream/client-gate.ts';
import { Listener } from '../../../src/downstream/listener.ts';
import { DateSource } from '../../../src/message/http-date.ts';
import { runToEnd } from '../../support/process.ts';
import { requestOnce } from '../../support/raw-client.ts';
import { makeTempDir, type TempDir } from '../../support/temp-dir.ts';
import { endLater, gatewayForTest, originForTest, rewritten } from './scene.ts';

const get = 'GET /ok HTTP/1.1\r\nHost: local\r\n\r\n';

function dirForTest(): TempDir {
  const dir = makeTempDir('sockets');
  endLater(() => dir.remove());
  return dir;
}

async function listenOn(path: string): Promise<() => Promise<unknown>> {
  const server = createServer((socket) => socket.destroy());
  server.listen(path);
  await once(server, 'listening');
  const free = async () => {
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  endLater(free);
  return free;
}

it('mode and owner are as configured, and the file goes with the gateway', async () => {
  const origin = await originForTest();
  const path = dirForTest().file('api.sock');
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  // Only root may give a file to somebody else.
  const owner = uid === 0 ? { uid: 1234, gid: 2345 } : { uid, gid };
  const gateway = await gatewayForTest({
    upstreams: { api: { url: origin.url } },
    listeners: [
      {
        address: `unix:${path}`,
        upstream: 'api',
        mode: '0620',
        owner: `${owner.uid}:${owner.gid}`,
      },
    ],
  });
  const stats = statSync(path);
  expect(stats.isSocket()).toBe(true);
  expect((stats.mode & 0o7777).toString(8)).toBe('620');
  expect({ uid: stats.uid, gid: stats.gid }).toEqual(owner);
  expect((await requestOnce({ path }, get)).status).toBe(200);
  expect(await gateway.stop()).toEqual({ code: 0, signal: null });
  expect(existsSync(path)).toBe(false);
});

it('a stale file is taken over', async () => {
  const origin = await originForTest();
  const path = dirForTest().file('api.sock');
  // A process that is killed leaves its file behind.
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  const { signal } = await runToEnd({ command: process.execPath, args: ['-e', script] });
  expect(signal).toBe('SIGKILL');
  expect(statSync(path).isSocket()).toBe(true);
  await gatewayForTest({
    upstreams: { api: { url: origin.url } },
    listeners: [{ address: `unix:${path}`, upstream: 'api' }],
  });
  expect((await requestOnce({ path }, get)).status).toBe(200);
});

it('one that lives is refused, and goes on living; so is a file that is no socket', async () => {
  const origin = await originForTest();
  const dir = dirForTest();
  const [taken, plain] = [dir.file('taken.sock'), dir.file('notes.txt')];
  await listenOn(taken);
  writeFileSync(plain, 'mine');
  for (const [path, why] of [
    [taken, `listener: ${taken} is in use: another process listens on it.`],
    [plain, `listener: ${plain} exists and is no socket: choose another path.`],
  ] as const) {
    const started = gatewayForTest({
      upstreams: { api: { url: origin.url } },
      listeners: [{ address: `unix:${path}`, upstream: 'api' }],
    });
    await expect(started).rejects.toThrow(why);
    await expect(started).rejects.toThrow('"code":1');
  }
  await once(connect(taken), 'connect');
  expect(readFileSync(plain, 'utf8')).toBe('mine');
});

it('is added and removed by a reload, the file too', async () => {
  const origin = await originForTest();
  const upstreams = { api: { url: origin.url } };
  const gateway = await gatewayForTest({ upstreams });
  const path = dirForTest().file('api.sock');
  const both = [{ upstream: 'api' }, { address: `unix:${path}`, upstream: 'api' }];
  for (let times = 0; times < 2; times += 1) {
    await rewritten(gateway, { upstreams, listeners: both });
    expect((await requestOnce({ path }, get)).status).toBe(200);
    await rewritten(gateway, { upstreams });
    expect(existsSync(path)).toBe(false);
  }
});

it('another mode counts from the next start, and is noted until then', async () => {
  const origin = await originForTest();
  const upstreams = { api: { url: origin.url } };
  const path = dirForTest().file('api.sock');
  const with_ = (mode: string) => ({
    upstreams,
    listeners: [{ address: `unix:${path}`, upstream: 'api', mode }],
  });
  const gateway = await gatewayForTest(with_('0600'));
  const note = `backlog, mode and owner of unix:${path} count from the next start`;
  expect((await rewritten(gateway, with_('0660'))).detail).toContain(note);
  const more = { ...with_('0660'), limits: { body: '1MiB' } };
  expect((await rewritten(gateway, more)).detail).toContain(note);
  expect((await rewritten(gateway, with_('0600'))).detail).not.toContain('next start');
  expect((statSync(path).mode & 0o7777).toString(8)).toBe('600');
});

it('one whose owner cannot be set is closed again', async () => {
  const dir = dirForTest();
  const path = dir.file('api.sock');
  // No user has this number, not even for root, who may run these tests.
  const nobody = { uid: -5, gid: 0 };
  await expect(openListener(path, nobody)).rejects.toThrow('uid');
  expect(readdirSync(dir.path)).toEqual([]);
  const listener = await openListener(path, null);
  listener.destroy();
});

function openListener(path: string, socketOwner: { uid: number; gid: number } | null) {
  const parsed = parseConfig(
    JSON.stringify({
      listeners: [{ address: `unix:${path}`, upstream: 'api' }],
      upstreams: { api: { url: 'http://127.0.0.1:9' } },
    }),
    { source: 'sockets.yaml', env: {}, readFile: () => '' },
  );
  const options = parsed.ok ? parsed.config.listeners[0]?.options : undefined;
  if (options === undefined) throw new Error('the configuration is right');
  const gate = new ClientGate({
    clock: systemClock,
    wheel: new TimerWheel(systemClock),
    dates: new DateSource(systemClock),
    observer: {
      onConnection: () => {},
      onConnectionClosed: () => {},
      onRequest: () => {},
      onRefused: () => {},
      onFault: () => {},
      onBytes: () => {},
    },
    maxClients: 1,
  });
  const handler = {
    begin: () => {
      throw new Error('nobody asks');
    },
  };
  return Listener.open({ ...options, socketOwner }, gate, handler);
}
