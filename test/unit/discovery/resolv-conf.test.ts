import { describe, expect, it } from 'vitest';
import {
  absoluteName,
  candidateNames,
  parseResolvConf,
} from '../../../src/discovery/resolv-conf.ts';

const POD = `
search shop.svc.cluster.local svc.cluster.local cluster.local
nameserver 10.96.0.10
options ndots:5
`;

describe('parseResolvConf', () => {
  it('reads what the kubelet writes into a pod', () => {
    expect(parseResolvConf(POD)).toEqual({
      servers: ['10.96.0.10'],
      search: ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local'],
      ndots: 5,
      timeoutMs: 5_000,
      attempts: 2,
    });
  });

  it("has libc's defaults for an empty file", () => {
    expect(parseResolvConf('')).toEqual({
      servers: ['127.0.0.1'],
      search: [],
      ndots: 1,
      timeoutMs: 5_000,
      attempts: 2,
    });
  });

  it('takes at most three name servers, IPv6 among them, and none that is no address', () => {
    const text =
      'nameserver ns.example.com\nnameserver 10.0.0.1:53\nnameserver 2001:db8::1\nnameserver fe80::1%eth0\n' +
      'nameserver 10.0.0.3 # trailing words do not count\nnameserver 10.0.0.4\n';
    expect(parseResolvConf(text).servers).toEqual(['2001:db8::1', 'fe80::1%eth0', '10.0.0.3']);
  });

  it('lets the last of domain and search hold', () => {
    expect(parseResolvConf('domain a.test\nsearch b.test c.test\n').search).toEqual([
      'b.test',
      'c.test',
    ]);
    expect(parseResolvConf('search b.test c.test\ndomain a.test ignored\n').search).toEqual([
      'a.test',
    ]);
    expect(parseResolvConf('search b.test\nsearch \n').search).toEqual(['b.test']);
  });

  it("falls back to the host name's domain, and only then", () => {
    expect(parseResolvConf('', 'web-0.shop.test').search).toEqual(['shop.test']);
    expect(parseResolvConf('', 'web-0').search).toEqual([]);
    expect(parseResolvConf('search b.test', 'web-0.shop.test').search).toEqual(['b.test']);
  });

  it('passes over comments, words it does not know and keywords that do not begin the line', () => {
    const text =
      '# search a.test\n; search a.test\n search a.test\nsortlist 10.0.0.0\nsearching a.test\nnameserver\n';
    expect(parseResolvConf(text)).toEqual(parseResolvConf(''));
  });

  it('reads options over several lines, and keeps them within the bounds of libc', () => {
    const of = (text: string) => {
      const { ndots, timeoutMs, attempts } = parseResolvConf(text);
      return { ndots, timeoutMs, attempts };
    };
    expect(of('options rotate ndots:2\noptions timeout:3\tattempts:4 edns0\n')).toEqual({
      ndots: 2,
      timeoutMs: 3_000,
      attempts: 4,
    });
    expect(of('options ndots:99 timeout:99 attempts:99')).toEqual({
      ndots: 15,
      timeoutMs: 30_000,
      attempts: 5,
    });
    expect(of('options ndots:0 timeout:0 attempts:0')).toEqual({
      ndots: 0,
      timeoutMs: 1_000,
      attempts: 1,
    });
    expect(of('options ndots:many')).toEqual({ ndots: 0, timeoutMs: 5_000, attempts: 2 });
  });

  it('takes lines that end in CRLF, and domains with dots at their ends', () => {
    const conf = parseResolvConf('search a.test. .b.test .\r\nnameserver 10.0.0.1\r\n');
    expect(conf.search).toEqual(['a.test', 'b.test', '']);
    expect(conf.servers).toEqual(['10.0.0.1']);
  });
});

describe('candidateNames', () => {
  const conf = parseResolvConf(POD);

  it('searches first with fewer dots than ndots, and ends with the name as it stands', () => {
    expect(candidateNames('api', conf)).toEqual([
      'api.shop.svc.cluster.local',
      'api.svc.cluster.local',
      'api.cluster.local',
      'api',
    ]);
    expect(candidateNames('api.example.com', conf).at(-1)).toBe('api.example.com');
  });

  it('asks for the name as it stands first with as many dots as ndots, then searches', () => {
    const names = candidateNames('a.b.c.d.e.f', conf);
    expect(names[0]).toBe('a.b.c.d.e.f');
    expect(names[1]).toBe('a.b.c.d.e.f.shop.svc.cluster.local');
    expect(names).toHaveLength(4);
    expect(candidateNames('a.test', { ...conf, ndots: 1 })[0]).toBe('a.test');
    expect(candidateNames('a', { ...conf, ndots: 0 })[0]).toBe('a');
  });

  it('asks for nothing else when the name ends in a dot', () => {
    expect(candidateNames('api.', conf)).toEqual(['api']);
    expect(absoluteName('api.')).toBe('api');
    expect(absoluteName('api')).toBe('api');
  });

  it('takes a root in the search list for the name as it stands, once', () => {
    expect(candidateNames('api', parseResolvConf('search a.test . b.test'))).toEqual([
      'api.a.test',
      'api',
      'api.b.test',
    ]);
  });

  it('leaves out what is too long for DNS', () => {
    const long = `${'x'.repeat(60)}.`.repeat(4).slice(0, -1);
    expect(candidateNames(long, { ...conf, ndots: 9 })).toEqual([long]);
  });
});
