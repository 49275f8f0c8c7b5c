/**
 * The controller as a process of its own, before a real API server, with the rights that the chart gives it and no
 * others. No pod runs here: what is looked at is what the API server makes of a pod when it is created.
 *
 * `SIDEPOOL_ROTATIONS=5` makes the last test longer.
 */
import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer, request as httpsRequest, type Server } from 'node:https';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { issueAuthority, issueServing } from '../../../src/controller/certificates/issue.ts';
import { ApiLevel, apiLevelMissing, renderChart } from '../../support/api-level.ts';
import { freePort } from '../../support/free-port.ts';
import { type RunningProcess, startProcess } from '../../support/process.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { waitFor } from '../../support/wait-for.ts';

const program = join(import.meta.dirname, '..', '..', '..', 'cmd', 'controller.ts');
const missing = apiLevelMissing();
const { SIDEPOOL_ROTATIONS } = process.env;
const rotations = Number(SIDEPOOL_ROTATIONS ?? '1');
/** Generous: the machine may be busy. */
const PATIENCE_MS = 60_000;

interface Container {
  readonly name: string;
  readonly restartPolicy?: string;
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

interface Pod {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: {
    readonly containers: readonly Container[];
    readonly initContainers?: readonly Container[];
  };
}

interface PodWish {
  readonly name: string;
  readonly namespace?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: object;
  readonly metadata?: object;
}

const upstreams = { 'sidepool.io/upstreams': 'api=https://api.example.com' };

/** One that the restricted level lets pass. */
function podOf({
  name,
  namespace = 'team',
  annotations = upstreams,
  labels,
  spec,
  metadata,
}: PodWish) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      annotations,
      ...(labels === undefined ? {} : { labels }),
      ...metadata,
    },
    spec: {
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 1000,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'app',
          image: 'app:1',
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
      ...spec,
    },
  };
}

describe.skipIf(missing !== undefined)('before a real API server', () => {
  let level: ApiLevel;
  let kubeconfig = '';
  let serviceAccount = '';
  const directory = makeTempDir('controller');
  const running: RunningProcess[] = [];
  let webhookPort = 0;

  async function startController(
    port: number,
    name: string,
    ...words: readonly string[]
  ): Promise<RunningProcess> {
    const status = await freePort();
    const controller = await startProcess({
      command: process.execPath,
      args: [
        ...[program, '--injection', directory.file('injection.yaml'), '--kubeconfig', kubeconfig],
        ...['--webhook', `127.0.0.1:${port}`, '--status', `127.0.0.1:${status}`],
        ...['--also-for', '127.0.0.1', '--drain', '100ms', '--resync', '100ms', ...words],
      ],
      env: { POD_NAMESPACE: 'sidepool', POD_NAME: name },
      ready: { kind: 'http', url: `http://127.0.0.1:${status}/readyz` },
      readyTimeoutMs: PATIENCE_MS,
    });
    running.push(controller);
    return controller;
  }

  async function configuration(): Promise<{ name: string; clientConfig: { caBundle?: string } }[]> {
    const path = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/sidepool';
    const { body } = await level.api.call({ method: 'GET', path });
    return (body as { webhooks: { name: string; clientConfig: { caBundle?: string } }[] }).webhooks;
  }

  async function bundle(): Promise<string> {
    const [first] = await configuration();
    return Buffer.from(first?.clientConfig.caBundle ?? '', 'base64').toString();
  }

  /** The pod as the API server keeps it, or would. */
  async function create(
    wish: PodWish,
    query = '',
  ): Promise<{ readonly status: number; readonly pod: Pod; readonly message: string }> {
    const pod = podOf(wish);
    const path = `/api/v1/namespaces/${pod.metadata.namespace}/pods${query}`;
    const { status, body } = await level.api.call({ method: 'POST', path, body: pod });
    return { status, pod: body as Pod, message: (body as { message?: string }).message ?? '' };
  }

  const sidecarOf = ({ spec }: Pod): Container | undefined =>
    [...(spec.initContainers ?? []), ...spec.containers].find(({ name }) => name === 'sidepool');

  /** Until the API server calls, which takes a moment after a change. */
  const injectsAgain = () =>
    waitFor(
      async () => {
        const { status, pod } = await create({ name: 'probe' }, '?dryRun=All');
        return status === 201 && sidecarOf(pod) !== undefined;
      },
      { timeoutMs: PATIENCE_MS, everyMs: 100, what: 'an injected pod' },
    );

  beforeAll(async () => {
    level = await ApiLevel.start();
    await level.makeNamespace('sidepool');
    await level.makeNamespace('team', {
      'sidepool.io/injection': 'enabled',
      'pod-security.kubernetes.io/enforce': 'restricted',
    });
    await level.makeNamespace('other');
    await level.makeNamespace('closed', { 'sidepool.io/injection': 'disabled' });
    webhookPort = await freePort();
    const objects = await renderChart();
    const kinds = /ServiceAccount|Role|Secret|Lease|MutatingWebhookConfiguration/;
    for (const object of objects.filter(({ kind }) => kinds.test(kind))) {
      // The API server is on this machine, and services lead nowhere here.
      for (const webhook of object.webhooks ?? [])
        webhook.clientConfig = { url: `https://127.0.0.1:${webhookPort}/inject` };
      await level.apply(object);
    }
    const account = objects.find(({ kind }) => kind === 'ServiceAccount');
    serviceAccount = account!.metadata.name;
    kubeconfig = await level.kubeconfigOf('sidepool', serviceAccount);
    writeFileSync(directory.file('injection.yaml'), 'image: sidepool.test/sidepool:dev\n');
    await startController(webhookPort, 'first');
    await injectsAgain();
  }, 240_000);

  afterAll(async () => {
    for (const each of running.splice(0)) await each.stop();
    await level?.end();
    directory.remove();
  }, 120_000);

  it('is registered: both webhooks trust its authority, and nothing else of them has changed', async () => {
    const webhooks = await configuration();
    expect(webhooks.map(({ name }) => name)).toEqual(['namespace.sidepool.io', 'pod.sidepool.io']);
    const rendered = (await renderChart()).find(
      ({ kind }) => kind === 'MutatingWebhookConfiguration',
    );
    for (const [index, webhook] of webhooks.entries()) {
      const authority = new X509Certificate(
        Buffer.from(webhook.clientConfig.caBundle ?? '', 'base64'),
      );
      expect(authority.ca).toBe(true);
      expect(webhook).toMatchObject({ ...rendered!.webhooks![index], clientConfig: {} });
    }
  });

  it('injects into a pod of a labelled namespace that is held to the restricted level', async () => {
    const { status, pod, message } = await create({ name: 'shop' });
    expect(message).toBe('');
    expect(status).toBe(201);
    const [sidecar] = pod.spec.initContainers ?? [];
    expect(sidecar).toMatchObject({
      name: 'sidepool',
      image: 'sidepool.test/sidepool:dev',
      restartPolicy: 'Always',
    });
    expect(pod.spec.containers[0]?.env).toEqual([
      { name: 'SIDEPOOL_API_URL', value: 'http://127.0.0.1:15101' },
    ]);
    // The token is mounted into the application alone.
    const tokenFolder = '/var/run/secrets/kubernetes.io/serviceaccount';
    const mountOf = (container: Container | undefined) =>
      container?.volumeMounts
        ?.filter(({ mountPath }) => mountPath === tokenFolder)
        .map(({ name }) => name);
    expect(mountOf(pod.spec.containers[0])).toEqual([expect.stringMatching(/^kube-api-access-/)]);
    expect(mountOf(sidecar)).toEqual(['sidepool-no-token']);
  });

  it.each([
    ['a labelled namespace, no upstream named', { name: 'a', annotations: {} }, false],
    [
      'a labelled namespace, the pod says no',
      { name: 'b', labels: { 'sidepool.io/inject': 'false' } },
      false,
    ],
    ['another namespace', { name: 'c', namespace: 'other' }, false],
    [
      'another namespace, the pod says yes',
      { name: 'd', namespace: 'other', labels: { 'sidepool.io/inject': 'true' } },
      true,
    ],
    [
      'a closed namespace, the pod says yes',
      { name: 'e', namespace: 'closed', labels: { 'sidepool.io/inject': 'true' } },
      false,
    ],
    [
      "the controller's own namespace",
      { name: 'f', namespace: 'sidepool', labels: { 'sidepool.io/inject': 'true' } },
      false,
    ],
  ] as const)('%s', async (_, wish, isInjected) => {
    const { status, pod, message } = await create(wish, '?dryRun=All');
    expect(message).toBe('');
    expect(status).toBe(201);
    expect(sidecarOf(pod) !== undefined).toBe(isInjected);
  });

  it('warns, and kubectl shows it', async () => {
    const pod = podOf({
      name: 'warned',
      annotations: { ...upstreams, 'sidepool.io/wram': '3', 'sidepool.io/log-level': 'loud' },
    });
    const { code, stderr, stdout } = await level.kubectl(
      ['create', '-o', 'json', '-f', '-'],
      stringify(pod),
    );
    expect(code).toBe(0);
    expect(stderr).toContain(
      'Warning: sidepool: not injected: sidepool.io/log-level: found "loud"; one of trace, debug, info, warn, error, silent is meant',
    );
    expect(stderr).toContain(
      'Warning: sidepool: unknown annotation sidepool.io/wram: did you mean sidepool.io/warm?',
    );
    expect(sidecarOf(JSON.parse(stdout))).toBeUndefined();
  });

  it('refuses where strict asks for it', async () => {
    const { status, message } = await create({
      name: 'strict',
      annotations: { ...upstreams, 'sidepool.io/strict': 'true', 'sidepool.io/warm': 'x' },
    });
    expect(status).toBe(403);
    expect(message).toMatch(/denied the request: sidepool: sidepool\.io\/warm: found "x"/);
  });

  it('tells the owner in an event, and a dry run nobody', async () => {
    const owner = {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      name: 'shop-1',
      uid: 'a-b-c',
      controller: true,
    };
    const labels = { 'sidepool.io/inject': 'true' };
    const spec = { hostNetwork: true };
    // Where nothing is enforced, since the restricted level knows no host network.
    const wish = { namespace: 'other', labels, spec };
    await create(
      { ...wish, name: 'dry', metadata: { ownerReferences: [{ ...owner, uid: 'dry' }] } },
      '?dryRun=All',
    );
    await create({ ...wish, name: 'owned', metadata: { ownerReferences: [owner] } });
    const events = await waitFor(
      async () => {
        const { body } = await level.api.call({
          method: 'GET',
          path: '/api/v1/namespaces/other/events',
        });
        const { items } = body as {
          items: { reason: string; message: string; involvedObject: object }[];
        };
        const told = items.filter(({ reason }) => reason === 'SidepoolNotInjected');
        return told.length > 0 && told;
      },
      { timeoutMs: PATIENCE_MS, what: 'the event' },
    );
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      involvedObject: { kind: 'ReplicaSet', name: 'shop-1', uid: 'a-b-c' },
      message: expect.stringMatching(/^hostNetwork/),
    });
  });

  it('reads a ConfigMap of the namespace of the pod', async () => {
    await level.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'pools', namespace: 'team' },
      data: {
        'sidepool.yaml': stringify({
          listeners: [{ address: '127.0.0.1:15107', upstream: 'ledger' }],
          upstreams: { ledger: { url: 'http://ledger:8080' } },
        }),
      },
    });
    const annotations = { 'sidepool.io/upstreams': 'configMap:pools' };
    const { pod } = await create({ name: 'mapped', annotations });
    expect(pod.spec.containers[0]?.env?.[0]).toEqual({
      name: 'SIDEPOOL_LEDGER_URL',
      value: 'http://127.0.0.1:15107',
    });
  });

  it('is called again when another webhook has added a container, which gets its variables too', async () => {
    const other = await otherWebhook();
    try {
      const path = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/zz-other';
      await level.apply({
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'MutatingWebhookConfiguration',
        metadata: { name: 'zz-other' },
        webhooks: [
          {
            name: 'other.example.com',
            clientConfig: { url: `https://127.0.0.1:${other.port}/`, caBundle: other.caBundle },
            rules: [
              { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] },
            ],
            objectSelector: { matchLabels: { other: 'yes' } },
            admissionReviewVersions: ['v1'],
            sideEffects: 'None',
          },
        ],
      });
      const pod = await waitFor(
        async () => {
          const made = await create(
            { name: 'twice', namespace: 'team', labels: { other: 'yes' } },
            '?dryRun=All',
          );
          return made.pod.spec?.containers.length === 2 && made.pod;
        },
        { timeoutMs: PATIENCE_MS, everyMs: 100, what: "the other webhook's container" },
      );
      expect(pod.spec.containers.map(({ name }) => name)).toEqual(['app', 'later']);
      for (const container of pod.spec.containers)
        expect(container.env).toEqual([
          { name: 'SIDEPOOL_API_URL', value: 'http://127.0.0.1:15101' },
        ]);
      expect(pod.spec.initContainers?.map(({ name }) => name)).toEqual(['sidepool']);
      await level.kubectl(['delete', '--raw', path]);
    } finally {
      other.server.close();
      other.server.closeAllConnections();
    }
  });

  it('tells the endpoints of a Service to who shows a token made for that, and to nobody else', async () => {
    await level.apply(
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRole',
        metadata: { name: 'endpoints' },
        // As docs/controller.md has it for --endpoints.
        rules: [
          { apiGroups: [''], resources: ['services'], verbs: ['list', 'watch'] },
          {
            apiGroups: ['discovery.k8s.io'],
            resources: ['endpointslices'],
            verbs: ['list', 'watch'],
          },
          { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
        ],
      },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: 'endpoints' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'endpoints' },
        subjects: [{ kind: 'ServiceAccount', name: serviceAccount, namespace: 'sidepool' }],
      },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'pay', namespace: 'team' },
        spec: { ports: [{ name: 'web', port: 80, targetPort: 8080 }] },
      },
      sliceOf('10.0.0.1'),
    );
    const port = await freePort();
    const controller = await startController(
      await freePort(),
      'teller',
      '--endpoints',
      `127.0.0.1:${port}`,
    );
    const tokenFor = async (...audience: readonly string[]) =>
      (
        await level.kubectl(['-n', 'team', 'create', 'token', 'default', ...audience])
      ).stdout.trim();
    const path = '/v1/endpoints?service=team/pay:80';
    const trusted = await bundle();
    const open = (token: string) => openStream(port, { path, token, ca: trusted });

    expect((await open(await tokenFor())).status).toBe(401);
    expect((await open('nonsense')).status).toBe(401);
    const stream = await open(await tokenFor('--audience', 'sidepool.io'));
    expect(stream.status).toBe(200);
    await waitFor(
      () => stream.text().includes('{"set":"team/pay:80","endpoints":["10.0.0.1:8080"]}'),
      {
        timeoutMs: PATIENCE_MS,
        what: stream.text,
      },
    );
    await level.apply(sliceOf('10.0.0.1', '10.0.0.2'));
    await waitFor(
      () => stream.text().includes('{"change":"team/pay:80","add":["10.0.0.2:8080"],"remove":[]}'),
      { timeoutMs: PATIENCE_MS, what: stream.text },
    );
    await level.kubectl(['-n', 'team', 'delete', 'endpointslice', 'pay-1']);
    await waitFor(() => stream.text().includes('{"set":"team/pay:80","endpoints":[]}'), {
      timeoutMs: PATIENCE_MS,
      what: stream.text,
    });
    stream.end();
    await controller.stop(PATIENCE_MS);
    expect(controller.exit).toEqual({ code: 0, signal: null });
    running.splice(running.indexOf(controller), 1);
  });

  it('is away: pods are created without the sidecar; it is back: the next ones have it', async () => {
    for (const each of running.splice(0)) {
      await each.stop(PATIENCE_MS);
      expect(each.exit).toEqual({ code: 0, signal: null });
    }
    const without = await create({ name: 'without' });
    expect(without.status).toBe(201);
    expect(sidecarOf(without.pod)).toBeUndefined();
    await startController(webhookPort, 'second');
    await injectsAgain();
  });

  it(
    'has two replicas that agree, and its certificates rotated under a stream of creations',
    async () => {
      for (const each of running.splice(0)) await each.stop();
      // What was made for a year is looked at as if it were made for seconds: first of all it is replaced.
      const lifetimes = [
        '--ca-lifetime',
        '24s',
        '--certificate-lifetime',
        '12s',
        '--trust-delay',
        '1s',
      ];
      await level.api.call({
        method: 'PATCH',
        path: '/api/v1/namespaces/sidepool/secrets/sidepool-certificates',
        contentType: 'application/merge-patch+json',
        body: { data: null },
      });
      // The first holds the Lease; the API server calls the second, which only reads what the first has made.
      const leader = await startController(await freePort(), 'leader', ...lifetimes);
      await startController(webhookPort, 'follower', ...lifetimes);
      await injectsAgain();

      const count = (step: string) => leader.output().split(`"step":"${step}"`).length - 1;
      const authorities = new Set<string>();
      const shown = new Set<string>();
      const failures: string[] = [];
      let created = 0;
      const begunMs = performance.now();
      const longestMs = 60_000 + rotations * 60_000;
      while (count('promote') < rotations || count('renew-serving') < rotations) {
        if (performance.now() - begunMs > longestMs)
          throw new Error(`no rotation in ${longestMs} ms: ${leader.output()}`);
        const made = await Promise.all(
          Array.from({ length: 5 }, () => create({ name: `stream-${created++}` }, '?dryRun=All')),
        );
        for (const { status, pod, message } of made) {
          if (status !== 201) failures.push(`refused: ${status} ${message}`);
          else if (sidecarOf(pod) === undefined) failures.push('without its sidecar');
        }
        // As an API server that has not called before: trusted by what was trusted before it was shown.
        const trusted = await bundle();
        for (const pem of trusted.match(/-----BEGIN.*?-----END CERTIFICATE-----/gs) ?? [])
          authorities.add(pem);
        shown.add(await handshake(webhookPort, trusted));
      }
      console.log(
        `${created} creations in ${Math.round((performance.now() - begunMs) / 1000)} s, ${failures.length} failed; ` +
          `${authorities.size} authorities, ${shown.size} certificates`,
      );
      expect(failures).toEqual([]);
      expect(authorities.size).toBeGreaterThan(rotations);
      expect(shown.size).toBeGreaterThan(rotations);
      expect(leader.output()).not.toContain('"during":"certificates"');
    },
    180_000 + rotations * 60_000,
  );
});

function sliceOf(...ips: readonly string[]) {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'pay-1', namespace: 'team', labels: { 'kubernetes.io/service-name': 'pay' } },
    addressType: 'IPv4',
    ports: [{ name: 'web', port: 8080 }],
    endpoints: ips.map((ip) => ({ addresses: [ip], conditions: { ready: true } })),
  };
}

interface OpenStream {
  readonly status: number;
  readonly text: () => string;
  end(): void;
}

function openStream(
  port: number,
  { path, token, ca }: { path: string; token: string; ca: string },
): Promise<OpenStream> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        host: '127.0.0.1',
        port,
        path,
        ca,
        agent: false,
        headers: { Authorization: `Bearer ${token}` },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('error', () => undefined);
        resolve({
          status: response.statusCode ?? 0,
          text: () => text,
          end: () => request.destroy(),
        });
      },
    );
    request.on('error', reject);
    request.end();
  });
}

/** The serial number of what is shown; rejects when it is not trusted. */
function handshake(port: number, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      ca,
      servername: 'sidepool-controller.sidepool.svc',
    });
    socket.once('secureConnect', () => {
      resolve(socket.getPeerX509Certificate()?.serialNumber ?? '');
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

interface OtherWebhook {
  readonly server: Server;
  readonly port: number;
  readonly caBundle: string;
}

/** Adds a container named `later`, once. */
async function otherWebhook(): Promise<OtherWebhook> {
  const validity = { nowSeconds: Date.now() / 1000, lifetimeMs: 3_600_000 };
  const authority = await issueAuthority(validity);
  const pair = await issueServing(authority, ['127.0.0.1'], validity);
  const server = createServer({ cert: pair.cert, key: pair.key }, (request, response) => {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      text += chunk;
    });
    request.on('end', () => {
      const { request: asked } = JSON.parse(text);
      const hasIt = asked.object.spec.containers.some(({ name }: Container) => name === 'later');
      const value = { ...asked.object.spec.containers[0], name: 'later', env: undefined };
      const patch = hasIt ? [] : [{ op: 'add', path: '/spec/containers/-', value }];
      const answer = {
        uid: asked.uid,
        allowed: true,
        patchType: 'JSONPatch',
        patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
      };
      response.setHeader('Content-Type', 'application/json');
      response.end(
        JSON.stringify({
          apiVersion: 'admission.k8s.io/v1',
          kind: 'AdmissionReview',
          response: answer,
        }),
      );
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as { port: number };
  return { server, port, caBundle: Buffer.from(authority.cert).toString('base64') };
}

if (missing !== undefined)
  it(`before a real API server: ${missing}`, (context) => {
    context.skip(missing);
  });
