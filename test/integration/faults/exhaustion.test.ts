/** What runs out: descriptors, patience, time to drain. Against the gateway as a program of its own. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort } from '../../support/free-port.ts';
import { startGateway, startGatewayFor } from '../../support/gateway.ts';
import { parseMetrics, sumOf } from '../../support/metrics.ts';
import { startProcess } from '../../support/process.ts';
import { connectRawClient, type RawClient, requestOnce } from '../../support/raw-client.ts';
import { alwaysAnswer, type RawOrigin, startRawOrigin } from '../../support/raw-origin.ts';
import { waitFor } from '../../support/wait-for.ts';
import { get, post } from './scene.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function originFor(...[options]: Parameters<typeof startRawOrigin>): Promise<RawOrigin> {
  const origin = await startRawOrigin(options);
  ends.push(() => origin.close());
  return origin;
}

async function clientFor(port: number): Promise<RawClient> {
  const client = await connectRawClient(port);
  client.socket.on('error', () => {});
  ends.push(() => client.close());
  return client;
}

describe('out of descriptors', () => {
  it('refusals are counted and logged, those who are in are served, and it recovers', async () => {
    const origin = await originFor({ onRequest: alwaysAnswer() });
    const [port, adminPort] = [await freePort(), await freePort()];
    // Through the shell: only it can lower the limit. `exec` leaves one process to end.
    const entry = join(import.meta.dirname, '..', '..', '..', 'cmd', 'sidepool.ts');
    const pairs = `--listen 127.0.0.1:${port} --upstream ${origin.url} --admin 127.0.0.1:${adminPort}`;
    const started = await startProcess({
      command: '/bin/sh',
      args: ['-c', `ulimit -n 60; exec "${process.execPath}" "${entry}" gateway ${pairs}`],
      ready: { kind: 'http', url: `http://127.0.0.1:${adminPort}/readyz` },
      readyTimeoutMs: 15_000,
    });
    ends.push(() => started.stop());
    const first = await clientFor(port);
    expect((await first.exchange(get())).status).toBe(200);
    // In the middle of a request: whoever owes one might give way to those who come.
    first.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab');
    const crowd: RawClient[] = [];
    for (let nth = 0; nth < 90; nth += 1) crowd.push(await clientFor(port));
    const refused = () => crowd.filter(({ received }) => received.incoming !== 'open').length;
    await waitFor(() => refused() > 20);
    // Whoever is in goes on.
    first.write('cd');
    expect((await first.readResponse({ method: 'POST' })).status).toBe(200);
    // And so do the dials for them, though the crowd stays: a new connection to the origin can be had.
    for (const connection of origin.open) connection.fin();
    expect((await first.exchange(get())).status).toBe(200);
    const told = refused();
    for (const client of crowd) client.close();
    const page = await fetch(`http://127.0.0.1:${adminPort}/metrics`);
    const metrics = parseMetrics(await page.text());
    // For want of descriptors; or, if this took a while, for the sake of one that came later.
    expect(sumOf(metrics, 'sidepool_client_refused_total')).toBe(told);
    expect((await requestOnce(port, get())).status).toBe(200);
    expect(started.output()).toMatch(/descriptor|more can be connected/);
  });
});

describe('slow and stuck peers', () => {
  const rssAnonKb = (pid: number): number =>
    Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);

  it('hundreds that drip their heads or take nothing cost little memory, and others are served', async () => {
    const big = Buffer.alloc(50_000_000);
    const origin = await originFor({
      onRequest: ({ target }, connection) => {
        if (target === '/stuck') return;
        if (target === '/big') {
          connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${big.length}\r\n\r\n`);
          connection.write(big);
        } else connection.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      },
    });
    const gateway = await startGatewayFor(origin.url, {
      pool: { maxConnections: 40, warm: 2, warmMax: 4 },
    });
    ends.push(() => gateway.stop(500));
    for (let nth = 0; nth < 200; nth += 1) await requestOnce(gateway.port, get());
    const before = rssAnonKb(gateway.pid);
    const drips: RawClient[] = [];
    for (let nth = 0; nth < 300; nth += 1) {
      const client = await clientFor(gateway.port);
      client.write('GET / HTTP/1.1\r\nHost: a\r\nX: ');
      drips.push(client);
    }
    for (let nth = 0; nth < 15; nth += 1) {
      const client = await clientFor(gateway.port);
      client.write(get('/stuck'));
      const reader = await clientFor(gateway.port);
      reader.stopReading();
      reader.write(get('/big'));
    }
    for (let round = 0; round < 20; round += 1) {
      for (const client of drips) client.write('x'.repeat(40));
      expect((await requestOnce(gateway.port, get())).status).toBe(200);
    }
    const grownKb = rssAnonKb(gateway.pid) - before;
    // 330 clients: a head of 1 KB each, a socket, and 15 responses of at most 80 KB in our hands.
    expect(grownKb).toBeLessThan(24 * 1024);
  });
});

describe('the deadline of a drain', () => {
  it('cuts off what is still under way, and the process ends with 1', async () => {
    const origin = await originFor();
    const gateway = await startGateway({
      upstreams: { origin: { url: origin.url } },
      drain: { quiet: '50ms', deadline: '300ms' },
    });
    ends.push(() => gateway.stop());
    const clients = await Promise.all(Array.from({ length: 5 }, () => clientFor(gateway.port)));
    for (const [nth, client] of clients.entries()) client.write(nth % 2 === 0 ? get() : post());
    await origin.request(2);
    const exit = await gateway.stop(5_000);
    expect(exit).toEqual({ code: 1, signal: null });
    expect(gateway.output()).not.toMatch(/Error|at .*\.ts:\d+/);
    expect(gateway.output()).toContain('"abandoned":5');
    for (const client of clients) await client.incomingEnd();
  });
});
