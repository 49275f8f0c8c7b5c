import { beforeEach, describe, expect, it } from 'vitest';
import { type Reach, reachOf } from '../../../src/discovery/addresses.ts';
import { candidateNames, parseResolvConf } from '../../../src/discovery/resolv-conf.ts';
import { type SearchResult, search } from '../../../src/discovery/search.ts';
import { FakeResolver } from './fake-resolver.ts';

const CONF = parseResolvConf('search one.test two.test\noptions ndots:5');
const DUAL = reachOf([
  { address: '10.0.0.9', family: 'IPv4' },
  { address: '2001:db8::9', family: 'IPv6' },
]);
const ONLY4 = reachOf([{ address: '10.0.0.9', family: 'IPv4' }]);
const ONLY6 = reachOf([{ address: '2001:db8::9', family: 'IPv6' }]);

let resolver: FakeResolver;

beforeEach(() => {
  resolver = new FakeResolver();
});

function searchFor(
  name: string,
  rest: { inForce?: string; reach?: Reach; conf?: typeof CONF } = {},
): Promise<SearchResult> {
  const { inForce = null, reach = DUAL, conf = CONF } = rest;
  return search({ candidates: candidateNames(name, conf), asIs: name, inForce, resolver, reach });
}

describe('which candidate', () => {
  it('is the first that has an address, and no further one is asked', async () => {
    resolver.set('api.one.test', { a: ['10.0.0.1'] });
    resolver.set('api', { a: ['10.0.0.2'] });
    expect(await searchFor('api')).toMatchObject({ candidate: 'api.one.test', ipv4: ['10.0.0.1'] });
    expect(resolver.names).toEqual(['api.one.test']);
  });

  it('goes on after NXDOMAIN and after NODATA', async () => {
    resolver.set('api.two.test', {});
    resolver.set('api', { a: ['10.0.0.2'] });
    expect(await searchFor('api')).toMatchObject({ candidate: 'api', ipv4: ['10.0.0.2'] });
    expect(resolver.names).toEqual(['api.one.test', 'api.two.test', 'api']);
  });

  it('goes on after SERVFAIL, as glibc does', async () => {
    resolver.fail('api.one.test', 'ESERVFAIL');
    resolver.set('api.two.test', { a: ['10.0.0.2'] });
    expect(await searchFor('api')).toMatchObject({ candidate: 'api.two.test' });
  });

  it.each(['ETIMEOUT', 'EREFUSED', 'EBADRESP'])(
    'leaves the search list after %s, and still tries the name as it stands',
    async (code) => {
      resolver.fail('api.one.test', code);
      resolver.set('api.two.test', { a: ['10.0.0.2'] });
      resolver.set('api', { a: ['10.0.0.3'] });
      expect(await searchFor('api')).toMatchObject({ candidate: 'api' });
      expect(resolver.names).toEqual(['api.one.test', 'api']);
    },
  );

  it('gives up at once when nobody listens where the name servers should be', async () => {
    resolver.fail('api.one.test', 'ECONNREFUSED');
    resolver.set('api', { a: ['10.0.0.3'] });
    expect(await searchFor('api')).toEqual({
      kind: 'failed',
      cause: 'api.one.test could not be resolved: ECONNREFUSED',
    });
    expect(resolver.names).toEqual(['api.one.test']);
  });

  it('searches on when the name as it stands came first and failed', async () => {
    resolver.fail('a.b', 'ETIMEOUT');
    resolver.set('a.b.two.test', { a: ['10.0.0.2'] });
    const conf = { ...CONF, ndots: 1 };
    expect(await searchFor('a.b', { conf })).toMatchObject({ candidate: 'a.b.two.test' });
  });

  it('takes a name that no query can hold for one that does not exist', async () => {
    resolver.fail('api.one.test', 'EBADNAME');
    resolver.set('api.two.test', { a: ['10.0.0.3'] });
    expect(await searchFor('api')).toMatchObject({ candidate: 'api.two.test' });
  });

  it('fails with the first failure, or else with the names that were asked for', async () => {
    expect(await searchFor('api')).toEqual({
      kind: 'failed',
      cause: 'no such name, or no address for it: asked for api.one.test, api.two.test, api',
    });
    resolver.fail('api.two.test', 'ESERVFAIL');
    expect(await searchFor('api')).toEqual({
      kind: 'failed',
      cause: 'api.two.test could not be resolved: ESERVFAIL',
    });
  });
});

describe('the candidate in force', () => {
  it.each(['ESERVFAIL', 'ETIMEOUT'])('is not left for another because of %s', async (code) => {
    resolver.fail('api.one.test', code);
    resolver.set('api', { a: ['6.6.6.6'] });
    expect(await searchFor('api', { inForce: 'api.one.test' })).toMatchObject({ kind: 'failed' });
    expect(resolver.names).toEqual(['api.one.test']);
  });

  it('is left when it does not exist any more', async () => {
    resolver.set('api', { a: ['10.0.0.3'] });
    expect(await searchFor('api', { inForce: 'api.one.test' })).toMatchObject({ candidate: 'api' });
  });

  it('gives way to one before it', async () => {
    resolver.set('api.one.test', { a: ['10.0.0.1'] });
    resolver.set('api', { a: ['10.0.0.3'] });
    expect(await searchFor('api', { inForce: 'api' })).toMatchObject({ candidate: 'api.one.test' });
  });
});

describe('families', () => {
  it('are both asked, and both taken', async () => {
    resolver.set('api', { a: ['10.0.0.1', '10.0.0.2'], aaaa: ['2001:DB8::1'], ttl: 7 });
    expect(await searchFor('api')).toEqual({
      kind: 'answer',
      candidate: 'api',
      ipv4: ['10.0.0.1', '10.0.0.2'],
      ipv6: ['2001:db8::1'],
      ttlMs: 7_000,
    });
  });

  it('are asked at the same time', async () => {
    resolver.hold();
    const answer = searchFor('api', { conf: parseResolvConf('') });
    expect(resolver.asked).toEqual(['A api', 'AAAA api']);
    resolver.release();
    await answer;
  });

  it('answer for each other, and tell which could not be asked', async () => {
    resolver.set('api.one.test', { a: ['10.0.0.1'], aaaa: 'ESERVFAIL' });
    expect(await searchFor('api')).toMatchObject({ ipv4: ['10.0.0.1'], ipv6: null });
    resolver.set('api.one.test', { a: 'ETIMEOUT', aaaa: ['2001:db8::1'] });
    expect(await searchFor('api')).toMatchObject({ ipv4: null, ipv6: ['2001:db8::1'] });
    resolver.set('api.one.test', { a: ['10.0.0.1'] });
    expect(await searchFor('api')).toMatchObject({ ipv4: ['10.0.0.1'], ipv6: [] });
  });

  it('fail together when one has no data and the other cannot be asked', async () => {
    resolver.set('api', { aaaa: 'ETIMEOUT' });
    expect(await searchFor('api')).toEqual({
      kind: 'failed',
      cause: 'api could not be resolved: ETIMEOUT',
    });
  });

  it.each([
    { a: 'ENOTFOUND', aaaa: 'ETIMEOUT' },
    { a: 'ETIMEOUT', aaaa: 'ENOTFOUND' },
  ])('do not exist when one of them does not: %o', async (zone) => {
    resolver.set('api.one.test', zone);
    resolver.set('api.two.test', { a: ['10.0.0.2'] });
    expect(await searchFor('api')).toMatchObject({ candidate: 'api.two.test' });
  });

  it('end the search list with the worse of two failures', async () => {
    resolver.set('api.one.test', { a: 'ESERVFAIL', aaaa: 'ETIMEOUT' });
    resolver.set('api.two.test', { a: ['10.0.0.2'] });
    expect(await searchFor('api')).toMatchObject({ kind: 'failed' });
    expect(resolver.names).not.toContain('api.two.test');
  });

  it.each([
    { reach: ONLY4, asked: ['A api.one.test'], ipv4: ['10.0.0.1'], ipv6: [] },
    { reach: ONLY6, asked: ['AAAA api.one.test'], ipv4: [], ipv6: ['2001:db8::1'] },
  ])('are asked as far as this host has them: $asked', async ({ reach, asked, ipv4, ipv6 }) => {
    resolver.set('api.one.test', { a: ['10.0.0.1'], aaaa: ['2001:db8::1'] });
    expect(await searchFor('api', { reach })).toMatchObject({ ipv4, ipv6 });
    expect(resolver.asked).toEqual(asked);
  });

  it('are better than none, also where this host has them not', async () => {
    resolver.set('api.one.test', { aaaa: ['2001:db8::1'] });
    expect(await searchFor('api', { reach: ONLY4 })).toMatchObject({ ipv6: ['2001:db8::1'] });
    resolver.set('api.one.test', { a: ['10.0.0.1'] });
    expect(await searchFor('api', { reach: ONLY6 })).toMatchObject({ ipv4: ['10.0.0.1'] });
  });

  it('are both asked on a host that has nothing but loopback', async () => {
    const reach = reachOf([
      { address: '127.0.0.1', family: 'IPv4' },
      { address: '::1', family: 'IPv6' },
    ]);
    resolver.set('api.one.test', { a: ['127.0.0.2'], aaaa: ['::1', '2001:db8::1'] });
    const answer = await searchFor('api', { reach });
    expect(answer).toMatchObject({ ipv4: ['127.0.0.2'], ipv6: ['::1'] });
  });
});
