/** The upstream goes away and comes back, or moves: what that costs. */
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { TimerWheel } from '../../../src/base/timer-wheel.ts';
import { dnsDiscovery } from '../../../src/discovery/dns-discovery.ts';
import { nodeResolver } from '../../../src/discovery/node-resolver.ts';
import { Upstream } from '../../../src/upstream/upstream.ts';
import { DnsServer } from '../../support/dns-server.ts';
import type { InProcessGateway } from '../../support/in-process-gateway.ts';
import { alwaysAnswer, type RawOriginConnection, response } from '../../support/raw-origin.ts';
import { waitFor } from '../../support/wait-for.ts';
import { detailsOf, get, post, scene } from './scene.ts';

const on = scene();

/** Requests without a pause by several clients until told to stop. Gives what was not 200, by request. */
function load(gateway: InProcessGateway, { clients = 4, posts = 0 } = {}) {
  let isOver = false;
  let done = 0;
  const failures: string[] = [];
  const run = async (name: number): Promise<void> => {
    const client = await on.client(gateway);
    for (let nth = 0; !isOver; nth += 1) {
      const isPost = name < posts;
      const request = isPost ? post(`${name}-${nth}`) : get(`/${name}-${nth}`);
      const answer = await client.exchange(request, { timeoutMs: 8_000 });
      done += 1;
      if (answer.status === 200) continue;
      failures.push(`${request.split(' ', 1)[0]} ${answer.status} ${detailsOf(answer)}`);
    }
  };
  const all = Promise.all(Array.from({ length: clients }, (_, name) => run(name)));
  return {
    get done() {
      return done;
    },
    /** Waits for so many more. */
    async more(count: number): Promise<void> {
      const wanted = done + count;
      await waitFor(() => done >= wanted, { everyMs: 2, timeoutMs: 8_000 });
    },
    async stop(): Promise<readonly string[]> {
      isOver = true;
      await all;
      return failures;
    },
  };
}

describe('an origin that restarts under load', () => {
  for (const how of ['fin', 'reset'] as const) {
    it(`(${how}) costs no GET, and no POST that had not been sent`, async () => {
      const seen: string[] = [];
      let isDying = false;
      const origin = await on.origin({
        onRequest: ({ method, body }, connection) => {
          if (method === 'POST') seen.push(body.toString());
          // A request that reaches a dying server gets nothing.
          if (!isDying) connection.write(response());
        },
      });
      const gateway = await on.gateway(origin, {
        pool: { warm: 2, warmMax: 6, maxConnections: 6 },
      });
      const traffic = load(gateway, { clients: 5, posts: 2 });
      await traffic.more(200);
      for (let round = 0; round < 2; round += 1) {
        await origin.refuse();
        isDying = true;
        for (const connection of origin.open) connection[how]();
        await waitFor(() => gateway.told.dialsFailed > 3);
        isDying = false;
        await origin.accept();
        await traffic.more(200);
        gateway.told.dialsFailed = 0;
      }
      const failures = await traffic.stop();
      // A POST that was on its way when the server died: its caller is told that it may have been seen.
      expect(failures.filter((failure) => failure !== 'POST 502 sent-no-response')).toEqual([]);
      expect(failures.length).toBeLessThan(5);
      expect(new Set(seen).size).toBe(seen.length);
    });
  }

  it('refuses for two seconds: no request fails, of whatever method', async () => {
    const origin = await on.origin({ onRequest: alwaysAnswer() });
    const gateway = await on.gateway(origin);
    await gateway.warm(1);
    await origin.refuse();
    for (const connection of origin.open) connection.fin();
    await gateway.settled();
    const clients = await Promise.all(Array.from({ length: 12 }, () => on.client(gateway)));
    const beganMs = performance.now();
    const answers = clients.map((client, nth) => client.exchange(nth % 2 === 0 ? get() : post()));
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await origin.accept();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(
      new Array(12).fill(200),
    );
    // At the longest the last backoff more.
    expect(performance.now() - beganMs).toBeLessThan(2_000 + 600);
    expect(gateway.told.faults).toEqual([]);
    expect(origin.requests).toHaveLength(12);
  });

  it('stays away: 502 after the wait, then 503 at once, and it is found when it is back', async () => {
    const origin = await on.origin({ onRequest: alwaysAnswer() });
    await origin.refuse();
    const gateway = await on.gateway(origin, { timeouts: { wait: '300ms' } });
    const client = await on.client(gateway);
    const first = await client.exchange(post());
    expect(first.status).toBe(502);
    expect(detailsOf(first)).toBe('not-sent');
    expect(first.body.toString()).toContain('refused the connection');
    await waitFor(() => gateway.upstreams[0]?.isDown === true);
    const beganMs = performance.now();
    const second = await client.exchange(get());
    expect(second.status).toBe(503);
    expect(second.fields.get('retry-after')).toEqual(['1']);
    expect(performance.now() - beganMs).toBeLessThan(100);
    await origin.accept();
    await waitFor(async () => (await client.exchange(get())).status === 200, { everyMs: 50 });
  });
});

describe('an upstream whose name changes its address', () => {
  const name = 'api.faults.test';
  const ends: (() => void | Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });

  /** The upstreams that were given endpoints: the gateway of a test has one. */
  const given = vi.spyOn(Upstream.prototype, 'setEndpoints');
  beforeEach(() => {
    given.mockClear();
  });
  afterAll(() => given.mockRestore());

  /** The name's answers go to the gateway's upstream, in the place of the address that it was configured with. */
  async function follow(port: number, first: string) {
    const upstream = given.mock.contexts[0] as Upstream;
    const dns = await DnsServer.start();
    dns.set(name, { a: [first], ttlSeconds: 0 });
    const wheel = new TimerWheel(systemClock);
    const failures: string[] = [];
    const discovery = dnsDiscovery({
      host: name,
      port,
      clock: systemClock,
      wheel,
      observer: {
        onResolved: () => {},
        onResolveFailed: (cause) => {
          failures.push(cause);
          upstream.onResolveFailed(cause);
        },
      },
      resolver: nodeResolver({ servers: [dns.address], timeoutMs: 200, attempts: 1 }),
      intervals: { leastMs: 50, mostMs: 100, backoffMs: 50, backoffMostMs: 100 },
      reach: () => ({ ipv4: true, ipv6: false, to: () => true }),
    });
    discovery.start((endpoints) => upstream.setEndpoints(endpoints));
    ends.push(
      () => discovery.stop(),
      () => wheel.stop(),
      () => dns.stop(),
    );
    return { dns, failures };
  }

  it('drains the old and uses the new one, and nothing fails under load', async () => {
    const one = await on.origin({ onRequest: alwaysAnswer('one') });
    const other = await on.origin({
      host: '127.0.0.2',
      port: one.port,
      onRequest: alwaysAnswer('other'),
    });
    const gateway = await on.gateway(one, { pool: { warm: 2, warmMax: 4 } });
    const { dns } = await follow(one.port, '127.0.0.1');
    const traffic = load(gateway, { clients: 4, posts: 2 });
    await traffic.more(100);
    expect(other.requests).toEqual([]);
    dns.set(name, { a: ['127.0.0.2'], ttlSeconds: 0 });
    await waitFor(() => other.requests.length > 100);
    const seen = one.requests.length;
    await traffic.more(100);
    expect(one.requests).toHaveLength(seen);
    expect(await traffic.stop()).toEqual([]);
    await gateway.settled();
    expect(gateway.upstreams[0]?.endpoints.map(({ address }) => address)).toEqual([
      `127.0.0.2:${one.port}`,
    ]);
    expect(new Set(gateway.told.closed)).toEqual(new Set(['endpoint-gone']));
  });

  it('lets a long response from the old one come to its end', async () => {
    const one = await on.origin();
    const other = await on.origin({ host: '127.0.0.2', port: one.port, onRequest: alwaysAnswer() });
    const gateway = await on.gateway(one);
    const { dns } = await follow(one.port, '127.0.0.1');
    const client = await on.client(gateway);
    client.write(get());
    const connection = one.connectionOf(await one.request());
    connection.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npart');
    dns.set(name, { a: ['127.0.0.2'], ttlSeconds: 0 });
    await other.connection();
    connection.write('part');
    expect((await client.readResponse()).body.toString()).toBe('partpart');
    expect((await client.exchange(get())).status).toBe(200);
    expect(other.requests).toHaveLength(1);
  });

  it('keeps the last answer while the name cannot be resolved', async () => {
    const one = await on.origin({ onRequest: alwaysAnswer() });
    const gateway = await on.gateway(one);
    const { dns, failures } = await follow(one.port, '127.0.0.1');
    const client = await on.client(gateway);
    for (const how of ['servfail', 'silent', 'refused'] as const) {
      dns.misbehave(name, how);
      const seen = failures.length;
      await waitFor(() => failures.length > seen);
      expect((await client.exchange(post())).status).toBe(200);
    }
    dns.behave(name);
    dns.remove(name);
    const seen = failures.length;
    await waitFor(() => failures.length > seen);
    expect((await client.exchange(get())).status).toBe(200);
    expect(gateway.told.closed).toEqual([]);
  });

  it('with one endpoint of two that refuses: no request fails', async () => {
    const one = await on.origin({
      onRequest: (_, connection: RawOriginConnection) =>
        connection.write(response('', { fields: { Connection: 'close' } })),
    });
    const gateway = await on.gateway(one, { pool: { warm: 2, warmMax: 4 } });
    const { dns } = await follow(one.port, '127.0.0.1');
    dns.set(name, { a: ['127.0.0.1', '127.0.0.3'], ttlSeconds: 0 });
    await waitFor(() => gateway.upstreams[0]?.endpoints.length === 2);
    const traffic = load(gateway, { clients: 3, posts: 1 });
    await traffic.more(150);
    expect(await traffic.stop()).toEqual([]);
    expect(gateway.upstreams[0]?.isDown).toBe(false);
  });
});
