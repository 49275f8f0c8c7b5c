/**
 * What a person sees who labels a namespace: a Deployment and a CronJob get the sidecar, its connections
 * are reused, and the Job ends. The namespace is held to the restricted Pod Security level.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseMetrics, sumOf } from '../support/metrics.ts';
import { waitFor } from '../support/wait-for.ts';
import {
  apply,
  getJson,
  install,
  kubectl,
  machineAddress,
  makeNamespace,
  type Pod,
  readyPods,
  removeNamespace,
  sidecarOf,
  tryKubectl,
} from './support/cluster.ts';
import { Collector } from './support/collector.ts';
import {
  deployment,
  nodeProgram,
  podSpec,
  programsConfigMap,
  service,
} from './support/manifests.ts';

const namespace = 'workloads';
const annotations = { 'sidepool.io/upstreams': 'web=http://web:8080' };
let collector: Collector;

/** As PHP asks when nothing is done about it: HTTP/1.0 or 1.1 without keep-alive, a connection each. */
const php = `
  $options = stream_context_create(['http' => ['protocol_version' => '1.0']]);
  while (true) {
    $text = file_get_contents(getenv('SIDEPOOL_WEB_URL') . '/from/php', false, $options);
    if ($text === false) exit(1);
    echo $text;
    usleep(100000);
  }`;

/** Fifty requests, each on a connection of its own. */
const python = `
import os, http.client, urllib.parse
http.client.HTTPConnection._http_vsn, http.client.HTTPConnection._http_vsn_str = 10, 'HTTP/1.0'
target = urllib.parse.urlsplit(os.environ['SIDEPOOL_WEB_URL'])
for number in range(50):
    connection = http.client.HTTPConnection(target.hostname, target.port, timeout=20)
    connection.request('GET', f'/from/python/{number}')
    answer = connection.getresponse()
    assert answer.status == 200, answer.status
    answer.read()
    connection.close()
print('fifty requests done')`;

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

describe('a labelled namespace', () => {
  it('gives a PHP Deployment a sidecar that is ready before it, and whose connections are reused', async () => {
    const workload = { name: 'php', namespace, command: ['php', '-r', php], annotations };
    const { stderr } = await apply([deployment(workload)]);
    expect(stderr).not.toContain('PodSecurity');
    const [pod] = (await readyPods(namespace, 'app=php', 1)) as [Pod];
    const line = await kubectl(['-n', namespace, 'get', 'pods', '-l', 'app=php', '--no-headers']);
    expect(line).toMatch(/ 2\/2 +Running /);

    const sidecar = pod.status.initContainerStatuses?.find(({ name }) => name === 'sidepool');
    const app = pod.status.containerStatuses?.find(({ name }) => name === 'php');
    expect(sidecar?.ready).toBe(true);
    // It exits at its first failed request: had it started before the sidecar, it would have been restarted.
    expect(app?.restartCount).toBe(0);
    const began = (status: typeof app): number =>
      Date.parse(status?.state.running?.startedAt ?? '');
    expect(began(sidecar)).toBeLessThanOrEqual(began(app));

    const metrics = `http://${pod.status.podIP}:15100/metrics`;
    const read = async () => parseMetrics(await (await fetch(metrics)).text());
    const seen = await waitFor(
      async () => {
        const now = await read();
        return sumOf(now, 'sidepool_upstream_requests_total', { upstream: 'web' }) >= 50 && now;
      },
      { timeoutMs: 60_000, everyMs: 500, what: 'fifty requests of the PHP pod' },
    );
    const requests = sumOf(seen, 'sidepool_upstream_requests_total', { upstream: 'web' });
    const reused = sumOf(seen, 'sidepool_upstream_requests_reused_total', { upstream: 'web' });
    const opened = sumOf(seen, 'sidepool_upstream_connections_opened_total', { upstream: 'web' });
    console.log(`php: ${requests} requests, ${reused} reused, ${opened} connections opened`);
    expect(reused).toBeGreaterThan(requests * 0.9);
    expect(opened).toBeLessThan(10);
  });

  it('lets the Job of a Python CronJob come to its end', { timeout: 180_000 }, async () => {
    const pod = podSpec({ name: 'python', namespace, command: ['python3', '-c', python] });
    const template = {
      metadata: { annotations, labels: { app: 'report' } },
      spec: { ...(pod as object), restartPolicy: 'Never' },
    };
    await apply([
      {
        apiVersion: 'batch/v1',
        kind: 'CronJob',
        metadata: { name: 'report', namespace },
        spec: {
          schedule: '* * * * *',
          jobTemplate: { spec: { backoffLimit: 0, template } },
        },
      },
    ]);
    // By the clock it is due within a minute; and one at once, as a person would try it.
    await kubectl(['-n', namespace, 'create', 'job', 'now', '--from=cronjob/report']);
    await kubectl([
      '-n',
      namespace,
      'wait',
      'job/now',
      '--for=condition=Complete',
      '--timeout=90s',
    ]);
    const logs = await kubectl(['-n', namespace, 'logs', 'job/now', '-c', 'python']);
    expect(logs).toContain('fifty requests done');
    interface Job {
      readonly metadata: { readonly name: string };
      readonly status: { readonly succeeded?: number; readonly failed?: number };
    }
    const ended = await waitFor(
      async () => {
        const { items } = await getJson<{ items: Job[] }>('jobs', '-n', namespace);
        const others = items.filter(({ metadata }) => metadata.name !== 'now');
        return others.length > 0 && others.every(({ status }) => status.succeeded === 1) && others;
      },
      { timeoutMs: 120_000, everyMs: 1_000, what: 'the end of a Job of the CronJob' },
    );
    expect(ended.every(({ status }) => status.failed === undefined)).toBe(true);
    await kubectl(['-n', namespace, 'delete', 'cronjob', 'report']);
  });

  it('tells in events what was done', async () => {
    const events = await kubectl(['-n', namespace, 'get', 'events', '--sort-by=.lastTimestamp']);
    console.log(
      events
        .split('\n')
        .filter((line) => /sidepool/i.test(line))
        .slice(-6)
        .join('\n'),
    );
    expect(events).toMatch(
      /SidepoolInjected +replicaset\/php-\S+ +Sidepool was injected \(native\) for web/,
    );
  });

  it('tells why when a pod cannot have a sidecar, and creates it', async () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: 'mistaken',
        namespace,
        annotations: { ...annotations, 'sidepool.io/wram': '3' },
      },
      spec: podSpec({ name: 'app', namespace, command: ['sleep', '1'] }),
    };
    const { stderr } = await apply([pod], '--dry-run=server');
    expect(stderr).toMatch(/warning.*sidepool\.io\/wram.*sidepool\.io\/warm/i);
  });

  it('refuses such a pod when it says strict', async () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: 'strict',
        namespace,
        annotations: { 'sidepool.io/upstreams': 'web=htp://web', 'sidepool.io/strict': 'true' },
      },
      spec: podSpec({ name: 'app', namespace, command: ['sleep', '1'] }),
    };
    const refused = await tryKubectl(['create', '-f', '-'], { input: JSON.stringify(pod) });
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/denied the request: .*upstreams/);
  });
});

describe('any other namespace', () => {
  it('is left alone, but for a pod that asks', async () => {
    const name = 'bystander';
    await makeNamespace(name, {});
    try {
      const spec = podSpec({ name: 'app', namespace: name, command: ['sleep', '1'] });
      const make = async (labels: Record<string, string>): Promise<Pod> => {
        const pod = { metadata: { name: 'one', namespace: name, labels, annotations }, spec };
        const input = JSON.stringify({ apiVersion: 'v1', kind: 'Pod', ...pod });
        const made = await kubectl(['create', '--dry-run=server', '-o', 'json', '-f', '-'], {
          input,
        });
        return JSON.parse(made) as Pod;
      };
      expect(sidecarOf(await make({}))).toBeUndefined();
      expect(sidecarOf(await make({ 'sidepool.io/inject': 'true' }))).toBeDefined();
    } finally {
      await removeNamespace(name);
    }
  });
});
