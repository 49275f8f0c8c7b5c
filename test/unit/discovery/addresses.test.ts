import { describe, expect, it } from 'vitest';
import {
  canonicalIp,
  isLocalhostName,
  preferReachable,
  reachNow,
  reachOf,
} from '../../../src/discovery/addresses.ts';

const lo4 = { address: '127.0.0.1', family: 'IPv4' };
const lo6 = { address: '::1', family: 'IPv6' };
const eth4 = { address: '10.1.2.3', family: 'IPv4' };
const eth6 = { address: '2001:db8::3', family: 'IPv6' };
const link6 = { address: 'fe80::1', family: 'IPv6' };

describe('reachOf', () => {
  it('reaches both families from a host that has both', () => {
    const reach = reachOf([lo4, lo6, eth4, eth6]);
    expect([reach.ipv4, reach.ipv6]).toEqual([true, true]);
    expect(reach.to('192.0.2.1') && reach.to('2001:db8::9')).toBe(true);
  });

  it('does not take a link-local address for IPv6', () => {
    const reach = reachOf([lo4, lo6, eth4, link6]);
    expect([reach.ipv4, reach.ipv6]).toEqual([true, false]);
    expect(reach.to('2001:db8::9')).toBe(false);
    expect(reach.to('::1')).toBe(true);
    expect(reach.to('fe80::9')).toBe(true);
  });

  it('does not reach ::1 where IPv6 is switched off', () => {
    expect(reachOf([lo4, eth4]).to('::1')).toBe(false);
  });

  it('knows a host that has IPv6 alone', () => {
    const reach = reachOf([lo4, lo6, eth6]);
    expect([reach.ipv4, reach.ipv6]).toEqual([false, true]);
    expect(reach.to('192.0.2.1')).toBe(false);
    expect(reach.to('127.0.0.53')).toBe(true);
  });

  it('can be asked about the interfaces as they are', () => {
    expect(reachNow().to('127.0.0.1')).toBe(true);
  });
});

describe('preferReachable', () => {
  it('leaves out what cannot be reached, unless that is all there is', () => {
    const reach = reachOf([lo4, eth4]);
    expect(preferReachable(['192.0.2.1', '2001:db8::9'], reach)).toEqual(['192.0.2.1']);
    expect(preferReachable(['2001:db8::9'], reach)).toEqual(['2001:db8::9']);
  });
});

describe('canonicalIp', () => {
  it.each([
    ['2001:0DB8::0001', '2001:db8::1'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
    ['192.0.2.1', '192.0.2.1'],
  ])('%s is %s', (ip, canonical) => {
    expect(canonicalIp(ip)).toBe(canonical);
  });
});

describe('isLocalhostName', () => {
  it.each(['localhost', 'LocalHost', 'localhost.', 'api.localhost'])('%s is', (name) => {
    expect(isLocalhostName(name)).toBe(true);
  });

  it.each(['mylocalhost', 'localhost.example.com', 'api'])('%s is not', (name) => {
    expect(isLocalhostName(name)).toBe(false);
  });
});
