import { expect, it } from 'vitest';
import { TimerWheel } from '../../../src/base/timer-wheel.ts';
import type { Discovery, EndpointAddress } from '../../../src/discovery/discovery.ts';
import type { ServiceListener } from '../../../src/discovery/endpoint-stream.ts';
import { ServiceDiscovery } from '../../../src/discovery/service-discovery.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function scene() {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  let listener: ServiceListener | null = null;
  const log: string[] = [];
  const fallback = (): Discovery => {
    log.push('dns begins');
    return {
      start: (onEndpoints) => onEndpoints([{ ip: '10.96.0.1', port: 80 }]),
      refresh: () => log.push('dns refreshes'),
      stop: () => log.push('dns ends'),
      snapshot: () => {
        throw new Error('nobody asks');
      },
    };
  };
  const discovery = new ServiceDiscovery({
    service: 'shop/pay:80',
    stream: {
      subscribe: (_, wanted) => {
        listener = wanted;
        return () => {
          listener = null;
        };
      },
    },
    fallback,
    clock,
    wheel,
    observer: { onResolved: () => undefined, onResolveFailed: () => undefined },
  });
  const text = (endpoints: readonly EndpointAddress[]) =>
    endpoints.map(({ ip, port }) => `${ip}:${port}`).join();
  discovery.start((endpoints) => log.push(text(endpoints)));
  return { clock, discovery, log, stream: () => listener! };
}

it('takes the stream at its word, and tells only what has changed', () => {
  const { clock, log, stream, discovery } = scene();
  stream().onAddresses(['10.0.0.1:8080', '[fd00::1]:8080']);
  stream().onAddresses(['10.0.0.1:8080', '[fd00::1]:8080']);
  expect(log).toEqual(['10.0.0.1:8080,fd00::1:8080']);
  clock.advance(3_600_000);
  expect(log).toHaveLength(1);
  expect(discovery.snapshot()).toMatchObject({ kind: 'stream', ageMs: 3_600_000, failures: 0 });
});

it('asks DNS when the stream says nothing for 2 s, and leaves it when the stream speaks', () => {
  const { clock, log, stream, discovery } = scene();
  stream().onAway('refused');
  clock.advance(1_900);
  expect(log).toEqual([]);
  clock.advance(200);
  expect(log).toEqual(['dns begins', '10.96.0.1:80']);
  expect(discovery.snapshot()).toMatchObject({
    kind: 'dns',
    lastFailure: 'endpoint stream: refused',
  });
  stream().onAddresses(['10.0.0.1:8080']);
  expect(log.slice(2)).toEqual(['dns ends', '10.0.0.1:8080']);
});

it('believes the last endpoints for 5 minutes while the stream is away, however often it says so', () => {
  const { clock, log, stream } = scene();
  stream().onAddresses(['10.0.0.1:8080']);
  stream().onAway('ended');
  clock.advance(200_000);
  stream().onAway('refused');
  clock.advance(99_000);
  expect(log).toHaveLength(1);
  clock.advance(2_000);
  expect(log.slice(1)).toEqual(['dns begins', '10.96.0.1:80']);
});

it('does not wait that long when dials fail, and does not leave a stream that is there', () => {
  const { log, stream, discovery } = scene();
  stream().onAddresses(['10.0.0.1:8080']);
  discovery.refresh();
  expect(log).toHaveLength(1);
  stream().onAway('ended');
  discovery.refresh();
  discovery.refresh();
  expect(log.slice(1)).toEqual(['dns begins', '10.96.0.1:80', 'dns refreshes']);
});

it('ends with all that it began', () => {
  const { clock, log, stream, discovery } = scene();
  stream().onAway('refused');
  clock.advance(2_100);
  discovery.stop();
  expect(log.at(-1)).toBe('dns ends');
  expect(stream()).toBeNull();
  clock.advance(600_000);
  expect(log.at(-1)).toBe('dns ends');
  expect(clock.pendingSleeps).toBe(0);
});
