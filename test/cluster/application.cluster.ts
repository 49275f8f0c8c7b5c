/** An application is restarted: its sidecar is there before it, and goes after it. Native and plain. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../support/wait-for.ts';
import {
  apply,
  install,
  kubectl,
  machineAddress,
  makeNamespace,
  podsOf,
  readyPods,
  removeNamespace,
  rolledOut,
} from './support/cluster.ts';
import { type Call, Collector } from './support/collector.ts';
import { deployment, nodeProgram, programsConfigMap, service } from './support/manifests.ts';

const namespace = 'application';
let collector: Collector;

beforeAll(async () => {
  await install();
  collector = await Collector.start(machineAddress());
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
      labels: { 'sidepool.io/inject': 'false' },
    }),
  ]);
  await readyPods(namespace, 'app=web', 1);
});

afterAll(async () => {
  await collector?.stop();
  await removeNamespace(namespace);
});

describe('a rolling restart of the application', () => {
  it.each(['on', 'off'])(
    'native sidecar %s: none of its requests fails',
    { timeout: 300_000 },
    async (native) => {
      const name = `app-${native}`;
      await apply([
        deployment({
          name,
          namespace,
          replicas: 3,
          ...nodeProgram('app.ts'),
          annotations: {
            'sidepool.io/upstreams': 'web=http://web:8080',
            'sidepool.io/native': native,
          },
          env: {
            TARGET: '$(SIDEPOOL_WEB_URL)',
            COLLECTOR: collector.url,
            WORK_AFTER_TERM_MS: '5000',
          },
        }),
      ]);
      const before = await readyPods(namespace, `app=${name}`, 3);
      for (const pod of before) {
        const sidecars = (pod.spec.initContainers ?? []).filter((each) => each.name === 'sidepool');
        expect(sidecars).toHaveLength(native === 'on' ? 1 : 0);
      }
      await kubectl(['-n', namespace, 'rollout', 'restart', `deployment/${name}`]);
      await rolledOut(namespace, name);
      const gone = new Set(before.map(({ metadata }) => metadata.name));
      await waitFor(
        async () =>
          (await podsOf(namespace, `app=${name}`)).every(
            ({ metadata }) => !gone.has(metadata.name),
          ),
        { timeoutMs: 90_000, everyMs: 500, what: 'the end of the old pods' },
      );
      await kubectl(['-n', namespace, 'delete', 'deployment', name]);
      await waitFor(async () => (await podsOf(namespace, `app=${name}`)).length === 0, {
        timeoutMs: 90_000,
        everyMs: 500,
        what: 'the end of all pods',
      });
      const calls = collector.calls.filter(({ pod }) => pod.startsWith(`${name}-`));
      const failed = calls.filter(({ result }) => result !== 'ok');
      console.log(`native ${native}: ${calls.length} requests of 6 pods, ${failed.length} failed`);
      expect(failed).toEqual([]);
      // It is no proof unless each of the six asked at its first moment and at its last.
      expect(podsIn(calls, 'first')).toHaveLength(6);
      expect(podsIn(calls, 'last')).toHaveLength(6);
      expect(calls.filter(({ phase }) => phase === 'ending').length).toBeGreaterThan(60);
    },
  );
});

function podsIn(calls: readonly Call[], phase: string): readonly string[] {
  return [...new Set(calls.filter((call) => call.phase === phase).map(({ pod }) => pod))];
}
