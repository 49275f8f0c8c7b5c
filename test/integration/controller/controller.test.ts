/** The controller in this process, over real HTTPS, before an API server that is made up. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import {
  type ControllerOptions,
  readControllerArguments,
} from '../../../src/controller/arguments.ts';
import { issueAuthority, issueServing } from '../../../src/controller/certificates/issue.ts';
import { Controller } from '../../../src/controller/controller.ts';
import { createLog } from '../../../src/telemetry/log.ts';
import { FakeApi } from '../../support/fake-api.ts';
import { sampleDefaults } from '../../support/injection.ts';
import { waitFor } from '../../support/wait-for.ts';

const webhookPath = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/sidepool';
const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(words: readonly string[] = [], api = new FakeApi()) {
  api.put(webhookPath, {
    metadata: { name: 'sidepool' },
    webhooks: [{ name: 'pod.sidepool.io', clientConfig: {} }],
  });
  const call = readControllerArguments(
    [
      '--injection',
      'unread',
      '--webhook',
      '127.0.0.1:0',
      '--status',
      '127.0.0.1:0',
      '--resync',
      '50ms',
    ].concat(['--nodes-interval', '50ms', '--drain', '50ms', '--also-for', '127.0.0.1', ...words]),
    { POD_NAMESPACE: 'sidepool', POD_NAME: 'test' },
  );
  const { options } = call as { options: ControllerOptions };
  const lines: string[] = [];
  const controller = new Controller(options, {
    api,
    clock: systemClock,
    random: Math.random,
    log: createLog({ level: 'debug', destination: { write: (line: string) => lines.push(line) } }),
    defaults: sampleDefaults,
    version: 'test',
  });
  await controller.start();
  let isStopped = false;
  const stop = async () => {
    if (!isStopped) await controller.stop();
    isStopped = true;
  };
  ends.push(stop);
  const status = `http://${controller.addresses.status}`;
  const bundle = () =>
    Buffer.from(
      api.objects.get(webhookPath)!.webhooks![0]!.clientConfig.caBundle ?? '',
      'base64',
    ).toString();
  const isReady = async () => (await fetch(`${status}/readyz`)).status === 200;
  return { api, controller, lines, status, bundle, isReady, stop };
}

interface Answer {
  readonly status: number;
  readonly connection: string | undefined;
  readonly body: string;
}

function post(address: string, ca: string, body: unknown, path = '/inject'): Promise<Answer> {
  const [host, port] = address.split(':');
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        host,
        port,
        path,
        ca,
        method: 'POST',
        agent: false,
        headers: { 'Content-Type': 'application/json' },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            connection: response.headers.connection,
            body: text,
          }),
        );
      },
    );
    request.on('error', reject);
    request.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
}

const question = {
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: 'u-1',
    kind: { kind: 'Pod' },
    operation: 'CREATE',
    namespace: 'team',
    object: {
      metadata: { name: 'shop', annotations: { 'sidepool.io/upstreams': 'api=http://api' } },
      spec: { containers: [{ name: 'shop' }] },
    },
  },
};

function modeOf({ body }: Answer): string {
  const { response } = JSON.parse(body);
  return Buffer.from(response.patch, 'base64').toString().includes('/spec/initContainers')
    ? 'native'
    : 'plain';
}

describe('the controller', () => {
  it('is ready once it can answer, injects over HTTPS that its bundle trusts, and says so', async () => {
    const { api, controller, status, bundle, isReady, lines } = await start();
    expect((await fetch(`${status}/healthz`)).status).toBe(200);
    await waitFor(isReady);
    await waitFor(() => bundle() !== '');
    const answer = await post(controller.addresses.webhook, bundle(), question);
    expect(answer.status).toBe(200);
    expect(modeOf(answer)).toBe('native');
    expect(api.events[0]).toMatchObject({
      reason: 'SidepoolInjected',
      involvedObject: { name: 'shop' },
    });
    const metrics = await (await fetch(`${status}/metrics`)).text();
    expect(metrics).toMatch(/^sidepool_controller_admissions_total\{outcome="injected"\} 1$/m);
    expect(metrics).toMatch(/^sidepool_controller_leader 1$/m);
    expect(metrics).toMatch(/^sidepool_controller_native_sidecars 1$/m);
    expect(metrics).toMatch(/^sidepool_controller_admission_duration_seconds_count 1$/m);
    const [, seconds] = /certificate_expiry_seconds\{certificate="serving"\} (\S+)/.exec(metrics)!;
    expect(Number(seconds)).toBeGreaterThan(29 * 86_400);
    const line = lines.find((each) => each.includes('"admission"'));
    expect(JSON.parse(line!)).toMatchObject({ outcome: 'injected', mode: 'native', pod: 'shop' });
  });

  it('follows the kubelets: an old one joins, and the next sidecar is plain', async () => {
    const { api, controller, bundle, isReady } = await start();
    await waitFor(isReady);
    await waitFor(() => bundle() !== '');
    const mode = async () => modeOf(await post(controller.addresses.webhook, bundle(), question));
    expect(await mode()).toBe('native');
    api.kubelets = ['v1.35.0', 'v1.28.3'];
    await waitFor(async () => (await mode()) === 'plain');
    api.kubelets = ['v1.35.0'];
    await waitFor(async () => (await mode()) === 'native');
  });

  it('answers on while the API server is away, and tells a trouble once', async () => {
    const { api, controller, bundle, isReady, lines } = await start();
    await waitFor(isReady);
    await waitFor(() => bundle() !== '');
    const before = bundle();
    api.isAway = true;
    await waitFor(() => controller.figures.errors.certificates >= 3);
    expect((await post(controller.addresses.webhook, before, question)).status).toBe(200);
    expect(await isReady()).toBe(true);
    expect(lines.filter((line) => line.includes('"during":"certificates"'))).toHaveLength(1);
    api.isAway = false;
    await waitFor(() => lines.some((line) => line.includes('"event":"mended"')));
  });

  it('starts without an API server, not ready, and becomes so when it comes', async () => {
    const api = new FakeApi();
    // Hours until kubelets are asked again: what was not answered is asked for sooner.
    const { isReady, status, controller, bundle } = await start(
      ['--nodes-interval', '3h'],
      Object.assign(api, { isAway: true }),
    );
    expect(await isReady()).toBe(false);
    expect(await (await fetch(`${status}/readyz`)).text()).toMatch(/it has no certificate yet/);
    api.isAway = false;
    await waitFor(isReady);
    await waitFor(() => bundle() !== '');
    expect(modeOf(await post(controller.addresses.webhook, bundle(), question))).toBe('native');
  });

  it('says what is no review', async () => {
    const { controller, bundle, isReady } = await start();
    await waitFor(isReady);
    await waitFor(() => bundle() !== '');
    const { webhook } = controller.addresses;
    expect((await post(webhook, bundle(), '{')).status).toBe(400);
    expect((await post(webhook, bundle(), {})).status).toBe(400);
    expect((await post(webhook, bundle(), question, '/other')).status).toBe(404);
    expect((await post(webhook, bundle(), 'x'.repeat(9 * 1024 * 1024))).status).toBe(413);
    expect(controller.figures.admissions['bad-request']).toBe(4);
  });

  it('ends: not ready at once, still answering, each answer the last of its connection', async () => {
    const { api, controller, bundle, isReady, stop } = await start(['--drain', '300ms']);
    await waitFor(isReady);
    await waitFor(() => bundle() !== '');
    const { webhook } = controller.addresses;
    const ending = stop();
    expect(await isReady()).toBe(false);
    const answer = await post(webhook, bundle(), question);
    expect(answer).toMatchObject({ status: 200, connection: 'close' });
    await ending;
    await expect(post(webhook, bundle(), question)).rejects.toThrow('ECONNREFUSED');
    const lease = api.objects.get(
      '/apis/coordination.k8s.io/v1/namespaces/sidepool/leases/sidepool-controller',
    );
    expect(lease?.spec?.holderIdentity).toBe('');
  });

  it('with a mounted certificate shows that one, follows its change, and leaves Secret and bundle alone', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sidepool-certificate-'));
    ends.push(() => rmSync(directory, { recursive: true }));
    const validity = { nowSeconds: systemClock.wallSeconds(), lifetimeMs: 3_600_000 };
    const mount = async () => {
      const authority = await issueAuthority(validity);
      const pair = await issueServing(authority, ['127.0.0.1'], validity);
      writeFileSync(join(directory, 'tls.crt'), pair.cert);
      writeFileSync(join(directory, 'tls.key'), pair.key);
      return authority.cert;
    };
    const first = await mount();
    const { api, controller, isReady, bundle } = await start(['--certificate-dir', directory]);
    await waitFor(isReady);
    expect((await post(controller.addresses.webhook, first, question)).status).toBe(200);
    const second = await mount();
    await waitFor(
      async () =>
        await post(controller.addresses.webhook, second, question).then(
          () => true,
          () => false,
        ),
    );
    expect(bundle()).toBe('');
    expect([...api.objects.keys()].filter((path) => path.includes('secrets'))).toEqual([]);
  });
});
