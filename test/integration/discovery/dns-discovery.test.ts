import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { TimerWheel } from '../../../src/base/timer-wheel.ts';
import { reachOf } from '../../../src/discovery/addresses.ts';
import type { Discovery, EndpointAddress } from '../../../src/discovery/discovery.ts';
import { dnsDiscovery } from '../../../src/discovery/dns-discovery.ts';
import { nodeResolver } from '../../../src/discovery/node-resolver.ts';
import { DnsServer } from '../../support/dns-server.ts';
import { makeTempDir, type TempDir } from '../../support/temp-dir.ts';
import { waitFor } from '../../support/wait-for.ts';

const DUAL = reachOf([
  { address: '10.0.0.9', family: 'IPv4' },
  { address: '2001:db8::9', family: 'IPv6' },
]);

let dns: DnsServer;
let dir: TempDir;
let wheel: TimerWheel;
let discovery: Discovery | null;
let reported: EndpointAddress[][];
let failed: string[];

beforeEach(async () => {
  dns = await DnsServer.start();
  dir = makeTempDir('dns');
  wheel = new TimerWheel(systemClock);
  discovery = null;
  reported = [];
  failed = [];
  writeFileSync(
    dir.file('resolv.conf'),
    'search shop.svc.test svc.test corp.test\noptions ndots:5\n',
  );
});

afterEach(async () => {
  discovery?.stop();
  wheel.stop();
  dir.remove();
  await dns.stop();
});

function discover(host: string): void {
  discovery = dnsDiscovery({
    host,
    port: 8080,
    clock: systemClock,
    wheel,
    observer: { onResolved() {}, onResolveFailed: (cause) => failed.push(cause) },
    files: { hosts: dir.file('hosts'), resolvConf: dir.file('resolv.conf') },
    resolver: nodeResolver({ servers: [dns.address], timeoutMs: 200, attempts: 1 }),
    reach: () => DUAL,
    // TTLs are whole seconds on the wire; the rest of this suite's time is cut short.
    intervals: { leastMs: 100, backoffMs: 50, backoffMostMs: 200 },
  });
  discovery.start((endpoints) => reported.push([...endpoints]));
}

const latest = (): string => (reported.at(-1) ?? []).map((each) => each.ip).join(' ');

const becomes = (ips: string): Promise<unknown> =>
  waitFor(() => latest() === ips, { what: () => `${ips}; have ${latest()}; ${failed.join('; ')}` });

describe('a name in a pod', () => {
  it('is found by its short form, over the search list', async () => {
    dns.set('api.shop.svc.test', { a: ['127.0.0.2', '127.0.0.3'], aaaa: ['::1'] });
    discover('api');
    await becomes('127.0.0.2 127.0.0.3 ::1');
    expect(dns.countOf('api', 'A')).toBe(0);
  });

  it('of the outside is found after the search list, though a domain of it fails', async () => {
    dns.misbehave('api.example.test.corp.test', 'servfail');
    dns.set('api.example.test', { a: ['127.0.0.2'] });
    discover('api.example.test');
    await becomes('127.0.0.2');
    expect(dns.queries.filter((query) => query.type === 'A').map((query) => query.name)).toEqual([
      'api.example.test.shop.svc.test',
      'api.example.test.svc.test',
      'api.example.test.corp.test',
      'api.example.test',
    ]);
  });
});

describe('an answer', () => {
  it('is asked for again when its TTL ends, and not before', async () => {
    dns.set('api', { a: ['127.0.0.2'], ttlSeconds: 1 });
    discover('api.');
    await becomes('127.0.0.2');
    const atMs = performance.now();
    dns.set('api', { a: ['127.0.0.3'], ttlSeconds: 1 });
    await becomes('127.0.0.3');
    expect(performance.now() - atMs).toBeGreaterThan(900);
    expect(dns.countOf('api', 'A')).toBe(2);
  });

  it('is asked for again at a refresh, long before its TTL', async () => {
    dns.set('api', { a: ['127.0.0.2'], ttlSeconds: 3_600 });
    discover('api.');
    await becomes('127.0.0.2');
    dns.set('api', { a: ['127.0.0.2', '127.0.0.3'], ttlSeconds: 3_600 });
    discovery?.refresh();
    await becomes('127.0.0.2 127.0.0.3');
  });

  it.each(['servfail', 'silent', 'refused'] as const)('survives failures: %s', async (how) => {
    dns.set('api', { a: ['127.0.0.2'], ttlSeconds: 0 });
    discover('api.');
    await becomes('127.0.0.2');
    dns.misbehave('api', how);
    await waitFor(() => failed.length >= 2);
    expect(discovery?.snapshot().addresses).toEqual(['127.0.0.2']);
    dns.set('api', { a: ['127.0.0.9'], ttlSeconds: 0 });
    dns.behave('api');
    await becomes('127.0.0.9');
    expect(reported).toHaveLength(2);
  });

  it('survives its name: an upstream that is deleted keeps its endpoints', async () => {
    dns.set('api', { a: ['127.0.0.2'], ttlSeconds: 0 });
    discover('api.');
    await becomes('127.0.0.2');
    dns.remove('api');
    await waitFor(() => failed.length >= 2);
    expect(discovery?.snapshot().addresses).toEqual(['127.0.0.2']);
  });

  it('comes late, when the name does not exist at first', async () => {
    discover('api.');
    await waitFor(() => failed.length >= 2);
    dns.set('api', { a: ['127.0.0.2'] });
    await becomes('127.0.0.2');
  });
});

describe('the process', () => {
  /** Runs a discovery in a process of its own, which ends when nothing keeps it alive. */
  async function run(afterStart: string): Promise<{ out: string; code: number }> {
    const src = (path: string): string =>
      JSON.stringify(fileURLToPath(new URL(`../../../src/${path}`, import.meta.url)));
    const script = `
      const { systemClock } = await import(${src('base/clock.ts')});
      const { TimerWheel } = await import(${src('base/timer-wheel.ts')});
      const { dnsDiscovery } = await import(${src('discovery/dns-discovery.ts')});
      const { nodeResolver } = await import(${src('discovery/node-resolver.ts')});
      const discovery = dnsDiscovery({
        host: 'api.', port: 80, clock: systemClock, wheel: new TimerWheel(systemClock),
        observer: { onResolved() {}, onResolveFailed() {} },
        files: { hosts: '/nonexistent', resolvConf: '/nonexistent' },
        resolver: nodeResolver({ servers: ['${dns.address}'], timeoutMs: 15_000, attempts: 3 }),
      });
      discovery.start((endpoints) => console.log(endpoints[0].ip));
      ${afterStart}`;
    const child = execFile(
      process.execPath,
      ['--input-type=module', '-e', script],
      { timeout: 10_000 },
      () => {},
    );
    let out = '';
    child.stdout?.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr?.pipe(process.stderr);
    const [code] = await once(child, 'close');
    return { out: out.trim(), code };
  }

  it('ends while an answer is in force', async () => {
    dns.set('api', { a: ['127.0.0.2'], ttlSeconds: 3_600 });
    expect(await run('')).toEqual({ out: '127.0.0.2', code: 0 });
  });

  it('ends at a stop, though a name server is silent', async () => {
    dns.misbehave('api', 'silent');
    const stop = `setTimeout(() => discovery.stop(), 300);`;
    expect(await run(stop)).toEqual({ out: '', code: 0 });
  });
});
