/** Twenty seconds of clients of all kinds, well-behaved or not: what they used is given back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { memory } from '../../bench/process-figures.ts';
import type { RunningGateway } from '../../support/gateway.ts';
import { connectRawClient } from '../../support/raw-client.ts';
import { waitFor } from '../../support/wait-for.ts';
import { openFiles } from './process-view.ts';
import { endLater, gatewayForTest, loadForTest, originForTest } from './scene.ts';

const soakMs = 20_000;

/** Clients that go away in the middle of things, one after the other. */
class Rude {
  readonly #port: number;
  readonly #running: Promise<void>;
  #isStopping = false;
  count = 0;

  constructor(port: number) {
    this.#port = port;
    this.#running = this.#run();
  }

  stop(): Promise<void> {
    this.#isStopping = true;
    return this.#running;
  }

  async #run(): Promise<void> {
    const beginnings = [
      '',
      'GET /o',
      'GET /ok HTTP/1.1\r\nHost: local\r\n\r\n',
      'GET /slow?ms=200 HTTP/1.1\r\nHost: local\r\n\r\n',
      'GET /size/10m HTTP/1.1\r\nHost: local\r\n\r\n',
      'GET /drip?ms=20 HTTP/1.1\r\nHost: local\r\n\r\n',
      'POST /echo HTTP/1.1\r\nHost: local\r\nContent-Length: 1000\r\n\r\nhalf of it',
      'POST /echo HTTP/1.1\r\nHost: local\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf',
      'BREW / HTTP/1.1\r\nHost : local\r\n\r\n',
      'GET /ws HTTP/1.1\r\nHost: local\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    ];
    while (!this.#isStopping) {
      const client = await connectRawClient(this.#port);
      client.write(beginnings[this.count % beginnings.length] ?? '');
      await sleep(20);
      if (this.count % 3 === 0) client.close();
      else client.reset();
      this.count += 1;
    }
  }
}

async function figures(gateway: RunningGateway) {
  const metrics = ['connections', 'waiting'].map((name) =>
    gateway.metric(`sidepool_upstream_${name}`),
  );
  const [connections = 0, waiting = 0] = await Promise.all(metrics);
  const clients = await gateway.metric('sidepool_client_connections');
  // The connections on which these were asked for are still being closed.
  await sleep(200);
  const open = openFiles(gateway.pid);
  const sockets = open.filter((file) => file.startsWith('socket:')).length;
  return { connections, waiting, clients, sockets, others: open.length - sockets };
}

it('descriptors, pools and memory are where they were', async () => {
  const origin = await originForTest();
  const pool = { warm: 4, warmMax: 4, idleTimeout: '3s' };
  const gateway = await gatewayForTest({ upstreams: { api: { url: origin.url, pool } } });
  const clients = () => {
    const rude = new Rude(gateway.port);
    endLater(() => rude.stop());
    return { load: loadForTest({ port: gateway.port, perSecond: 100 }), rude };
  };
  const settled = () =>
    waitFor(
      async () => {
        const now = await figures(gateway);
        return now.clients === 0 && now.connections === 4 && now.waiting === 0 && now;
      },
      { timeoutMs: 15_000, everyMs: 100, what: () => JSON.stringify(openFiles(gateway.pid)) },
    );
  const soak = async (forMs: number) => {
    const { load, rude } = clients();
    await sleep(forMs);
    await rude.stop();
    return { tally: await load.stop(), rudeOnes: rude.count };
  };

  // What is loaded and compiled on first use is no leak.
  await soak(6_000);
  const before = await settled();
  const anonymousBefore = memory(gateway.pid).anonymousKiB;
  const { tally, rudeOnes } = await soak(soakMs - 6_000);
  await settled();
  const grownKiB = memory(gateway.pid).anonymousKiB - anonymousBefore;
  const { oneRequest, keepAlive, uploads, downloads } = tally.done;
  console.log(
    `soak: ${oneRequest} one-request, ${keepAlive} keep-alive, ${uploads} uploads, ${downloads} downloads, ` +
      `${rudeOnes} rude ones; anonymous memory ${anonymousBefore} KiB before and ${grownKiB} KiB more after`,
  );
  expect(tally.failures).toEqual([]);
  expect(oneRequest).toBeGreaterThan(800);
  expect(rudeOnes).toBeGreaterThan(200);
  await expect.poll(() => figures(gateway), { timeout: 5_000 }).toEqual(before);
  expect(grownKiB).toBeLessThan(12 * 1024);
}, 90_000);
