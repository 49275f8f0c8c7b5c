/** Listeners that a reload adds, removes and changes. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { freePort } from '../../support/free-port.ts';
import { connectRawClient, requestOnce } from '../../support/raw-client.ts';
import { waitFor } from '../../support/wait-for.ts';
import { oneRequest } from './load.ts';
import {
  admin,
  configOf,
  endLater,
  gatewayForTest,
  loadForTest,
  logged,
  originForTest,
  overwritten,
  rewritten,
} from './scene.ts';

/** Takes a port and keeps it; gives back what frees it. */
async function holdPort(port: number): Promise<() => Promise<unknown>> {
  const server = createServer((socket) => socket.destroy());
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const free = async () => {
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  endLater(free);
  return free;
}

const get = 'GET /ok HTTP/1.1\r\nHost: local\r\n\r\n';

it('an added listener serves, a removed one ends with its exchanges, the others notice nothing', async () => {
  const [one, two] = [await originForTest(), await originForTest()];
  const upstreams = { api: { url: one.url }, web: { url: two.url } };
  const gateway = await gatewayForTest({ upstreams });
  const [stays = 0, goes = 0] = gateway.listenPorts;
  const comes = await freePort();
  const load = loadForTest({ port: stays, downloads: 1, uploads: 1 });

  const idle = await connectRawClient(goes);
  const busy = await connectRawClient(goes);
  const uploading = await connectRawClient(goes);
  endLater(() => [idle, busy, uploading].forEach((client) => void client.close()));
  await idle.exchange(get);
  busy.write('GET /drip?ms=60 HTTP/1.1\r\nHost: local\r\n\r\n');
  await busy.received.until(() => busy.pending.length > 0 || undefined, 'the first drop', 5_000);
  uploading.write('POST /echo HTTP/1.1\r\nHost: local\r\nContent-Length: 10\r\n\r\n01234');

  const line = await rewritten(gateway, {
    upstreams,
    listeners: [
      { address: `127.0.0.1:${stays}`, upstream: 'api' },
      { address: `127.0.0.1:${comes}`, upstream: 'web' },
    ],
  });
  expect(line.outcome).toBe('applied');
  expect(await idle.incomingEnd()).toBe('fin');
  await expect(connectRawClient(goes)).rejects.toThrow('ECONNREFUSED');
  await holdPort(goes);

  uploading.write('56789');
  const echo = await uploading.readResponse();
  expect(echo.status).toBe(200);
  expect(JSON.parse(echo.body.toString()).bytes).toBe(10);
  expect(await uploading.incomingEnd()).toBe('fin');
  // Its head had said that it stays: it is told with the next response.
  const drip = await busy.readResponse();
  expect(drip.body.toString()).toMatch(/^drop 0\n(?:drop \d\n){8}drop 9\n$/);
  const last = await busy.exchange(get);
  expect(last.rawHead).toContain('Connection: close');
  expect(await busy.incomingEnd()).toBe('fin');

  const before = two.counts.requests;
  expect(await oneRequest(comes)).toMatchObject({ status: 200, body: 'ok' });
  expect(two.counts.requests).toBe(before + 1);
  expect((await load.stop()).failures).toEqual([]);
});

it('two listeners that change places keep their clients', async () => {
  const [one, two] = [await originForTest(), await originForTest()];
  const upstreams = { api: { url: one.url }, web: { url: two.url } };
  const gateway = await gatewayForTest({ upstreams });
  const client = await connectRawClient(gateway.port);
  endLater(() => client.close());
  await client.exchange(get);
  expect([one.counts.requests, two.counts.requests]).toEqual([1, 0]);
  await rewritten(gateway, { upstreams, listeners: [{ upstream: 'web' }, { upstream: 'api' }] });
  expect((await client.exchange(get)).status).toBe(200);
  expect([one.counts.requests, two.counts.requests]).toEqual([1, 1]);
});

it('an address that cannot be had refuses the whole file', async () => {
  const [origin, other] = [await originForTest(), await originForTest()];
  const gateway = await gatewayForTest({ upstreams: { api: { url: origin.url } } });
  const load = loadForTest({ port: gateway.port });
  const before = await configOf(gateway);
  const [free, taken] = [await freePort(), await freePort()];
  const release = await holdPort(taken);
  const next = {
    upstreams: { api: { url: origin.url, host: 'client' }, web: { url: other.url } },
    listeners: [
      { address: `127.0.0.1:${gateway.port}`, upstream: 'api' },
      { address: `127.0.0.1:${free}`, upstream: 'web' },
      { address: `127.0.0.1:${taken}`, upstream: 'web' },
    ],
  };
  const line = await rewritten(gateway, next);
  expect(line).toMatchObject({ level: 'error', outcome: 'refused' });
  expect(line.detail).toBe(
    `listener: 127.0.0.1:${taken} is in use: another process listens on it.`,
  );
  expect(await gateway.metric('sidepool_config_last_reload_success')).toBe(0);
  expect(await configOf(gateway)).toBe(before);
  await expect(connectRawClient(free)).rejects.toThrow('ECONNREFUSED');
  expect(other.counts.connections).toBe(0);
  // Its figures are gone with it.
  expect(await (await admin(gateway, '/metrics')).text()).not.toContain('"web"');

  await release();
  const again = await rewritten(gateway, { ...next, log: { level: 'debug' } });
  expect(again.outcome).toBe('applied');
  expect((await oneRequest(free)).body).toBe('ok');
  expect((await oneRequest(taken)).body).toBe('ok');
  expect((await load.stop()).failures).toEqual([]);
});

it("clients' limits change in place, for clients that are there too", async () => {
  const origin = await originForTest();
  const upstreams = { api: { url: origin.url } };
  const gateway = await gatewayForTest({ upstreams });
  const client = await connectRawClient(gateway.port);
  endLater(() => client.close());
  const post = 'POST /echo HTTP/1.1\r\nHost: local\r\nContent-Length: 8\r\n\r\n12345678';
  expect((await client.exchange(post)).status).toBe(200);
  const opened = await gateway.metric('sidepool_upstream_connections_opened_total');

  await rewritten(gateway, { upstreams, limits: { body: '4B', maxClients: 2 } });
  expect((await client.exchange(post)).status).toBe(413);
  expect(await client.incomingEnd()).toBe('fin');
  client.close();
  expect((await requestOnce(gateway.port, get)).status).toBe(200);
  await waitFor(async () => (await gateway.metric('sidepool_client_connections')) === 0);
  const open = [await connectRawClient(gateway.port), await connectRawClient(gateway.port)];
  for (const each of open) endLater(() => each.close());
  for (const each of open) expect((await each.exchange(get)).status).toBe(200);
  // It is refused; or, if this has taken a while, one of the two gives way to it.
  await requestOnce(gateway.port, get).catch(() => undefined);
  expect(await gateway.metric('sidepool_client_refused_total')).toBeGreaterThan(0);

  await rewritten(gateway, { upstreams, clients: { maxRequests: 1 } });
  const only = await requestOnce(gateway.port, get);
  expect(only.fields.get('connection')).toEqual(['close']);
  expect(await gateway.metric('sidepool_upstream_connections_opened_total')).toBe(opened);
});

it('the log level changes', async () => {
  const origin = await originForTest();
  const upstreams = { api: { url: origin.url } };
  const gateway = await gatewayForTest({ upstreams });
  await overwritten(gateway, 'broken: [');
  // An info line would not be written any more: what tells is /config.
  gateway.rewrite({ upstreams, log: { level: 'error' } });
  await expect.poll(() => configOf(gateway), { timeout: 5_000 }).toContain('"error"');
  expect(logged(gateway, 'reload')).toHaveLength(1);
  await rewritten(gateway, { upstreams, log: { level: 'info' } });
  expect(logged(gateway, 'reload').map(({ outcome }) => outcome)).toEqual(['refused', 'applied']);
});

it('another admin address counts from the next start, and the log says so', async () => {
  const origin = await originForTest();
  const gateway = await gatewayForTest({ upstreams: { api: { url: origin.url } } });
  const elsewhere = `127.0.0.1:${await freePort()}`;
  const settings = (address: string, level: string) =>
    JSON.stringify({
      listeners: [{ address: `127.0.0.1:${gateway.port}`, upstream: 'api' }],
      upstreams: { api: { url: origin.url } },
      admin: { address },
      drain: { quiet: '50ms', deadline: '2s' },
      log: { level },
    });
  const line = await overwritten(gateway, settings(elsewhere, 'info'));
  expect(line.outcome).toBe('applied');
  expect(line.detail).toContain('; admin counts from the next start');
  expect((await admin(gateway, '/livez')).status).toBe(200);
  await expect(fetch(`http://${elsewhere}/livez`)).rejects.toThrow();
  // Still so after one more change; and no more once the file says again what is.
  const still = await overwritten(gateway, settings(elsewhere, 'debug'));
  expect(still.detail).toContain('; admin counts from the next start');
  const own = await overwritten(gateway, settings(new URL(gateway.adminUrl).host, 'info'));
  expect(own.detail).not.toContain('next start');
});
