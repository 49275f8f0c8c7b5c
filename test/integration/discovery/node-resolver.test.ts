import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NodeResolverOptions, nodeResolver } from '../../../src/discovery/node-resolver.ts';
import { DnsServer } from '../../support/dns-server.ts';
import { waitFor } from '../../support/wait-for.ts';

let first: DnsServer;
let second: DnsServer;

beforeEach(async () => {
  [first, second] = await Promise.all([DnsServer.start(), DnsServer.start()]);
});

afterEach(async () => {
  await Promise.all([first.stop(), second.stop()]);
});

function resolver(rest: Partial<NodeResolverOptions> = {}) {
  return nodeResolver({ servers: [first.address], timeoutMs: 300, attempts: 1, ...rest });
}

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

it('gives the addresses of a family with their TTL', async () => {
  first.set('api.test', {
    a: ['127.0.0.2', '127.0.0.3'],
    aaaa: ['::1', '2001:db8::a:1'],
    ttlSeconds: 7,
  });
  expect(await resolver().resolve4('api.test')).toEqual([
    { address: '127.0.0.2', ttl: 7 },
    { address: '127.0.0.3', ttl: 7 },
  ]);
  expect(await resolver().resolve6('api.test')).toEqual([
    { address: '::1', ttl: 7 },
    { address: '2001:db8::a:1', ttl: 7 },
  ]);
});

it('asks each time anew: it is the discovery that minds the TTL', async () => {
  const names = resolver();
  first.set('api.test', { a: ['127.0.0.2'], ttlSeconds: 3_600 });
  expect(await names.resolve4('api.test')).toMatchObject([{ address: '127.0.0.2' }]);
  first.set('api.test', { a: ['127.0.0.3'], ttlSeconds: 3_600 });
  expect(await names.resolve4('api.test')).toMatchObject([{ address: '127.0.0.3' }]);
});

it('adds no search domain: the walk over them is not its work', async () => {
  expect(await resolver().resolve4('api').catch(codeOf)).toBe('ENOTFOUND');
  expect(first.queries).toEqual([{ name: 'api', type: 'A' }]);
});

describe('an answer that says no', () => {
  it('is final: NXDOMAIN and NODATA ask no other server', async () => {
    const names = resolver({ servers: [first.address, second.address], attempts: 2 });
    second.set('api.test', { a: ['127.0.0.2'] });
    expect(await names.resolve4('api.test').catch(codeOf)).toBe('ENOTFOUND');
    first.set('api.test', { aaaa: ['::1'] });
    expect(await names.resolve4('api.test').catch(codeOf)).toBe('ENODATA');
    expect(second.queries).toEqual([]);
  });
});

describe('a server that fails', () => {
  it.each(['servfail', 'refused', 'notimp', 'silent'] as const)(
    'gives way to the next: %s',
    async (how) => {
      first.misbehave('api.test', how);
      second.set('api.test', { a: ['127.0.0.2'] });
      const names = resolver({ servers: [first.address, second.address] });
      expect(await names.resolve4('api.test')).toMatchObject([{ address: '127.0.0.2' }]);
    },
  );

  it('gives way when it is not there', async () => {
    second.set('api.test', { a: ['127.0.0.2'] });
    const gone = await DnsServer.start();
    const { address } = gone;
    await gone.stop();
    const names = resolver({ servers: [address, second.address] });
    expect(await names.resolve4('api.test')).toMatchObject([{ address: '127.0.0.2' }]);
    expect(
      await resolver({ servers: [address] })
        .resolve4('api.test')
        .catch(codeOf),
    ).toBe('ECONNREFUSED');
  });

  it('is asked as often as there are attempts, the list in its order', async () => {
    first.misbehave('api.test', 'servfail');
    second.misbehave('api.test', 'refused');
    const names = resolver({ servers: [first.address, second.address], attempts: 3 });
    expect(await names.resolve4('api.test').catch(codeOf)).toBe('EREFUSED');
    expect([first.queries.length, second.queries.length]).toEqual([3, 3]);
  });

  it('is not waited for longer than the timeout allows', async () => {
    first.misbehave('api.test', 'silent');
    const from = performance.now();
    expect(await resolver({ attempts: 2 }).resolve4('api.test').catch(codeOf)).toBe('ETIMEOUT');
    const tookMs = performance.now() - from;
    expect(tookMs).toBeGreaterThan(550);
    // Node looks at its resolver's timeouts in steps, and may see one a step late (nodejs/node#65340).
    expect(tookMs).toBeLessThan(2_500);
  });
});

it('has as much patience after quick answers as before them', async () => {
  // A c-ares channel that has seen a few answers come quickly gives up on a slow one long before its timeout.
  const names = resolver({ timeoutMs: 5_000 });
  for (let i = 0; i < 8; i += 1) await names.resolve4('no.test').catch(codeOf);
  first.set('slow.test', { a: ['127.0.0.2'], delayMs: 1_700 });
  expect(await names.resolve4('slow.test')).toMatchObject([{ address: '127.0.0.2' }]);
  expect(first.countOf('slow.test', 'A')).toBe(1);
});

it('is cancelled, whichever try it has come to', async () => {
  first.misbehave('api.test', 'silent');
  const names = resolver({ timeoutMs: 10_000, attempts: 5 });
  const answer = names.resolve4('api.test').catch(codeOf);
  await waitFor(() => first.queries.length === 1);
  names.cancel();
  expect(await answer).toBe('ECANCELLED');
  expect(first.queries).toHaveLength(1);
});
