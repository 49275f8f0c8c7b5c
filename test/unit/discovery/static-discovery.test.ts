import { expect, it, vi } from 'vitest';
import { staticDiscovery } from '../../../src/discovery/static-discovery.ts';

it('reports its endpoints once, at the start, whatever is asked of it later', () => {
  const endpoints = [
    { ip: '10.0.0.1', port: 80 },
    { ip: '10.0.0.2', port: 80 },
  ];
  const onEndpoints = vi.fn();
  const discovery = staticDiscovery('api', endpoints);
  discovery.start(onEndpoints);
  discovery.refresh();
  discovery.stop();
  expect(onEndpoints.mock.calls).toEqual([[endpoints]]);
  expect(discovery.snapshot()).toEqual({
    kind: 'static',
    host: 'api',
    addresses: ['10.0.0.1', '10.0.0.2'],
    ageMs: null,
    failures: 0,
    lastFailure: null,
  });
});

it('refuses an empty list: discovery never reports one', () => {
  expect(() => staticDiscovery('api', [])).toThrow('api');
});
