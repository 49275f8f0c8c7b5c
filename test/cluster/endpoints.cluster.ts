/** The endpoint stream: an upstream `kubernetes://` follows its Service's pods as they come and go. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from './programs/load.ts';
import {
  apply,
  install,
  kubectl,
  makeNamespace,
  type Pod,
  readyPods,
  removeNamespace,
  sidecarStory,
} from './support/cluster.ts';
import { deployment, nodeProgram, programsConfigMap, service } from './support/manifests.ts';

const namespace = 'endpoints';

beforeAll(async () => {
  await install();
  await makeNamespace(namespace);
  await apply([
    programsConfigMap(namespace),
    service('web', namespace),
    deployment({
      name: 'web',
      namespace,
      ...nodeProgram('upstream.ts'),
      port: 8080,
      readyPath: '/ready',
      preStopSeconds: 5,
      labels: { 'sidepool.io/inject': 'false' },
    }),
  ]);
  await readyPods(namespace, 'app=web', 1);
});

afterAll(() => removeNamespace(namespace));

const scale = (count: number) =>
  kubectl(['-n', namespace, 'scale', 'deployment/web', `--replicas=${count}`]);

/** Requests that each pod served within the next seconds. */
async function servedIn(seconds: number, orders: string): Promise<ReadonlyMap<string, number>> {
  const read = async () => (await (await fetch(`${orders}/report`)).json()) as Report;
  const before = (await read()).servedBy;
  await sleep(seconds * 1000);
  const after = (await read()).servedBy;
  return new Map(
    Object.entries(after).map(([pod, count]) => [pod, count - (before[pod] ?? 0)] as const),
  );
}

const namesOf = (pods: readonly Pod[]): readonly string[] => pods.map((pod) => pod.metadata.name);

describe('a Service that is scaled from 1 to 5 and back, under 100 requests a second', () => {
  it('gives each new pod its share within 5 s, and loses no request', {
    timeout: 240_000,
  }, async () => {
    await apply([
      deployment({
        name: 'load',
        namespace,
        ...nodeProgram('load.ts'),
        annotations: { 'sidepool.io/upstreams': `web=kubernetes://web.${namespace}:8080` },
        env: { TARGET: '$(SIDEPOOL_WEB_URL)' },
      }),
    ]);
    const [pod] = (await readyPods(namespace, 'app=load', 1)) as [Pod];
    const orders = `http://${pod.status.podIP}:9000`;
    await fetch(`${orders}/start`, { method: 'POST', body: '{"gets": 100, "posts": 0}' });

    await scale(5);
    const five = namesOf(await readyPods(namespace, 'app=web', 5));
    await sleep(5_000);
    const served = await servedIn(5, orders);
    console.log('5 s after the last was ready, in 5 s:', Object.fromEntries(served));
    const total = [...served.values()].reduce((sum, count) => sum + count, 0);
    const story = await sidecarStory(namespace, pod);
    for (const name of five)
      expect(served.get(name) ?? 0, `${name}\n${story}`).toBeGreaterThan(total / 5 / 2);

    await scale(1);
    const [last] = namesOf(await readyPods(namespace, 'app=web', 1));
    const then = await servedIn(3, orders);
    expect([...then].filter(([, count]) => count > 0).map(([name]) => name)).toEqual([last]);
    const answer = await fetch(`${orders}/stop`, { method: 'POST' });
    const report = (await answer.json()) as Report;
    expect(report.failed).toEqual([]);
    expect(report.succeeded.GET).toBe(report.sent.GET);
  });
});
