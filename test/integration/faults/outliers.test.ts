/** Endpoints that take connections and answer badly: what that costs callers, with and without putting them aside. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Upstream } from '../../../src/upstream/upstream.ts';
import type { InProcessGateway } from '../../support/in-process-gateway.ts';
import {
  type RawOrigin,
  type RawOriginConnection,
  type RawRequest,
  response,
} from '../../support/raw-origin.ts';
import { waitFor } from '../../support/wait-for.ts';
import { detailsOf, get, post, scene } from './scene.ts';

const on = scene();

/** What an origin does with a request. */
type Manner = (connection: RawOriginConnection, request: RawRequest) => void;

const answers: Manner = (connection) => connection.write(response());
const status = (line: string): Manner => {
  return (connection) => connection.write(response('no', { status: line }));
};
const manners = {
  'answers 503': status('503 Service Unavailable'),
  'answers 500': status('500 Internal Server Error'),
  resets: (connection: RawOriginConnection) => connection.reset(),
  hangs: () => undefined,
  'cuts its head short': (connection: RawOriginConnection) => connection.fin('HTTP/1.1 200 O'),
} satisfies Record<string, Manner>;

class Endpoint {
  manner: Manner = answers;
  readonly origin: RawOrigin;

  private constructor(origin: RawOrigin) {
    this.origin = origin;
  }

  static async start(host: string): Promise<Endpoint> {
    const made: { endpoint?: Endpoint } = {};
    const origin = await on.origin({
      host,
      onRequest: (request, connection) => made.endpoint?.manner(connection, request),
    });
    made.endpoint = new Endpoint(origin);
    return made.endpoint;
  }

  get asked(): number {
    return this.origin.requests.length;
  }
}

/** The gateway of a test has one upstream, to which more endpoints are given than its own address. */
const given = vi.spyOn(Upstream.prototype, 'setEndpoints');
beforeEach(() => {
  given.mockClear();
});

async function gatewayFor(
  endpoints: readonly Endpoint[],
  upstream: Parameters<typeof on.gateway>[1] = {},
): Promise<InProcessGateway> {
  const [first] = endpoints as [Endpoint];
  const gateway = await on.gateway(first.origin, {
    pool: { warm: 1, warmMax: 8 },
    timeouts: { firstByte: '150ms' },
    ...upstream,
  });
  const addresses = endpoints.map(({ origin }) => ({ ip: origin.host, port: origin.port }));
  (given.mock.contexts[0] as Upstream).setEndpoints(addresses);
  return gateway;
}

function threeEndpoints(): Promise<Endpoint[]> {
  return Promise.all(['127.0.0.1', '127.0.0.2', '127.0.0.3'].map((host) => Endpoint.start(host)));
}

/** Requests without a pause by several clients until told to stop. Counts what they got. */
function load(gateway: InProcessGateway, { clients = 8, request = () => get() } = {}) {
  let isOver = false;
  const got: number[] = [];
  const run = async (): Promise<void> => {
    while (!isOver) {
      const client = await on.client(gateway);
      let isKept = true;
      while (isKept && !isOver) {
        const answer = await client.exchange(request(), { timeoutMs: 8_000 });
        got.push(answer.status);
        isKept = answer.fields.get('connection')?.[0] !== 'close';
      }
      client.close();
    }
  };
  const all = Promise.all(Array.from({ length: clients }, run));
  return {
    /** The statuses of the next so many. */
    async next(count: number): Promise<number[]> {
      const from = got.length;
      await waitFor(() => got.length >= from + count, { everyMs: 2, timeoutMs: 20_000 });
      return got.slice(from, from + count);
    },
    async stop(): Promise<void> {
      isOver = true;
      await all;
    },
  };
}

const failed = (statuses: readonly number[]) => statuses.filter((one) => one !== 200).length;

function stateOf(gateway: InProcessGateway, { origin }: Endpoint): string | undefined {
  const address = `${origin.host}:${origin.port}`;
  const endpoints = gateway.upstreams[0]?.endpoints ?? [];
  return endpoints.find((one) => one.address === address)?.health?.state;
}

const isIdle = ({ state }: { readonly state: string }) => state === 'idle';

/** For as long as a test may last. */
const long = { baseEjection: '5m' };

describe.each(Object.entries(manners))('one of three endpoints %s', (_, manner) => {
  it('is put aside: nobody sees it from then on', async () => {
    const endpoints = await threeEndpoints();
    const [bad] = endpoints as [Endpoint];
    const gateway = await gatewayFor(endpoints, { outliers: long });
    const traffic = load(gateway, { request: () => post() });
    await waitFor(() => endpoints.every(({ asked }) => asked > 10));
    bad.manner = manner;
    await waitFor(() => stateOf(gateway, bad) === 'ejected', { timeoutMs: 20_000 });
    // Those that were under way at that moment come first.
    await waitFor(() => gateway.upstreams[0]?.endpoints[0]?.connections.every(isIdle));
    await traffic.next(16);
    const asked = bad.asked;
    expect(failed(await traffic.next(300))).toBe(0);
    await traffic.stop();
    expect(bad.asked).toBe(asked);
    expect(gateway.told.health.filter(({ to }) => to === 'ejected')).toHaveLength(1);
    expect(await gateway.metric('sidepool_upstream_ejections_total')).toBe(1);
    expect(await gateway.metric('sidepool_upstream_endpoint_health', { state: 'ejected' })).toBe(1);
    expect(await gateway.metric('sidepool_upstream_endpoint_health', { state: 'healthy' })).toBe(2);
    expect(gateway.log.match(/"event":"endpoint-ejected"/g)).toHaveLength(1);
  });
});

describe('an endpoint that fails alone', () => {
  it('without outliers goes on costing its share of the requests', async () => {
    const endpoints = await threeEndpoints();
    const [bad] = endpoints as [Endpoint];
    const gateway = await gatewayFor(endpoints, { outliers: 'off' });
    const traffic = load(gateway);
    await waitFor(() => endpoints.every(({ asked }) => asked > 10));
    bad.manner = manners['answers 503'];
    await traffic.next(60);
    // A third, more or less: it answers at once, so that it is free more often than the others.
    expect(failed(await traffic.next(300))).toBeGreaterThan(50);
    await traffic.stop();
    expect(gateway.told.health).toEqual([]);
  });

  it('is used again when it answers well, after trials that cost at most one request each', async () => {
    const endpoints = await threeEndpoints();
    const [bad] = endpoints as [Endpoint];
    const gateway = await gatewayFor(endpoints, {
      outliers: { baseEjection: '100ms', maxEjection: '150ms' },
    });
    const traffic = load(gateway);
    bad.manner = manners['answers 503'];
    const trialsFailed = () =>
      gateway.told.health.filter(({ ejectedFor }) => ejectedFor === 'trial-failed').length;
    await waitFor(() => trialsFailed() >= 2, { timeoutMs: 20_000 });
    // From one trial to the next but one: two ejections, two requests.
    const [asked, trials] = [bad.asked, trialsFailed()];
    await waitFor(() => trialsFailed() >= trials + 2, { timeoutMs: 20_000 });
    expect(bad.asked - asked).toBeLessThanOrEqual(trialsFailed() - trials + 1);
    bad.manner = answers;
    await waitFor(() => stateOf(gateway, bad) === 'healthy', { timeoutMs: 20_000 });
    const before = bad.asked;
    expect(failed(await traffic.next(200))).toBe(0);
    expect(bad.asked - before).toBeGreaterThan(20);
    await traffic.stop();
    const told = gateway.told.health.map(({ to }) => to);
    expect(told.slice(-2)).toEqual(['probation', 'healthy']);
    expect(gateway.log).toContain('"event":"endpoint-ejected"');
  });

  it('that answers 500 like all the others is left alone: it is what was asked', async () => {
    const endpoints = await threeEndpoints();
    const gateway = await gatewayFor(endpoints);
    const traffic = load(gateway);
    // From the first request on: nothing shifts meanwhile.
    for (const each of endpoints) each.manner = manners['answers 500'];
    expect(failed(await traffic.next(600))).toBeGreaterThan(500);
    await traffic.stop();
    expect(gateway.told.health).toEqual([]);
  });
});

describe('when all endpoints fail', () => {
  it('all are used: that is panic, and it is over when they answer well', async () => {
    const endpoints = await threeEndpoints();
    const gateway = await gatewayFor(endpoints, { outliers: long });
    const traffic = load(gateway);
    for (const each of endpoints) each.manner = manners['answers 503'];
    await waitFor(() => gateway.upstreams[0]?.isPanic === true, { timeoutMs: 20_000 });
    expect(await gateway.metric('sidepool_upstream_panic')).toBe(1);
    const asked = endpoints.map((each) => each.asked);
    await waitFor(() => endpoints.every((each, nth) => each.asked > (asked[nth] as number) + 5), {
      timeoutMs: 20_000,
    });
    for (const each of endpoints) each.manner = answers;
    await waitFor(() => gateway.upstreams[0]?.isPanic === false, { timeoutMs: 20_000 });
    await traffic.next(12);
    expect(failed(await traffic.next(100))).toBe(0);
    await traffic.stop();
    expect(gateway.told.panics).toEqual([true, false]);
    expect(gateway.log).toContain('"event":"panic-began"');
    expect(await gateway.metric('sidepool_upstream_panics_total')).toBe(1);
  });
});

describe('one endpoint', () => {
  it('that fails is used all the same, and nobody is refused', async () => {
    const only = await Endpoint.start('127.0.0.1');
    const gateway = await gatewayFor([only]);
    only.manner = manners['answers 503'];
    const traffic = load(gateway);
    await waitFor(() => stateOf(gateway, only) === 'failing', { timeoutMs: 20_000 });
    const asked = only.asked;
    await traffic.next(50);
    only.manner = answers;
    await waitFor(() => stateOf(gateway, only) === 'healthy', { timeoutMs: 20_000 });
    await traffic.stop();
    expect(only.asked - asked).toBeGreaterThanOrEqual(50);
    expect(gateway.told.faults).toEqual([]);
  });

  it('with a breaker: requests get 503 at once while it is open, and are let in when it answers', async () => {
    const only = await Endpoint.start('127.0.0.1');
    const gateway = await gatewayFor([only], {
      breaker: { baseOpen: '2s', maxOpen: '2s' },
    });
    only.manner = manners['answers 503'];
    const traffic = load(gateway);
    await waitFor(() => gateway.told.breaker.length > 0, { timeoutMs: 20_000 });
    await traffic.stop();
    const askOnce = async (request: string) => {
      const client = await on.client(gateway);
      const answer = await client.exchange(request);
      client.close();
      return answer;
    };
    const asked = only.asked;
    const refused = await askOnce(post());
    expect(refused.status).toBe(503);
    expect(only.asked).toBe(asked);
    expect(detailsOf(refused)).toBe('not-sent');
    expect(refused.fields.get('proxy-status')?.[0]).toContain('error=destination_unavailable');
    expect(['1', '2', '3']).toContain(refused.fields.get('retry-after')?.[0]);
    expect(refused.body.toString()).toContain('The breaker of upstream "origin" is open');
    expect(gateway.told.faults.at(-1)).toMatchObject({ kind: 'breaker-open', side: 'gateway' });
    expect(await gateway.metric('sidepool_upstream_breaker_open')).toBe(1);
    expect(await gateway.metric('sidepool_upstream_shed_total')).toBeGreaterThan(0);
    only.manner = answers;
    await waitFor(async () => (await askOnce(get())).status === 200, {
      everyMs: 50,
      timeoutMs: 20_000,
    });
    for (let i = 0; i < 10; i += 1) expect((await askOnce(get())).status).toBe(200);
    expect(gateway.told.breaker.map(({ to }) => to)).toEqual(['open', 'probation', 'closed']);
    expect(await gateway.metric('sidepool_upstream_breaker_open')).toBe(0);
  });

  it('with a breaker, that restarts: it is waited out, and nobody is refused', async () => {
    const only = await Endpoint.start('127.0.0.1');
    const gateway = await gatewayFor([only], { breaker: { consecutiveFailures: 2 } });
    const traffic = load(gateway, { clients: 6 });
    await traffic.next(50);
    for (let round = 0; round < 2; round += 1) {
      await only.origin.refuse();
      for (const connection of only.origin.open) connection.reset();
      const before = gateway.told.dialsFailed;
      await waitFor(() => gateway.told.dialsFailed > before + 3);
      await only.origin.accept();
      expect(failed(await traffic.next(50))).toBe(0);
    }
    await traffic.stop();
    expect(gateway.told.breaker).toEqual([]);
    expect(await gateway.metric('sidepool_upstream_shed_total')).toBe(0);
  });
});
