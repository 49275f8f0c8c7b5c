/**
 * An upstream of three replicas is restarted under load from an injected pod: what the application sees of
 * it. The load is open-loop, 100 GET and 20 POST a second, each on a connection of its own.
 *
 * Behind a usual Service the sidecar cannot know that a pod is going: it hears of it when the pod closes its
 * connections, or announces that it will. By a headless one or by the endpoint stream it knows seconds before.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from './programs/load.ts';
import {
  apply,
  home,
  install,
  kubectl,
  machineAddress,
  makeNamespace,
  readyPods,
  removeNamespace,
  rolledOut,
} from './support/cluster.ts';
import { Collector } from './support/collector.ts';
import { deployment, nodeProgram, programsConfigMap, service } from './support/manifests.ts';

const namespace = 'rollouts';
const { SIDEPOOL_CLUSTER_ROLLOUTS = '5' } = process.env;
const times = Number(SIDEPOOL_CLUSTER_ROLLOUTS);
const details = /details="?(not-sent|sent-no-response|partial-response)/;

let collector: Collector;

beforeAll(async () => {
  await install();
  collector = await Collector.start(machineAddress());
  await makeNamespace(namespace);
  await apply([programsConfigMap(namespace)]);
});

afterAll(async () => {
  await collector?.stop();
  await removeNamespace(namespace);
});

interface Scene {
  /** Of the upstream and of the load. */
  readonly name: string;
  readonly preStopSeconds?: number;
  readonly headless?: boolean;
  /** By the endpoint stream, not by DNS. */
  readonly streamed?: boolean;
  /** Announces its end to open connections for so long before it closes them. */
  readonly lingerMs?: number;
}

async function rollOut(
  { name, preStopSeconds, headless = false, streamed = false, lingerMs = 0 }: Scene,
  whenInjected: () => Promise<unknown> = async () => undefined,
): Promise<Report> {
  const web = `web-${name}`;
  const load = `load-${name}`;
  await apply([
    service(web, namespace, { headless }),
    deployment({
      name: web,
      namespace,
      replicas: 3,
      ...nodeProgram('upstream.ts'),
      env: { COLLECTOR: collector.url, LINGER_MS: `${lingerMs}` },
      port: 8080,
      readyPath: '/ready',
      ...(preStopSeconds === undefined ? {} : { preStopSeconds }),
      labels: { 'sidepool.io/inject': 'false' },
    }),
  ]);
  await readyPods(namespace, `app=${web}`, 3);
  await apply([
    deployment({
      name: load,
      namespace,
      ...nodeProgram('load.ts'),
      annotations: {
        'sidepool.io/upstreams': streamed
          ? `web=kubernetes://${web}.${namespace}:8080`
          : `web=http://${web}:8080`,
      },
      // Its local URL by the injected variable.
      env: { TARGET: '$(SIDEPOOL_WEB_URL)', RUN: name },
    }),
  ]);
  const [pod] = await readyPods(namespace, `app=${load}`, 1);
  await whenInjected();
  const orders = `http://${pod?.status.podIP}:9000`;
  await fetch(`${orders}/start`, { method: 'POST', body: '{"gets": 100, "posts": 20}' });
  for (let round = 0; round < times; round++) {
    await kubectl(['-n', namespace, 'rollout', 'restart', `deployment/${web}`]);
    await rolledOut(namespace, web);
    // Rolled out is when the new ones are ready; this is when the old ones are gone.
    await readyPods(namespace, `app=${web}`, 3);
  }
  const answer = await fetch(`${orders}/stop`, { method: 'POST' });
  const report = (await answer.json()) as Report;
  await kubectl(['-n', namespace, 'delete', 'deployment,service', web, load, '--ignore-not-found']);
  const { sent, failed, slowestMs } = report;
  console.log(
    `${name}: ${times} roll-outs; ${sent.GET} GET and ${sent.POST} POST sent, by ${Object.keys(report.servedBy).length} pods; ` +
      `${failed.length} failed; slowest ${Math.round(slowestMs)} ms`,
    ...failed.slice(0, 20),
  );
  return report;
}

/** What must hold however an upstream goes. */
function expectTruth({ sent, succeeded, failed, servedBy }: Report): void {
  expect(failed.filter(({ method }) => method === 'GET')).toEqual([]);
  expect(succeeded.GET).toBe(sent.GET);
  expect(succeeded.POST + failed.length).toBe(sent.POST);
  expect(sent.GET).toBeGreaterThan(times * 100);
  // Each round has three new pods, and each served.
  expect(Object.keys(servedBy).length).toBeGreaterThan(times * 3);
  for (const one of failed) {
    expect(one.proxyStatus, JSON.stringify(one)).toMatch(details);
    if (details.exec(one.proxyStatus)?.[1] === 'not-sent')
      expect(collector.applied.get(one.id), JSON.stringify(one)).toBeUndefined();
  }
  const repeated = [...collector.applied].filter(([, count]) => count > 1);
  expect(repeated, 'POSTs that were acted on twice').toEqual([]);
}

function timeFor(rounds: number): number {
  return 120_000 + rounds * 180_000;
}

describe(`${times} rolling restarts of an upstream of three replicas`, () => {
  it('with a preStop sleep of 5 s: no GET fails, and no POST', {
    timeout: timeFor(times),
  }, async () => {
    const report = await rollOut({ name: 'sleep', preStopSeconds: 5, lingerMs: 1_000 });
    expectTruth(report);
    expect(report.failed).toEqual([]);
  });

  it('without: no GET fails, and each POST that fails is told the truth', {
    timeout: timeFor(times),
  }, async () => {
    expectTruth(await rollOut({ name: 'abrupt' }));
  });

  it('behind a headless service, with the sleep: the same', {
    timeout: timeFor(times),
  }, async () => {
    expectTruth(await rollOut({ name: 'headless', preStopSeconds: 5, headless: true }));
  });

  it('by the endpoint stream, with the sleep: no GET fails, and no POST', {
    timeout: timeFor(times),
  }, async () => {
    const report = await rollOut({ name: 'streamed', preStopSeconds: 5, streamed: true });
    expectTruth(report);
    expect(report.failed).toEqual([]);
  });

  it('with the controller away: the same', { timeout: timeFor(times) }, async () => {
    const scale = (count: number) =>
      kubectl(['-n', home, 'scale', 'deployment/sidepool-controller', `--replicas=${count}`]);
    // The load's pod must have its sidecar before it goes.
    const leave = async (): Promise<void> => {
      await scale(0);
      await readyPods(home, 'app.kubernetes.io/component=controller', 0);
    };
    try {
      const report = await rollOut({ name: 'alone', preStopSeconds: 5, lingerMs: 1_000 }, leave);
      expectTruth(report);
      expect(report.failed).toEqual([]);
    } finally {
      await scale(1);
      await rolledOut(home, 'sidepool-controller');
    }
  });
});
