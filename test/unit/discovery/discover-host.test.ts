import { expect, it } from 'vitest';
import { TimerWheel } from '../../../src/base/timer-wheel.ts';
import { discoverHost } from '../../../src/discovery/discover-host.ts';
import type { Discovery, EndpointAddress } from '../../../src/discovery/discovery.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function discover(host: string): Discovery {
  const clock = new FakeClock();
  const observer = { onResolved() {}, onResolveFailed() {} };
  return discoverHost({ host, port: 8080, clock, wheel: new TimerWheel(clock), observer });
}

it.each([
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8::1', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
])('takes %s as it is', (host, ip) => {
  const discovery = discover(host);
  const seen: EndpointAddress[] = [];
  discovery.start((endpoints) => seen.push(...endpoints));
  expect(seen).toEqual([{ ip, port: 8080 }]);
  expect(discovery.snapshot().kind).toBe('static');
});

it.each(['api', 'api.example.com.', '1.2.3.4.example.com'])('resolves %s', (host) => {
  expect(discover(host).snapshot()).toMatchObject({ kind: 'dns', host, addresses: [] });
});
