import { writeFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TimerWheel } from '../../../src/base/timer-wheel.ts';
import { type Reach, reachOf } from '../../../src/discovery/addresses.ts';
import type { Discovery, EndpointAddress } from '../../../src/discovery/discovery.ts';
import { type DnsIntervals, dnsDiscovery } from '../../../src/discovery/dns-discovery.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { makeTempDir, type TempDir } from '../../support/temp-dir.ts';
import { FakeResolver } from './fake-resolver.ts';

const DUAL = reachOf([
  { address: '10.0.0.9', family: 'IPv4' },
  { address: '2001:db8::9', family: 'IPv6' },
]);

/** A deadline is late by one slot of the wheel at most. */
const SLOT_MS = 8;

let dir: TempDir;
let clock: FakeClock;
let wheel: TimerWheel;
let resolver: FakeResolver;
let discovery: Discovery;
let reported: (readonly EndpointAddress[])[];
let resolved: { addresses: number; ttlMs: number; tookMs: number; changed: boolean }[];
let failed: string[];

beforeEach(() => {
  dir = makeTempDir('dns-discovery');
  clock = new FakeClock();
  wheel = new TimerWheel(clock);
  resolver = new FakeResolver();
  reported = [];
  resolved = [];
  failed = [];
});

afterEach(() => {
  discovery.stop();
  dir.remove();
});

async function begin(
  rest: { host?: string; intervals?: Partial<DnsIntervals>; reach?: () => Reach } = {},
): Promise<void> {
  const { host = 'api', intervals = {}, reach = () => DUAL } = rest;
  discovery = dnsDiscovery({
    host,
    port: 8080,
    clock,
    wheel,
    observer: {
      onResolved: (answer) => resolved.push(answer),
      onResolveFailed: (cause) => failed.push(cause),
    },
    files: { hosts: dir.file('hosts'), resolvConf: dir.file('resolv.conf') },
    resolver,
    intervals,
    reach,
  });
  discovery.start((endpoints) => reported.push(endpoints));
  await settled();
}

/** The fake resolver answers within a few microtasks: one turn of the loop sees them all. */
async function settled(): Promise<void> {
  await turn();
}

/** Lets time pass in steps, so that what falls due can be resolved before the next falls due. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 100) {
    clock.advance(Math.min(left, 100));
    await settled();
  }
}

/** How many rounds there were: each asks once for A of the name as it stands. */
function rounds(): number {
  return resolver.asked.filter((each) => each === 'A api').length;
}

/** How long it takes from now to the next round. */
async function untilNextRound(limitMs = 100_000): Promise<number> {
  const before = rounds();
  const fromMs = clock.now();
  while (rounds() === before && clock.now() - fromMs < limitMs) {
    clock.advance(SLOT_MS);
    await settled();
  }
  return clock.now() - fromMs;
}

const ips = (endpoints: readonly EndpointAddress[] | undefined): readonly string[] | undefined =>
  endpoints?.map((each) => each.ip);

describe('an answer', () => {
  it('makes an endpoint of each address, each once', async () => {
    resolver.set('api', { a: ['10.0.0.1', '10.0.0.2', '10.0.0.1'], aaaa: ['2001:db8::1'] });
    await begin();
    expect(reported).toEqual([
      [
        { ip: '10.0.0.1', port: 8080 },
        { ip: '10.0.0.2', port: 8080 },
        { ip: '2001:db8::1', port: 8080 },
      ],
    ]);
    expect(resolved).toEqual([{ addresses: 3, ttlMs: 30_000, tookMs: 0, changed: true }]);
  });

  it('is reported again only when the set of addresses has changed', async () => {
    resolver.set('api', { a: ['10.0.0.1', '10.0.0.2'], ttl: 5 });
    await begin();
    resolver.set('api', { a: ['10.0.0.2', '10.0.0.1'], ttl: 5 });
    await untilNextRound();
    expect(reported).toHaveLength(1);
    resolver.set('api', { a: ['10.0.0.2'], ttl: 5 });
    await untilNextRound();
    resolver.set('api', { a: ['10.0.0.3'], ttl: 5 });
    await untilNextRound();
    expect(reported.map(ips)).toEqual([['10.0.0.1', '10.0.0.2'], ['10.0.0.2'], ['10.0.0.3']]);
    expect(resolved.map((each) => each.changed)).toEqual([true, false, true, true]);
  });

  it.each([
    { ttl: 0, afterMs: 1_000 },
    { ttl: 1, afterMs: 1_000 },
    { ttl: 17, afterMs: 17_000 },
    { ttl: 60, afterMs: 60_000 },
    { ttl: 86_400, afterMs: 60_000 },
  ])('with a TTL of $ttl s is asked for again after $afterMs ms', async ({ ttl, afterMs }) => {
    resolver.set('api', { a: ['10.0.0.1'], ttl });
    await begin();
    const tookMs = await untilNextRound();
    expect(tookMs).toBeGreaterThanOrEqual(afterMs);
    expect(tookMs).toBeLessThanOrEqual(afterMs + 2 * SLOT_MS);
    expect(resolved[0]?.ttlMs).toBe(afterMs);
  });

  it('keeps to bounds of its own', async () => {
    resolver.set('api', { a: ['10.0.0.1'], ttl: 0 });
    await begin({ intervals: { leastMs: 200, mostMs: 400 } });
    expect(await untilNextRound()).toBeLessThan(250);
    resolver.set('api', { a: ['10.0.0.1'], ttl: 60 });
    await untilNextRound();
    expect(await untilNextRound()).toBeLessThan(450);
  });

  it('is as short-lived as its shortest record', async () => {
    resolver.set('api', { a: ['10.0.0.1'], aaaa: ['2001:db8::1'], ttl: 9 });
    resolver.resolve6 = async () => [{ address: '2001:db8::1', ttl: 3 }];
    await begin();
    expect(resolved[0]?.ttlMs).toBe(3_000);
  });

  it('wakes nobody between one round and the next', async () => {
    resolver.set('api', { a: ['10.0.0.1'], ttl: 60 });
    await begin();
    clock.wakeups = 0;
    await pass(59_000);
    expect(clock.wakeups).toBe(0);
    expect(wheel.size).toBe(1);
  });

  it('tells its age and how long it took', async () => {
    resolver.set('api', { a: ['10.0.0.1'] });
    resolver.hold();
    await begin();
    expect(discovery.snapshot()).toMatchObject({ ageMs: null, addresses: [] });
    clock.advance(70);
    resolver.release();
    await settled();
    expect(resolved[0]?.tookMs).toBe(70);
    clock.advance(500);
    expect(discovery.snapshot()).toEqual({
      kind: 'dns',
      host: 'api',
      addresses: ['10.0.0.1'],
      ageMs: 500,
      failures: 0,
      lastFailure: null,
    });
  });
});

describe('a failure', () => {
  it('keeps the last good answer in force, and is counted', async () => {
    resolver.set('api', { a: ['10.0.0.1'], ttl: 5 });
    await begin();
    resolver.fail('api', 'ESERVFAIL');
    await untilNextRound();
    await untilNextRound();
    expect(reported).toHaveLength(1);
    expect(failed).toEqual(Array(2).fill('api could not be resolved: ESERVFAIL'));
    expect(discovery.snapshot()).toMatchObject({
      addresses: ['10.0.0.1'],
      failures: 2,
      lastFailure: 'api could not be resolved: ESERVFAIL',
    });
    expect(discovery.snapshot().ageMs).toBeGreaterThanOrEqual(6_000);
  });

  it('is also that the name is gone: never is an empty set reported', async () => {
    resolver.set('api', { a: ['10.0.0.1'], ttl: 5 });
    await begin();
    resolver.set('api', {});
    await untilNextRound();
    expect(reported).toHaveLength(1);
    expect(failed).toEqual(['no such name, or no address for it: asked for api']);
  });

  it('is tried again after 1 s, doubling to 30 s, and from 1 s again after a success', async () => {
    resolver.fail('api', 'ETIMEOUT');
    await begin();
    for (const expectedMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      const tookMs = await untilNextRound();
      expect(tookMs).toBeGreaterThanOrEqual(expectedMs);
      expect(tookMs).toBeLessThanOrEqual(expectedMs + 2 * SLOT_MS);
    }
    resolver.set('api', { a: ['10.0.0.1'], ttl: 5 });
    await untilNextRound();
    expect(reported.map(ips)).toEqual([['10.0.0.1']]);
    resolver.fail('api', 'ETIMEOUT');
    await untilNextRound();
    expect(await untilNextRound()).toBeLessThanOrEqual(1_000 + 2 * SLOT_MS);
  });

  it('is what an error of another kind is, too', async () => {
    await begin({
      reach: () => {
        throw new Error('no interfaces today');
      },
    });
    expect(failed).toEqual(['no interfaces today']);
    await pass(1_200);
    expect(failed).toHaveLength(2);
  });

  it('of one family keeps the addresses of that family alone', async () => {
    resolver.set('api', { a: ['10.0.0.1'], aaaa: ['2001:db8::1'], ttl: 5 });
    await begin();
    resolver.set('api', { a: ['10.0.0.2'], aaaa: 'ETIMEOUT', ttl: 5 });
    await untilNextRound();
    expect(ips(reported.at(-1))).toEqual(['10.0.0.2', '2001:db8::1']);
    resolver.set('api', { a: ['10.0.0.2'], ttl: 5 });
    await untilNextRound();
    expect(ips(reported.at(-1))).toEqual(['10.0.0.2']);
    expect(failed).toEqual([]);
  });

  it('of one family keeps nothing that another name has given', async () => {
    writeFileSync(dir.file('resolv.conf'), 'search one.test\n');
    resolver.set('api', { a: ['10.0.0.1'], aaaa: ['2001:db8::1'], ttl: 5 });
    await begin();
    resolver.set('api.one.test', { a: ['10.0.0.2'], aaaa: 'ETIMEOUT', ttl: 5 });
    await pass(5_200);
    expect(ips(reported.at(-1))).toEqual(['10.0.0.2']);
  });

  it('does not send the connections to another host of a like name', async () => {
    writeFileSync(dir.file('resolv.conf'), 'search one.test\n');
    resolver.set('api.one.test', { a: ['10.0.0.1'], ttl: 5 });
    resolver.set('api', { a: ['6.6.6.6'], ttl: 5 });
    await begin();
    resolver.fail('api.one.test', 'ESERVFAIL');
    await pass(10_000);
    expect(reported.map(ips)).toEqual([['10.0.0.1']]);
    expect(failed.length).toBeGreaterThan(1);
  });
});

describe('refresh', () => {
  it('asks again at once when the last round is a second old', async () => {
    resolver.set('api', { a: ['10.0.0.1'] });
    await begin();
    await pass(2_000);
    discovery.refresh();
    expect(await untilNextRound()).toBeLessThanOrEqual(2 * SLOT_MS);
  });

  it('asks at most once a second, however often it is called', async () => {
    resolver.set('api', { a: ['10.0.0.1'] });
    await begin();
    for (let i = 0; i < 100; i += 1) {
      discovery.refresh();
      await pass(100);
    }
    expect(rounds()).toBeGreaterThanOrEqual(9);
    expect(rounds()).toBeLessThanOrEqual(11);
  });

  it('does not put off what is due sooner', async () => {
    resolver.fail('api', 'ETIMEOUT');
    await begin({ intervals: { backoffMs: 300 } });
    discovery.refresh();
    expect(await untilNextRound()).toBeLessThanOrEqual(300 + 2 * SLOT_MS);
  });

  it('does not wait for the end of a backoff', async () => {
    resolver.fail('api', 'ETIMEOUT');
    await begin();
    for (let i = 0; i < 5; i += 1) await untilNextRound();
    discovery.refresh();
    expect(await untilNextRound()).toBeLessThanOrEqual(1_000 + 2 * SLOT_MS);
  });

  it('is answered by the round that is under way', async () => {
    resolver.set('api', { a: ['10.0.0.1'] });
    resolver.hold();
    await begin();
    for (let i = 0; i < 50; i += 1) {
      discovery.refresh();
      await pass(100);
    }
    expect(resolver.asked).toEqual(['A api', 'AAAA api']);
    expect(clock.wakeups).toBe(0);
    resolver.release();
    await settled();
    expect(reported).toHaveLength(1);
  });

  it('does nothing before the start', () => {
    const observer = { onResolved() {}, onResolveFailed() {} };
    discovery = dnsDiscovery({ host: 'api', port: 80, clock, wheel, observer, resolver });
    discovery.refresh();
    expect(wheel.size).toBe(0);
  });
});

describe('stop', () => {
  it('ends it: nothing is due, nothing is asked, nothing is reported', async () => {
    resolver.set('api', { a: ['10.0.0.1'], ttl: 5 });
    await begin();
    discovery.stop();
    discovery.refresh();
    expect(wheel.size).toBe(0);
    await pass(10_000);
    expect(rounds()).toBe(1);
  });

  it('cancels what is under way, and hears no late answer', async () => {
    resolver.set('api', { a: ['10.0.0.1'] });
    resolver.hold();
    await begin();
    discovery.stop();
    expect(resolver.cancelled).toBe(1);
    resolver.release();
    await settled();
    expect([reported, resolved, failed]).toEqual([[], [], []]);
    expect(wheel.size).toBe(0);
  });

  it('may be called by the one to whom an answer is reported', async () => {
    resolver.set('api', { a: ['10.0.0.1'], ttl: 1 });
    const observer = { onResolved() {}, onResolveFailed() {} };
    const files = { hosts: dir.file('hosts'), resolvConf: dir.file('resolv.conf') };
    discovery = dnsDiscovery({ host: 'api', port: 80, clock, wheel, observer, files, resolver });
    discovery.start(() => discovery.stop());
    await settled();
    expect(wheel.size).toBe(0);
  });
});

it('asks for a name of the hosts file again after the longest interval, and at a refresh', async () => {
  writeFileSync(dir.file('hosts'), '10.0.0.1 api\n');
  await begin();
  expect(resolved).toEqual([{ addresses: 1, ttlMs: 60_000, tookMs: 0, changed: true }]);
  writeFileSync(dir.file('hosts'), '10.0.0.1 api\n10.0.0.2 api\n');
  discovery.refresh();
  await pass(1_100);
  expect(reported.map(ips)).toEqual([['10.0.0.1'], ['10.0.0.1', '10.0.0.2']]);
  writeFileSync(dir.file('hosts'), '10.0.0.3 api # and no other\n');
  await pass(60_100);
  expect(ips(reported.at(-1))).toEqual(['10.0.0.3']);
});

it('starts once', async () => {
  resolver.set('api', { a: ['10.0.0.1'] });
  await begin();
  expect(() => discovery.start(() => {})).toThrow('starts once');
});
