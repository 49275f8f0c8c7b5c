/** deploy/examples as they are, but for the images, and with a stand-in for the API outside of the cluster. */
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { CertificateAuthority } from '../support/certificates.ts';
import { parseMetrics, sumOf } from '../support/metrics.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';
import { waitFor } from '../support/wait-for.ts';
import { repository } from './support/clients.ts';
import {
  apply,
  appsImage,
  install,
  kubectl,
  machineAddress,
  makeNamespace,
  type Pod,
  readyPods,
  removeNamespace,
} from './support/cluster.ts';
import { deployment, nodeProgram, programsConfigMap, service } from './support/manifests.ts';

const namespace = 'examples';
let dir: TempDir;

beforeAll(async () => {
  dir = makeTempDir('examples');
  await install();
  await makeNamespace(namespace);
  await apply([
    programsConfigMap(namespace),
    service('orders', namespace),
    deployment({
      name: 'orders',
      namespace,
      replicas: 3,
      ...nodeProgram('upstream.ts'),
      port: 8080,
      readyPath: '/ready',
      labels: { 'sidepool.io/inject': 'false' },
    }),
  ]);
  await readyPods(namespace, 'app=orders', 3);
});

afterAll(async () => {
  await removeNamespace(namespace);
  dir?.remove();
});

/** The example's manifests with an image that is loaded. */
async function example(name: string): Promise<string> {
  const text = await kubectl(['kustomize', join(repository, 'deploy', 'examples', name)]);
  return text.replaceAll(/image: docker\.io\/\S+/g, `image: ${appsImage}`);
}

async function applyExample(name: string): Promise<void> {
  const { stderr } = await apply(await example(name), '-n', namespace);
  expect(stderr).toBe('');
}

/** Waits for a pod's requests; tells how many went over a connection that was used before. */
async function reuseOf(pod: Pod, upstream: string, atLeast: number): Promise<number> {
  const metrics = await waitFor(
    async () => {
      const text = await (await fetch(`http://${pod.status.podIP}:15100/metrics`)).text();
      const read = parseMetrics(text);
      return sumOf(read, 'sidepool_upstream_requests_total', { upstream }) >= atLeast && read;
    },
    { timeoutMs: 60_000, everyMs: 500, what: `${atLeast} requests of ${pod.metadata.name}` },
  );
  const reused = sumOf(metrics, 'sidepool_upstream_requests_reused_total', { upstream });
  return reused / sumOf(metrics, 'sidepool_upstream_requests_total', { upstream });
}

describe('deploy/examples', () => {
  it('php-fpm', async () => {
    await applyExample('php-fpm');
    const pods = await readyPods(namespace, 'app=shop', 2);
    for (const pod of pods) {
      for (let page = 0; page < 20; page++) {
        const answer = await fetch(`http://${pod.status.podIP}:8080/`);
        expect(await answer.text()).toMatch(/^orders: GET \/orders by orders-/);
      }
      expect(await reuseOf(pod, 'orders', 20)).toBeGreaterThan(0.9);
      const nginx = pod.spec.containers.find(({ name }) => name === 'nginx');
      expect(nginx?.env ?? []).toEqual([]);
    }
  });

  it('python-cronjob', async () => {
    await applyExample('python-cronjob');
    await kubectl(['-n', namespace, 'create', 'job', 'once', '--from=cronjob/report']);
    const done = ['wait', 'job/once', '--for=condition=Complete', '--timeout=100s'];
    await kubectl(['-n', namespace, ...done]);
    const logs = await kubectl(['-n', namespace, 'logs', 'job/once', '-c', 'report']);
    expect(logs).toContain('{"orders": 200}');
  });

  it('ruby', async () => {
    await applyExample('ruby');
    const [pod] = (await readyPods(namespace, 'app=worker', 2)) as [Pod];
    expect(await reuseOf(pod, 'orders', 30)).toBeGreaterThan(0.9);
    const logs = await kubectl(['-n', namespace, 'logs', pod.metadata.name, '-c', 'worker']);
    expect(logs).toContain('20 orders handled');
    expect(logs).not.toMatch(/^\d{3} /m);
  });

  it('headless: the pods behind the name share the requests', async () => {
    await applyExample('headless');
    const [pod] = (await readyPods(namespace, 'app=search', 1)) as [Pod];
    expect(await reuseOf(pod, 'orders', 60)).toBeGreaterThan(0.8);
    const pools = await (await fetch(`http://${pod.status.podIP}:15100/pools`)).text();
    const orders = await readyPods(namespace, 'app=orders', 3);
    for (const { status } of orders) expect(pools).toContain(`${status.podIP}`);
    const logs = await kubectl(['-n', namespace, 'logs', pod.metadata.name, '-c', 'search']);
    expect(new Set(logs.match(/ by orders-\S+/g)).size).toBeGreaterThan(1);
  });

  it('external-api: over TLS, with few connections', async () => {
    const authority = await CertificateAuthority.create(dir.path);
    const { cert, key } = await authority.issue({ name: 'api', names: ['machine.test'] });
    let connections = 0;
    const server: Server = createServer({ cert, key }, (_request, response) => response.end('[]'));
    server.on('secureConnection', () => {
      connections++;
    });
    server.keepAliveTimeout = 300_000;
    await new Promise<void>((resolve) => server.listen(0, machineAddress(), resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const documents = parseAllDocuments(await example('external-api')).map((each) =>
        each.toJSON(),
      );
      for (const object of documents) {
        if (object.kind !== 'ConfigMap') continue;
        object.data['ca.pem'] = authority.cert;
        object.data['sidepool.yaml'] = object.data['sidepool.yaml'].replace(
          'url: https://api.example.com',
          `url: https://machine.test:${port}\n    tls: { ca: /etc/sidepool/ca.pem }`,
        );
      }
      await apply(documents, '-n', namespace);
      const [pod] = (await readyPods(namespace, 'app=payments', 1)) as [Pod];
      expect(await reuseOf(pod, 'payments', 30)).toBeGreaterThan(0.9);
      expect(connections).toBeLessThanOrEqual(8);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
