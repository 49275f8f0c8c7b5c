/** The webhook goes away and comes back, and its certificate is replaced while pods are created. */
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../support/wait-for.ts';
import {
  apply,
  getJson,
  helm,
  home,
  install,
  kubectl,
  makeNamespace,
  type Pod,
  readyPods,
  removeNamespace,
  rolledOut,
  sidecarOf,
  tryKubectl,
} from './support/cluster.ts';
import { deployment, podSpec, programsConfigMap } from './support/manifests.ts';

const namespace = 'webhook';
const controller = 'app.kubernetes.io/component=controller';
const annotations = { 'sidepool.io/upstreams': 'web=http://web.invalid:8080' };

beforeAll(async () => {
  await install();
  await makeNamespace(namespace);
  await apply([programsConfigMap(namespace)]);
});

afterAll(async () => {
  await removeNamespace(namespace);
  // The next suite is to find an authority that lives.
  await helm(['uninstall', 'sidepool', '-n', home, '--wait']);
});

const sleeper = (name: string) => ({
  name,
  namespace,
  command: ['sleep', 'infinity'],
  annotations,
  graceSeconds: 1,
});

describe('while the webhook is away', () => {
  it('pods start without the sidecar; when it is back, the next ones have it', {
    timeout: 300_000,
  }, async () => {
    await kubectl(['-n', home, 'scale', 'deployment/sidepool-controller', '--replicas=0']);
    await readyPods(home, controller, 0);
    await apply([deployment(sleeper('without'))]);
    const [without] = await readyPods(namespace, 'app=without', 1);
    expect(sidecarOf(without as Pod)).toBeUndefined();

    await kubectl(['-n', home, 'scale', 'deployment/sidepool-controller', '--replicas=1']);
    await rolledOut(home, 'sidepool-controller');
    await readyPods(home, controller, 1);
    // Another pod each time: the API server may need a moment to see the new address.
    let round = 0;
    const next = await waitFor(
      async () => {
        const name = `next-${round++}`;
        const pod = await createDry(name);
        return pod.ok && sidecarOf(pod.pod) !== undefined && name;
      },
      { timeoutMs: 60_000, everyMs: 500, what: 'a pod with a sidecar' },
    );
    expect(next).toBeTruthy();
    await apply([deployment(sleeper('with'))]);
    const [pod] = await readyPods(namespace, 'app=with', 1);
    expect(sidecarOf(pod as Pod)).toBeDefined();
    expect(pod?.status.initContainerStatuses?.every(({ ready }) => ready)).toBe(true);
  });
});

type Created =
  | { readonly ok: true; readonly pod: Pod; readonly warning: string }
  | { readonly ok: false; readonly why: string };

/** Created as any pod, by way of the webhook, and not kept. */
async function createDry(name: string): Promise<Created> {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, annotations },
    spec: podSpec(sleeper(name)),
  };
  const input = JSON.stringify(pod);
  const asked = await tryKubectl(['create', '--dry-run=server', '-o', 'json', '-f', '-'], {
    input,
  });
  if (asked.code !== 0) return { ok: false, why: asked.stderr };
  return { ok: true, pod: JSON.parse(asked.stdout), warning: asked.stderr };
}

interface WebhookConfiguration {
  readonly webhooks: readonly { readonly clientConfig: { readonly caBundle?: string } }[];
}

const bundle = async (): Promise<string> => {
  const { webhooks } = await getJson<WebhookConfiguration>(
    'mutatingwebhookconfiguration',
    'sidepool',
  );
  return webhooks[0]?.clientConfig.caBundle ?? '';
};

interface Secret {
  readonly data?: Readonly<Record<string, string>>;
}

/** The serial number of what is served. */
async function servedSerial(): Promise<string> {
  const { data = {} } = await getJson<Secret>('secret', '-n', home, 'sidepool-certificates');
  return new X509Certificate(Buffer.from(data['tls.crt'] ?? '', 'base64')).serialNumber;
}

describe('while certificates are replaced', () => {
  it('no creation is refused, and none goes without its sidecar', {
    timeout: 400_000,
  }, async () => {
    // Anew: an authority that is there already lives as long as it was made for. And two replicas, so that what
    // one makes the other must take over in time.
    await helm(['uninstall', 'sidepool', '-n', home, '--wait']);
    await install(
      ...['--set', 'replicas=2,certificates.caLifetime=60s,certificates.lifetime=20s'],
      ...['--set', 'certificates.trustDelay=5s,extraArgs={--resync=1s}'],
    );
    const bundles = new Set<string>();
    const serials = new Set<string>();
    const failures: string[] = [];
    let created = 0;
    const beganMs = performance.now();
    const lasts = (ms: number): boolean => performance.now() - beganMs < ms;
    // Longer on a machine that is busy with something else.
    while (lasts(100_000) || (lasts(300_000) && (bundles.size < 3 || serials.size < 4))) {
      const results = await Promise.all(
        [1, 2, 3].map((each) => createDry(`pod-${created + each}`)),
      );
      for (const result of results) {
        created++;
        if (!result.ok) failures.push(result.why);
        else if (sidecarOf(result.pod) === undefined)
          failures.push(`pod ${created} has no sidecar. ${result.warning}`);
      }
      bundles.add(await bundle());
      serials.add(await servedSerial());
    }
    console.log(
      `${created} creations, ${failures.length} failed; ${serials.size} certificates, ${bundles.size} states of caBundle`,
    );
    expect(failures).toEqual([]);
    expect(created).toBeGreaterThan(100);
    expect(serials.size, 'serving certificates').toBeGreaterThanOrEqual(4);
    // One authority, and then two, and the second alone.
    expect(bundles.size, 'states of caBundle').toBeGreaterThanOrEqual(3);
  });
});
