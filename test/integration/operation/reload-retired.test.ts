/** An upstream that a reload has replaced: what was begun with it ends well on it. */
import { expect, it } from 'vitest';
import { connectRawClient } from '../../support/raw-client.ts';
import { type RawOrigin, response, startRawOrigin } from '../../support/raw-origin.ts';
import { oneRequest } from './load.ts';
import { endLater, gatewayForTest, originForTest, rewritten } from './scene.ts';

async function rawOriginForTest(): Promise<RawOrigin> {
  const origin = await startRawOrigin();
  endLater(() => origin.close());
  return origin;
}

it('a request whose connection dies after the reload is sent again to the old origin', async () => {
  const [before, after] = [await rawOriginForTest(), await originForTest()];
  const gateway = await gatewayForTest({ upstreams: { api: { url: before.url } } });
  const asked = oneRequest(gateway.port);
  const first = await before.request(1);
  await rewritten(gateway, { upstreams: { api: { url: after.url } } });
  before.connectionOf(first).reset();
  const second = await before.request(2, 2_000);
  before.connectionOf(second).write(response('from the old one'));
  expect(await asked).toMatchObject({ status: 200, body: 'from the old one' });
});

it('a status that is to be retried is retried on the old origin', async () => {
  const [before, after] = [await rawOriginForTest(), await originForTest()];
  const retry = { statuses: [503] };
  const gateway = await gatewayForTest({ upstreams: { api: { url: before.url, retry } } });
  const asked = oneRequest(gateway.port);
  const first = await before.request(1);
  await rewritten(gateway, { upstreams: { api: { url: after.url, retry } } });
  before
    .connectionOf(first)
    .write(response('later', { status: '503 Busy', fields: { 'Retry-After': '1' } }));
  const second = await before.request(2, 2_500);
  before.connectionOf(second).write(response('from the old one'));
  expect(await asked).toMatchObject({ status: 200, body: 'from the old one' });
});

it('a request that waits for a connection gets one', async () => {
  const [before, after] = [await rawOriginForTest(), await originForTest()];
  const pool = { maxConnections: 1, warm: 1, warmMax: 1 };
  const gateway = await gatewayForTest({ upstreams: { api: { url: before.url, pool } } });
  const asked = [oneRequest(gateway.port), oneRequest(gateway.port)];
  const first = await before.request(1);
  await rewritten(gateway, { upstreams: { api: { url: after.url, pool } } });
  before.connectionOf(first).write(response('one'));
  const second = await before.request(2);
  before.connectionOf(second).write(response('two'));
  expect((await Promise.all(asked)).map(({ body }) => body).sort()).toEqual(['one', 'two']);
});

it('a tunnel goes on', async () => {
  const [before, after] = [await rawOriginForTest(), await originForTest()];
  const gateway = await gatewayForTest({ upstreams: { api: { url: before.url } } });
  const client = await connectRawClient(gateway.port);
  endLater(() => client.close());
  client.write('GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  const origin = before.connectionOf(await before.request(1));
  origin.write('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  expect((await client.readResponse()).status).toBe(101);
  await rewritten(gateway, { upstreams: { api: { url: after.url } } });
  origin.write('still');
  expect((await client.readBytes(5)).toString()).toBe('still');
  expect((await oneRequest(gateway.port)).body).toBe('ok');
});
