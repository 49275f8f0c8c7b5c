import { describe, expect, it } from 'vitest';
import { lookUpHosts, parseHostsFile } from '../../../src/discovery/hosts-file.ts';

const HOSTS = parseHostsFile(
  [
    '# Kubernetes-managed hosts file.',
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    '10.1.2.3  web-0.web.shop.svc.cluster.local   Web-0 # the pod itself',
    '10.9.9.9 db',
    '10.9.9.10 db',
    '10.9.9.9 db # again',
    '2001:0DB8:0:0::1 six',
    'not-an-address db',
    '10.0.0.1',
    '#10.0.0.2 hidden',
    '10.0.0.3 windows\r',
  ].join('\n'),
);

describe('parseHostsFile', () => {
  it('knows every name of a line', () => {
    expect(lookUpHosts(HOSTS, 'web-0')).toEqual(['10.1.2.3']);
    expect(lookUpHosts(HOSTS, 'web-0.web.shop.svc.cluster.local')).toEqual(['10.1.2.3']);
    expect(lookUpHosts(HOSTS, 'ip6-loopback')).toEqual(['::1']);
  });

  it('adds up the lines of one name, each address once', () => {
    expect(lookUpHosts(HOSTS, 'localhost')).toEqual(['127.0.0.1', '::1']);
    expect(lookUpHosts(HOSTS, 'db')).toEqual(['10.9.9.9', '10.9.9.10']);
  });

  it('does not care for case, neither in the file nor in the question', () => {
    expect(lookUpHosts(HOSTS, 'WEB-0')).toEqual(['10.1.2.3']);
  });

  it('spells an IPv6 address in one way', () => {
    expect(lookUpHosts(HOSTS, 'six')).toEqual(['2001:db8::1']);
  });

  it('passes over comments, lines without an address and lines without a name', () => {
    expect(lookUpHosts(HOSTS, 'hidden')).toBeUndefined();
    expect(lookUpHosts(HOSTS, 'the')).toBeUndefined();
    expect(lookUpHosts(HOSTS, '#')).toBeUndefined();
    expect(lookUpHosts(HOSTS, 'windows')).toEqual(['10.0.0.3']);
  });

  it('does not confuse a name with what every object has', () => {
    expect(lookUpHosts(HOSTS, 'constructor')).toBeUndefined();
  });
});
