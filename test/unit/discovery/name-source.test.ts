import { utimesSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Reach, reachOf } from '../../../src/discovery/addresses.ts';
import { NameSource } from '../../../src/discovery/name-source.ts';
import { makeTempDir, type TempDir } from '../../support/temp-dir.ts';
import { FakeResolver } from './fake-resolver.ts';

const DUAL = reachOf([
  { address: '10.0.0.9', family: 'IPv4' },
  { address: '2001:db8::9', family: 'IPv6' },
]);

let dir: TempDir;
let resolver: FakeResolver;
let writes = 0;

beforeEach(() => {
  dir = makeTempDir('name-source');
  resolver = new FakeResolver();
});

afterEach(() => dir.remove());

/** Each write has its own mtime, however quickly they follow each other. */
function write(name: 'hosts' | 'resolv.conf', text: string): void {
  writeFileSync(dir.file(name), text);
  writes += 1;
  utimesSync(dir.file(name), writes, writes);
}

function source(host: string, reach: Reach = DUAL): NameSource {
  const files = { hosts: dir.file('hosts'), resolvConf: dir.file('resolv.conf') };
  return new NameSource({ host, files, resolver, reach: () => reach });
}

describe('the hosts file', () => {
  it('comes before the name servers', async () => {
    write('hosts', '10.0.0.1 api\n2001:db8::1 API\n');
    resolver.set('api', { a: ['10.0.0.2'] });
    expect(await source('api').resolve(null)).toEqual({
      kind: 'answer',
      candidate: null,
      ipv4: ['10.0.0.1'],
      ipv6: ['2001:db8::1'],
      ttlMs: Number.POSITIVE_INFINITY,
    });
    expect(resolver.asked).toEqual([]);
  });

  it('is read again when it has changed', async () => {
    resolver.set('api', { a: ['10.0.0.2'] });
    const names = source('api');
    expect(await names.resolve(null)).toMatchObject({ candidate: 'api' });
    write('hosts', '10.0.0.1 api\n');
    expect(await names.resolve(null)).toMatchObject({ candidate: null, ipv4: ['10.0.0.1'] });
    write('hosts', '10.0.0.3 api\n');
    expect(await names.resolve(null)).toMatchObject({ ipv4: ['10.0.0.3'] });
    write('hosts', '');
    expect(await names.resolve(null)).toMatchObject({ candidate: 'api', ipv4: ['10.0.0.2'] });
  });

  it('is not searched with the domains of resolv.conf', async () => {
    write('hosts', '10.0.0.1 api.one.test\n');
    write('resolv.conf', 'search one.test\n');
    resolver.set('api', { a: ['10.0.0.2'] });
    expect(await source('api').resolve(null)).toMatchObject({ candidate: 'api' });
  });

  it("gives no address that this host's families cannot reach", async () => {
    write('hosts', '10.0.0.1 api\n2001:db8::1 api\n');
    const ipv4Only = reachOf([{ address: '10.0.0.9', family: 'IPv4' }]);
    expect(await source('api', ipv4Only).resolve(null)).toMatchObject({
      ipv4: ['10.0.0.1'],
      ipv6: [],
    });
  });
});

describe('localhost', () => {
  it.each(['localhost', 'LOCALHOST.', 'api.localhost'])('%s is loopback', async (host) => {
    resolver.set(host, { a: ['6.6.6.6'] });
    expect(await source(host).resolve(null)).toMatchObject({ ipv4: ['127.0.0.1'], ipv6: ['::1'] });
    expect(resolver.asked).toEqual([]);
  });

  it('is what the hosts file says, if it says something', async () => {
    write('hosts', '127.0.0.1 localhost\n');
    expect(await source('localhost').resolve(null)).toMatchObject({
      ipv4: ['127.0.0.1'],
      ipv6: [],
    });
  });

  it('is 127.0.0.1 alone where IPv6 is switched off', async () => {
    const noIpv6 = reachOf([{ address: '127.0.0.1', family: 'IPv4' }]);
    expect(await source('localhost', noIpv6).resolve(null)).toMatchObject({ ipv6: [] });
  });
});

describe('resolv.conf', () => {
  it('is read again when it has changed', async () => {
    resolver.set('api.one.test', { a: ['10.0.0.1'] });
    resolver.set('api.two.test', { a: ['10.0.0.2'] });
    const names = source('api');
    write('resolv.conf', 'search one.test\n');
    expect(await names.resolve(null)).toMatchObject({ candidate: 'api.one.test' });
    write('resolv.conf', 'search two.test\n');
    expect(await names.resolve(null)).toMatchObject({ candidate: 'api.two.test' });
  });

  it('does not matter for a name that ends in a dot', async () => {
    write('resolv.conf', 'search one.test\n');
    resolver.set('api.one.test', { a: ['10.0.0.1'] });
    resolver.set('api', { a: ['10.0.0.2'] });
    expect(await source('api.').resolve(null)).toMatchObject({ candidate: 'api' });
    expect(resolver.names).toEqual(['api']);
  });
});

it('cancels the resolver that it asks', async () => {
  resolver.hold();
  const names = source('api');
  names.cancel();
  expect(resolver.cancelled).toBe(0);
  const answer = names.resolve(null);
  names.cancel();
  expect(resolver.cancelled).toBe(1);
  resolver.release();
  await answer;
});
