/** The end of a gateway: it serves on, says so, and loses nobody who is done by the deadline. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { RunningGateway } from '../../support/gateway.ts';
import type { Exit } from '../../support/process.ts';
import { connectRawClient, type RawClient, requestOnce } from '../../support/raw-client.ts';
import { waitFor, within } from '../../support/wait-for.ts';
import { oneRequest, send } from './load.ts';
import {
  admin,
  echoed,
  endLater,
  gatewayForTest,
  loadForTest,
  logged,
  originForTest,
  rewritten,
} from './scene.ts';

const get = 'GET /ok HTTP/1.1\r\nHost: local\r\n\r\n';
const upgrade =
  'GET /ws HTTP/1.1\r\nHost: local\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

const orderly: Exit = { code: 0, signal: null };
const cutShort: Exit = { code: 1, signal: null };

async function gatewayWith(drain: { quiet: string; deadline: string }): Promise<RunningGateway> {
  const origin = await originForTest();
  return gatewayForTest({ upstreams: { api: { url: origin.url } }, drain });
}

async function clientOf(gateway: RunningGateway): Promise<RawClient> {
  const client = await connectRawClient(gateway.port);
  endLater(() => client.close());
  return client;
}

function exitOf(gateway: RunningGateway, withinMs: number): Promise<Exit> {
  return within(gateway.process.exited, withinMs, () => `the end of ${gateway.output()}`);
}

/** As an operator would, by hand. */
function askToDrain(gateway: RunningGateway): Promise<Response> {
  const headers = { 'X-Sidepool-Admin': '1' };
  return fetch(`${gateway.adminUrl}/drain`, { method: 'POST', headers });
}

it('SIGTERM while fifty clients run and a slow download is under way: nobody is lost', async () => {
  const gateway = await gatewayWith({ quiet: '700ms', deadline: '10s' });
  const kept = loadForTest({ port: gateway.port, perSecond: 150, keepAliveClients: 46 });
  const idle = await clientOf(gateway);
  expect((await idle.exchange(get)).fields.get('connection')).toBeUndefined();
  const slow = send(gateway.port, { path: '/drip?ms=150' });
  await sleep(700);
  expect(kept.tally.closes).toBe(0);

  gateway.process.signal('SIGTERM');
  await gateway.process.waitForLine(/drain-began/);
  // One that was there before, and one that comes now.
  const fresh = await clientOf(gateway);
  expect((await fresh.exchange(get)).fields.get('connection')).toEqual(['close']);
  expect(await fresh.incomingEnd()).toBe('fin');
  expect((await oneRequest(gateway.port)).body).toBe('ok');
  expect((await admin(gateway, '/livez')).status).toBe(200);
  expect(await gateway.metric('sidepool_draining')).toBe(1);

  const before = kept.tally.closes;
  await sleep(500);
  expect(kept.tally.closes).toBeGreaterThan(before + 46);
  // The slow one must end too, well after the load has.
  const tally = await kept.stop();
  expect(tally.failures).toEqual([]);
  const lastMs = performance.now();
  expect((await slow).body).toMatch(/drop 9\n$/);
  expect(await exitOf(gateway, 4_000)).toEqual(orderly);
  // The connection that was idle all the time held nothing up, and was ended in order.
  expect(await idle.incomingEnd()).toBe('fin');
  expect(performance.now() - lastMs).toBeGreaterThan(600);
  expect(logged(gateway, 'drain-began')).toMatchObject([{ reason: 'SIGTERM' }]);
  expect(logged(gateway, 'drain-ended')).toMatchObject([{ level: 'info', abandoned: 0 }]);
});

it('keep-alive clients are told with the response under way, and with the next', async () => {
  const gateway = await gatewayWith({ quiet: '300ms', deadline: '5s' });
  const [waits, idle] = [await clientOf(gateway), await clientOf(gateway)];
  await idle.exchange(get);
  waits.write('GET /slow?ms=400 HTTP/1.1\r\nHost: local\r\n\r\n');
  await expect.poll(() => gateway.metric('sidepool_client_requests_total')).toBe(2);
  gateway.process.signal('SIGTERM');
  await gateway.process.waitForLine(/drain-began/);
  const last = await idle.exchange(get);
  expect([last.status, last.fields.get('connection')]).toEqual([200, ['close']]);
  const told = await waits.readResponse();
  expect([told.status, told.fields.get('connection')]).toEqual([200, ['close']]);
  expect(await exitOf(gateway, 3_000)).toEqual(orderly);
});

it.each(['SIGINT', 'POST /drain'])('%s drains as SIGTERM does', async (how) => {
  const gateway = await gatewayWith({ quiet: '200ms', deadline: '5s' });
  const slow = send(gateway.port, { path: '/slow?ms=500' });
  await expect.poll(() => gateway.metric('sidepool_client_requests_total')).toBe(1);
  if (how === 'SIGINT') gateway.process.signal('SIGINT');
  else {
    expect((await admin(gateway, '/drain')).status).toBe(405);
    const unmarked = await fetch(`${gateway.adminUrl}/drain`, { method: 'POST' });
    expect(unmarked.status).toBe(403);
    expect(await gateway.metric('sidepool_draining')).toBe(0);
    expect((await askToDrain(gateway)).status).toBe(202);
  }
  await gateway.process.waitForLine(/drain-began/);
  expect((await requestOnce(gateway.port, get)).fields.get('connection')).toEqual(['close']);
  expect((await slow).body).toBe('slow');
  expect(await exitOf(gateway, 3_000)).toEqual(orderly);
  expect(logged(gateway, 'drain-began')).toMatchObject([{ reason: how }]);
});

it('SIGTERM after POST /drain changes nothing', async () => {
  const gateway = await gatewayWith({ quiet: '100ms', deadline: '20s' });
  const slow = send(gateway.port, { path: '/slow?ms=800' });
  await expect.poll(() => gateway.metric('sidepool_client_requests_total')).toBe(1);
  await askToDrain(gateway);
  gateway.process.signal('SIGTERM');
  // As the kubelet sends it when somebody had drained the pod by hand.
  expect((await slow).body).toBe('slow');
  expect(await exitOf(gateway, 3_000)).toEqual(orderly);
  expect(logged(gateway, 'drain-began')).toHaveLength(1);
});

it('a second SIGTERM ends at once with 1', async () => {
  const gateway = await gatewayWith({ quiet: '1s', deadline: '20s' });
  const slow = send(gateway.port, { path: '/slow?ms=5000' }).catch((error: Error) => error);
  await expect.poll(() => gateway.metric('sidepool_client_requests_total')).toBe(1);
  gateway.process.signal('SIGTERM');
  await gateway.process.waitForLine(/drain-began/);
  gateway.process.signal('SIGTERM');
  expect(await exitOf(gateway, 1_000)).toEqual(cutShort);
  expect(await slow).toBeInstanceOf(Error);
});

it('the deadline passes with a tunnel open: it ends with 1, and the log tells what was cut off', async () => {
  const gateway = await gatewayWith({ quiet: '50ms', deadline: '1s' });
  const tunnel = await clientOf(gateway);
  expect((await tunnel.exchange(upgrade)).status).toBe(101);
  const slow = send(gateway.port, { path: '/slow?ms=5000' }).catch((error: Error) => error);
  await expect.poll(() => gateway.metric('sidepool_client_requests_total')).toBe(2);
  const beganMs = performance.now();
  gateway.process.signal('SIGTERM');
  expect(await exitOf(gateway, 3_000)).toEqual(cutShort);
  expect(performance.now() - beganMs).toBeGreaterThan(950);
  expect(await slow).toBeInstanceOf(Error);
  await tunnel.incomingEnd();
  expect(logged(gateway, 'drain-ended')).toMatchObject([{ level: 'warn', abandoned: 2 }]);
});

it('a reload while draining is taken, and draining goes on', async () => {
  const origin = await originForTest();
  const upstreams = { api: { url: origin.url } };
  const drain = { quiet: '500ms', deadline: '20s' };
  const gateway = await gatewayForTest({ upstreams, drain });
  const tunnel = await clientOf(gateway);
  expect((await tunnel.exchange(upgrade)).status).toBe(101);
  gateway.process.signal('SIGTERM');
  await gateway.process.waitForLine(/drain-began/);
  const set = { 'X-Team': 'shop' };
  const sooner = { quiet: '50ms', deadline: '1s' };
  await rewritten(gateway, {
    upstreams: { api: { url: origin.url, headers: { set } } },
    drain: sooner,
  });
  expect(await echoed(gateway.port)).toMatchObject({ 'x-team': 'shop' });
  expect((await requestOnce(gateway.port, get)).fields.get('connection')).toEqual(['close']);
  expect(await exitOf(gateway, 3_000)).toEqual(cutShort);
});

it.each(['the deadline', 'a second signal', 'the deadline, its listener gone'])(
  'a response that ends with its connection is reset by %s: an end would say that it is whole',
  async (what) => {
    const deadline = what === 'a second signal' ? '20s' : '600ms';
    const origin = await originForTest();
    const settings = {
      upstreams: { api: { url: origin.url } },
      drain: { quiet: '50ms', deadline },
    };
    const gateway = await gatewayForTest(settings);
    const client = await clientOf(gateway);
    client.write('GET /drip?ms=1000 HTTP/1.0\r\n\r\n');
    expect((await client.readBytes(17)).toString()).toMatch(/^HTTP\/1.1 200 OK/);
    if (what.endsWith('gone')) {
      const elsewhere = [{ address: '127.0.0.1:0', upstream: 'api' }];
      await rewritten(gateway, { ...settings, listeners: elsewhere });
    }
    gateway.process.signal('SIGTERM');
    await gateway.process.waitForLine(/drain-began/);
    if (what === 'a second signal') gateway.process.signal('SIGTERM');
    expect(await client.incomingEnd()).toBe('reset');
    expect(await exitOf(gateway, 3_000)).toEqual(cutShort);
  },
);

it('whole responses that a client has not read yet are waited for', async () => {
  const gateway = await gatewayWith({ quiet: '100ms', deadline: '20s' });
  const client = await clientOf(gateway);
  // More than the kernel takes: the gateway holds whole responses, and no exchange is under way.
  client.socket.pause();
  client.write('GET /size/10k HTTP/1.1\r\nHost: local\r\n\r\n'.repeat(2_000));
  await waitFor(() => isStill(gateway), { timeoutMs: 10_000, what: () => 'responses to be stuck' });
  gateway.process.signal('SIGTERM');
  await gateway.process.waitForLine(/drain-began/);
  await sleep(700);
  client.socket.resume();
  let response = await client.readResponse();
  let count = 1;
  while (response.fields.get('connection') === undefined) {
    response = await client.readResponse();
    count += 1;
  }
  expect(count).toBeGreaterThan(1);
  expect(await client.incomingEnd()).toBe('fin');
  expect(await exitOf(gateway, 3_000)).toEqual(orderly);
});

/** Whether requests have come, and for a while no more. */
async function isStill(gateway: RunningGateway): Promise<true | undefined> {
  const before = await gateway.metric('sidepool_client_requests_total');
  await sleep(200);
  const after = await gateway.metric('sidepool_client_requests_total');
  return before > 1 && before === after ? true : undefined;
}
