/** Upgraded connections: what is carried, what is not, and how a tunnel ends. */
import { afterAll, describe, expect, it } from 'vitest';
import { noise, sha256 } from '../../support/bodies.ts';
import type { InProcessGateway } from '../../support/in-process-gateway.ts';
import type { RawAddress, RawClient } from '../../support/raw-client.ts';
import type { RawOrigin, RawOriginConnection } from '../../support/raw-origin.ts';
import { response } from '../../support/raw-origin.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { waitFor } from '../../support/wait-for.ts';
import { get, scene } from './scene.ts';

const on = scene();
const dir = makeTempDir('faults-tunnels');
afterAll(() => dir.remove());

const upgrade = get('/ws', 'Connection: Upgrade\r\nUpgrade: websocket\r\n');
const switched =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

/** Bytes behind the head that a side has received. */
function tail(received: Buffer): Buffer {
  return received.subarray(received.indexOf('\r\n\r\n') + 4);
}

async function tunnel(
  origin: RawOrigin,
  to: InProcessGateway | RawAddress,
): Promise<{ client: RawClient; far: RawOriginConnection }> {
  const client = await on.client(to);
  client.write(upgrade);
  const far = origin.connectionOf(await origin.request());
  far.write(switched);
  expect((await client.readResponse()).status).toBe(101);
  return { client, far };
}

describe('an upgrade', () => {
  it('to websocket is carried, with what was sent behind either head', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    client.write(`${upgrade}early`);
    const far = origin.connectionOf(await origin.request());
    far.write(`${switched}hello`);
    const answer = await client.readResponse();
    expect(answer.status).toBe(101);
    expect(answer.fields.get('upgrade')).toEqual(['websocket']);
    expect((await client.readBytes(5)).toString()).toBe('hello');
    await waitFor(() => tail(far.received.bytes).toString() === 'early');
    client.write(' and late');
    await waitFor(() => tail(far.received.bytes).toString() === 'early and late');
  });

  it('to h2c is not: it is answered as if it had not been asked for', async () => {
    const origin = await on.origin({ onRequest: (_, connection) => connection.write(response()) });
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    const fields =
      'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n';
    expect((await client.exchange(get('/', fields))).status).toBe(200);
    const [request] = origin.requests;
    for (const name of ['upgrade', 'http2-settings', 'connection']) {
      expect(request?.fields.has(name)).toBe(false);
    }
  });

  it('that the origin declines leaves both connections as they were', async () => {
    const origin = await on.origin({ onRequest: (_, connection) => connection.write(response()) });
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    for (let round = 0; round < 3; round += 1) {
      expect((await client.exchange(upgrade)).status).toBe(200);
    }
    await gateway.settled();
    expect(gateway.told.closed).toEqual([]);
  });
});

describe('a tunnel', () => {
  it('half-closed by the client still carries the other way, and ends as tunnel-ended', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin);
    const { client, far } = await tunnel(origin, gateway);
    client.write('last words');
    client.fin();
    expect(await far.incomingEnd()).toBe('fin');
    expect(tail(far.received.bytes).toString()).toBe('last words');
    far.fin('an answer');
    expect((await client.readToEnd()).toString()).toBe('an answer');
    await gateway.deserted();
    expect(gateway.told.closed).toEqual(['tunnel-ended']);
  });

  it('half-closed by the origin still carries what the client sends', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin);
    const { client, far } = await tunnel(origin, gateway);
    far.fin('bye');
    expect((await client.readToEnd()).toString()).toBe('bye');
    client.write('still here');
    client.fin();
    expect(await far.incomingEnd()).toBe('fin');
    expect(tail(far.received.bytes).toString()).toBe('still here');
    await gateway.deserted();
  });

  // RFC 9110 9.3.6: what one side had sent when it closed is delivered to the other.
  it('delivers all that was sent before its sender closed, to a side that reads slowly [9110-9.3.6-04]', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin);
    const { client, far } = await tunnel(origin, gateway);
    const body = noise(12_000_000);
    far.stopReading();
    far.fin();
    expect((await client.readToEnd()).length).toBe(0);
    client.write(body);
    client.fin();
    // The client is done as soon as the gateway has its last byte; the origin takes its time.
    let last = -1;
    await waitFor(
      () => {
        const isStill = client.socket.bytesWritten === last && last > 0;
        last = client.socket.bytesWritten;
        return isStill;
      },
      { everyMs: 100 },
    );
    far.resumeReading();
    expect(await far.incomingEnd()).toBe('fin');
    expect(sha256(tail(far.received.bytes))).toBe(sha256(body));
  });

  it('delivers all that the origin sent before it closed, to a client that reads slowly [9110-9.3.6-04]', async () => {
    // A Unix socket holds 200 KB: the last part of this lies in the gateway when the origin has closed.
    const path = dir.file('tunnel.sock');
    const body = noise(240_000);
    const origin = await on.origin();
    const gateway = await on.gateway(
      origin,
      {},
      { listeners: [{ upstream: 'origin', address: `unix:${path}` }] },
    );
    const { client, far } = await tunnel(origin, { path });
    client.fin();
    await far.incomingEnd();
    client.stopReading();
    far.fin(body);
    await far.closed();
    await gateway.settled();
    client.resumeReading();
    expect(sha256(await client.readToEnd())).toBe(sha256(body));
  });

  for (const [name, cut] of [
    ['client', (sides: { client: RawClient; far: RawOriginConnection }) => sides.client.reset()],
    ['origin', (sides: { client: RawClient; far: RawOriginConnection }) => sides.far.reset()],
  ] as const) {
    it(`reset by the ${name} ends on the other side too`, async () => {
      const origin = await on.origin();
      const gateway = await on.gateway(origin);
      const sides = await tunnel(origin, gateway);
      cut(sides);
      await (name === 'client' ? sides.far : sides.client).incomingEnd();
      await gateway.settled();
      expect(gateway.told.closed).toEqual(['tunnel-ended']);
    });
  }

  it('stops a sender whose receiver does not read: what it holds is bounded', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin);
    const { client, far } = await tunnel(origin, gateway);
    client.stopReading();
    const size = 64 * 1024 * 1024;
    const before = process.memoryUsage().arrayBuffers;
    far.write(noise(size));
    let last = -1;
    await waitFor(
      () => {
        const taken = far.socket.bytesWritten - far.socket.writableLength;
        const isStill = taken === last && last > 0;
        last = taken;
        return isStill;
      },
      { everyMs: 150 },
    );
    expect(far.socket.writableLength).toBeGreaterThan(0);
    // The origin's own copy, and little besides.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 * size + 8 * 1024 * 1024);
    client.resumeReading();
    await waitFor(() => tail(client.received.bytes).length === size, { timeoutMs: 15_000 });
    expect(sha256(tail(client.received.bytes))).toBe(sha256(noise(size)));
  });

  it('without traffic ends after tunnelIdle; traffic either way keeps it', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin, { timeouts: { tunnelIdle: '200ms' } });
    const { client, far } = await tunnel(origin, gateway);
    const beganMs = performance.now();
    for (let nth = 0; nth < 6; nth += 1) {
      const side = nth % 2 === 0 ? client : far;
      side.write('tick');
      const other = nth % 2 === 0 ? far : client;
      const seen = 4 * (1 + Math.floor(nth / 2));
      await waitFor(() => tail(other.received.bytes).length === seen);
      await new Promise((resolve) => setTimeout(resolve, 80));
    }
    expect(performance.now() - beganMs).toBeGreaterThan(400);
    expect(client.received.incoming).toBe('open');
    await client.incomingEnd();
    await gateway.settled();
  });

  it('of a client that had ended its side before the switch ends with the origin', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    client.write(upgrade);
    client.fin();
    const far = origin.connectionOf(await origin.request());
    far.write(switched);
    expect((await client.readResponse()).status).toBe(101);
    // It is told that nothing more will come from there.
    expect(await far.incomingEnd(1_000)).toBe('fin');
    far.fin('bye');
    expect((await client.readToEnd()).toString()).toBe('bye');
    await gateway.deserted();
  });
});
