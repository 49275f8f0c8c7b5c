/** One dead upstream costs the others nothing: neither their requests, nor room for their clients and bodies. */
import { afterEach, describe, expect, it } from 'vitest';
import { freePort } from '../../support/free-port.ts';
import type { GatewaySettings } from '../../support/gateway.ts';
import { type InProcessGateway, startInProcessGateway } from '../../support/in-process-gateway.ts';
import { connectRawClient, type RawClient } from '../../support/raw-client.ts';
import {
  type RawOrigin,
  type RawOriginOptions,
  response,
  startRawOrigin,
} from '../../support/raw-origin.ts';
import { waitFor } from '../../support/wait-for.ts';
import { get } from './scene.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function originFor(options: RawOriginOptions): Promise<RawOrigin> {
  const origin = await startRawOrigin(options);
  ends.push(() => origin.close());
  return origin;
}

const MAX_CLIENTS = 200;
const BODY_BYTES = 4_000;

/** A gateway with a live upstream and a dead one, each with its listener. What they share is small. */
async function gatewayFor(
  live: RawOrigin,
  dead: { readonly url: string } & GatewaySettings['upstreams'][string],
): Promise<{ gateway: InProcessGateway; toLive: number; toDead: number }> {
  const [toLive, toDead] = [await freePort(), await freePort()];
  const gateway = await startInProcessGateway({
    log: { level: 'warn' },
    listeners: [
      { upstream: 'live', address: `127.0.0.1:${toLive}` },
      { upstream: 'dead', address: `127.0.0.1:${toDead}` },
    ],
    upstreams: {
      // It speaks HTTP/1.0: a chunked body must be held to be sent at all.
      live: { url: live.url, pool: { warm: 1 } },
      dead: {
        timeouts: { wait: '60s', connect: '60s' },
        ...dead,
        pool: { warm: 1, maxConnections: 8 },
      },
    },
    limits: { maxClients: MAX_CLIENTS, bufferTotal: `${100 * BODY_BYTES}B` },
  });
  ends.push(() => gateway.stop());
  return { gateway, toLive, toDead };
}

async function clientFor(port: number): Promise<RawClient> {
  const client = await connectRawClient(port);
  client.socket.on('error', () => {});
  ends.push(() => client.reset());
  return client;
}

const answer10 = response().replace('HTTP/1.1', 'HTTP/1.0');
const chunkedBegin = `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${BODY_BYTES.toString(16)}\r\n${'x'.repeat(BODY_BYTES)}\r\n`;
const held = `PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY_BYTES}\r\n\r\n${'x'.repeat(BODY_BYTES)}`;

/** What requests of the live upstream's clients get, of new ones and an old one. */
async function ask(toLive: number, old: RawClient): Promise<Set<number>> {
  const got = new Set<number>();
  for (let nth = 0; nth < 20; nth += 1) {
    const fresh = await clientFor(toLive);
    fresh.write(chunkedBegin);
    // Meanwhile it is held, and its upstream has not seen it: it must be whole to be counted.
    got.add((await old.exchange(nth % 2 === 0 ? get() : held)).status);
    fresh.write('1\r\ny\r\n0\r\n\r\n');
    got.add((await fresh.readResponse({ method: 'POST' })).status);
    fresh.close();
  }
  return got;
}

describe.each<[string, () => Promise<{ url: string } & GatewaySettings['upstreams'][string]>]>([
  [
    'accepts and says nothing',
    async () => ({ url: (await originFor({ onRequest: () => undefined })).url }),
  ],
  [
    'accepts and never ends its TLS handshake',
    async () => {
      const { url } = await originFor({ onConnection: () => undefined });
      return { url: url.replace('http:', 'https:') };
    },
  ],
  [
    'refuses connections',
    async () => {
      const origin = await originFor({});
      await origin.refuse();
      return { url: origin.url };
    },
  ],
  ['has a name that nobody knows', async () => ({ url: 'http://nobody.invalid' })],
])('beside an upstream that %s', (_, dead) => {
  it('all requests of the other are answered, though its clients take all they can', async () => {
    const live = await originFor({ onRequest: (_one, connection) => connection.fin(answer10) });
    const { gateway, toLive, toDead } = await gatewayFor(live, await dead());
    const old = await clientFor(toLive);
    // From now on the upstream is known to speak HTTP/1.0.
    expect((await old.exchange(get())).status).toBe(200);
    const crowd: RawClient[] = [];
    for (let nth = 0; nth < MAX_CLIENTS; nth += 1) {
      const client = await clientFor(toDead);
      client.write(held);
      crowd.push(client);
    }
    const refused = () => crowd.filter(({ received }) => received.incoming !== 'open').length;
    // Three quarters of what there is: the rest is left to others.
    await waitFor(() => refused() >= MAX_CLIENTS / 4 - 2, {
      what: () => `refused: ${refused()}, open: ${gateway.openClients}`,
    });
    expect(crowd.length - refused()).toBeGreaterThan(MAX_CLIENTS / 2);
    expect(await ask(toLive, old)).toEqual(new Set([200]));
    expect(
      await gateway.metric('sidepool_client_refused_total', { reason: 'listener-share' }),
    ).toBeGreaterThan(0);
    expect(await gateway.metric('sidepool_client_refused_total', { reason: 'max-clients' })).toBe(
      0,
    );
    expect(await gateway.metric('sidepool_faults_total', { upstream: 'live' })).toBe(0);
    expect(gateway.told.faults.filter(({ kind }) => kind === 'length-required')).toEqual([]);
    // When they have gone there is room again for the dead one's clients as well.
    for (const client of crowd) client.reset();
    await waitFor(() => gateway.openClients <= 2);
    const next = await clientFor(toDead);
    next.write(get());
    await waitFor(() => gateway.activeExchanges === 1);
  });
});
