/** The endpoint stream from the controller to a sidecar's discovery, over real TLS, before an API server that is made up. */
import { writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { seeded, systemClock } from '../../../src/base/clock.ts';
import { TimerWheel } from '../../../src/base/timer-wheel.ts';
import {
  issueAuthority,
  issueServing,
  type KeyPair,
} from '../../../src/controller/certificates/issue.ts';
import { EndpointTeller } from '../../../src/controller/endpoints/endpoint-teller.ts';
import type { Discovery, EndpointAddress } from '../../../src/discovery/discovery.ts';
import { EndpointStream } from '../../../src/discovery/endpoint-stream.ts';
import { ServiceDiscovery } from '../../../src/discovery/service-discovery.ts';
import { FakeApi } from '../../support/fake-api.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { waitFor } from '../../support/wait-for.ts';

const services = '/api/v1/services';
const slices = '/apis/discovery.k8s.io/v1/endpointslices';
const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function slice(name: string, ...ips: readonly string[]) {
  return {
    metadata: { name, namespace: 'shop', labels: { 'kubernetes.io/service-name': 'pay' } },
    addressType: 'IPv4',
    ports: [{ name: 'web', port: 8080 }],
    endpoints: ips.map((ip) => ({ addresses: [ip], conditions: { ready: true } })),
  };
}

async function controller(api: FakeApi, pair: KeyPair, trust: string, port = 0) {
  const failures: string[] = [];
  const teller = new EndpointTeller({
    api,
    clock: systemClock,
    random: seeded(1),
    onFailed: (place, why) => failures.push(`${place}: ${why}`),
    onMended: () => undefined,
  });
  const address = await teller.start({ kind: 'tcp', host: '127.0.0.1', port });
  teller.show(pair, trust);
  let isStopped = false;
  const stop = async () => {
    if (!isStopped) await teller.stop(10);
    isStopped = true;
  };
  ends.push(stop);
  await waitFor(() => teller.isFilled);
  return { teller, stop, port: address.kind === 'tcp' ? address.port : 0 };
}

async function scene() {
  const api = new FakeApi();
  api.lists.set(services, [
    { metadata: { name: 'pay', namespace: 'shop' }, spec: { ports: [{ name: 'web', port: 80 }] } },
  ]);
  api.lists.set(slices, [slice('pay-1', '10.0.0.1', '10.0.0.2')]);
  api.tokens.set('good', 'system:serviceaccount:shop:default');
  const validity = { nowSeconds: systemClock.wallSeconds(), lifetimeMs: 3_600_000 };
  const authority = await issueAuthority(validity);
  const pair = await issueServing(authority, ['127.0.0.1'], validity);
  const started = await controller(api, pair, authority.cert);
  const directory = makeTempDir('stream');
  ends.push(() => directory.remove());
  const tokenFile = directory.file('token');
  writeFileSync(tokenFile, 'good\n');
  return { api, authority, pair, validity, tokenFile, ...started };
}

function sidecar(
  options: { port: number; ca: string; tokenFile: string },
  service = 'shop/pay:80',
) {
  const wheel = new TimerWheel(systemClock);
  const stream = new EndpointStream({
    server: `https://127.0.0.1:${options.port}`,
    ca: options.ca,
    tokenFile: options.tokenFile,
    zone: '',
    wheel,
    random: seeded(2),
  });
  const seen: (readonly EndpointAddress[])[] = [];
  const failures: string[] = [];
  let fallbacks = 0;
  const fallback = (): Discovery => ({
    start: (onEndpoints) => {
      fallbacks += 1;
      onEndpoints([{ ip: '10.96.0.1', port: 80 }]);
    },
    refresh: () => undefined,
    stop: () => undefined,
    snapshot: () => {
      throw new Error('nobody asks');
    },
  });
  const discovery = new ServiceDiscovery({
    service,
    stream,
    fallback,
    clock: systemClock,
    wheel,
    observer: { onResolved: () => undefined, onResolveFailed: (cause) => failures.push(cause) },
  });
  discovery.start((endpoints) => seen.push(endpoints));
  ends.push(() => {
    discovery.stop();
    wheel.stop();
  });
  const latest = () =>
    seen
      .at(-1)
      ?.map(({ ip, port }) => `${ip}:${port}`)
      .join() ?? '';
  return { discovery, latest, seen, failures, fallbacks: () => fallbacks };
}

describe('the endpoint stream', () => {
  it('tells what there is, and every change', async () => {
    const { api, authority, port, tokenFile, teller } = await scene();
    const { latest, discovery, seen } = sidecar({ port, ca: authority.cert, tokenFile });
    await waitFor(() => latest() === '10.0.0.1:8080,10.0.0.2:8080');
    api.tell(slices, 'MODIFIED', slice('pay-1', '10.0.0.2', '10.0.0.3'));
    await waitFor(() => latest() === '10.0.0.2:8080,10.0.0.3:8080');
    api.tell(slices, 'ADDED', slice('pay-2', '10.0.1.1'));
    await waitFor(() => latest().endsWith(',10.0.1.1:8080'));
    // None is left: the last ones stay in force.
    api.tell(slices, 'DELETED', slice('pay-2'));
    api.tell(slices, 'MODIFIED', slice('pay-1'));
    await waitFor(() => discovery.snapshot().lastFailure?.includes('no endpoint that is ready'));
    expect(latest()).toContain('10.0.0.2:8080');
    expect(seen.every((endpoints) => endpoints.length > 0)).toBe(true);
    expect(discovery.snapshot()).toMatchObject({ kind: 'stream', host: 'shop/pay:80' });
    expect(teller.figures).toMatchObject({ streams: 1 });
  });

  it('asks DNS when there is no such Service, and goes back when there is', async () => {
    const { api, authority, port, tokenFile } = await scene();
    const { latest, discovery } = sidecar({ port, ca: authority.cert, tokenFile }, 'shop/new:80');
    await waitFor(() => latest() === '10.96.0.1:80');
    expect(discovery.snapshot().kind).toBe('dns');
    api.tell(services, 'ADDED', {
      metadata: { name: 'new', namespace: 'shop' },
      spec: { ports: [{ port: 80 }] },
    });
    const own = slice('new-1', '10.0.9.9');
    own.metadata.labels['kubernetes.io/service-name'] = 'new';
    own.ports = [{ name: '', port: 8080 }];
    api.tell(slices, 'ADDED', own);
    await waitFor(() => latest() === '10.0.9.9:8080');
    expect(discovery.snapshot().kind).toBe('stream');
  });

  it('keeps the last endpoints while the controller is away; dials that fail bring DNS; it comes back by itself', async () => {
    const { api, authority, pair, port, tokenFile, stop } = await scene();
    const { latest, discovery, fallbacks } = sidecar({ port, ca: authority.cert, tokenFile });
    await waitFor(() => latest() !== '');
    await stop();
    await waitFor(() => discovery.snapshot().lastFailure?.startsWith('endpoint stream'));
    expect(latest()).toBe('10.0.0.1:8080,10.0.0.2:8080');
    expect(fallbacks()).toBe(0);
    discovery.refresh();
    expect(latest()).toBe('10.96.0.1:80');
    api.lists.set(slices, [slice('pay-1', '10.0.0.7')]);
    await controller(api, pair, authority.cert, port);
    await waitFor(() => latest() === '10.0.0.7:8080', { timeoutMs: 30_000 });
    expect(discovery.snapshot().kind).toBe('stream');
  });

  it('trusts the next authority, since it was told of it by the one before', async () => {
    const { api, authority, validity, port, tokenFile, teller, pair, stop } = await scene();
    const next = await issueAuthority({ ...validity, nowSeconds: validity.nowSeconds + 1 });
    const { latest, discovery } = sidecar({ port, ca: authority.cert, tokenFile });
    await waitFor(() => latest() !== '');
    teller.show(pair, authority.cert + next.cert);
    // A change that comes after it: then the sidecar has read both.
    api.tell(slices, 'ADDED', slice('pay-2', '10.0.1.1'));
    await waitFor(() => latest().endsWith('10.0.1.1:8080'));
    await stop();
    await waitFor(() => discovery.snapshot().lastFailure !== null);
    api.lists.set(slices, [slice('pay-1', '10.0.0.8')]);
    const signedByNext = await issueServing(next, ['127.0.0.1'], validity);
    await controller(api, signedByNext, next.cert, port);
    await waitFor(() => latest() === '10.0.0.8:8080', { timeoutMs: 30_000 });
  });

  it('tells nothing to who is not trusted, nor trusts who is not known', async () => {
    const { authority, port, tokenFile } = await scene();
    const bad = makeTempDir('stream');
    ends.push(() => bad.remove());
    writeFileSync(bad.file('token'), 'stolen');
    const unknown = sidecar({ port, ca: authority.cert, tokenFile: bad.file('token') });
    await waitFor(() => unknown.failures.some((each) => each.includes('answered 401')));
    const stranger = await issueAuthority({
      nowSeconds: systemClock.wallSeconds(),
      lifetimeMs: 60_000,
    });
    const distrustful = sidecar({ port, ca: stranger.cert, tokenFile });
    await waitFor(() => distrustful.failures.length > 0);
    expect(distrustful.failures[0]).toMatch(/^endpoint stream: .*(?:verify|certificate)/);
    // Both are served all the same.
    await waitFor(
      () => unknown.latest() === '10.96.0.1:80' && distrustful.latest() === '10.96.0.1:80',
    );
  });

  it('says what it is asked wrongly', async () => {
    const { authority, port } = await scene();
    const { request } = await import('node:https');
    const ask = (path: string) =>
      new Promise<number>((resolve, reject) => {
        request({ host: '127.0.0.1', port, path, ca: authority.cert, agent: false }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        })
          .on('error', reject)
          .end();
      });
    expect(await ask('/')).toBe(404);
    expect(await ask('/v1/endpoints')).toBe(400);
    expect(await ask('/v1/endpoints?service=../x:80')).toBe(400);
    expect(await ask('/v1/endpoints?service=a/b:80')).toBe(401);
  });
});
