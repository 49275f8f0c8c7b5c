/** The cluster that `run.ts` started, for the suites that prove things on it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RunResult, runToEnd } from '../../support/process.ts';
import { waitFor } from '../../support/wait-for.ts';
import { findClient, repository } from './clients.ts';

/** As `run.ts` builds and loads them. */
export const image = { repository: 'sidepool.test/sidepool', tag: 'dev' } as const;
export const appsImage = 'sidepool.test/apps:1';
/** Where the controller is installed. */
export const home = 'sidepool';

export interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: {
    readonly containers: readonly Container[];
    readonly initContainers?: readonly Container[];
  };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
}

export interface ContainerStatus {
  readonly name: string;
  readonly ready: boolean;
  readonly started?: boolean;
  readonly restartCount: number;
  readonly state: { readonly running?: { readonly startedAt: string } };
}

const { SIDEPOOL_CLUSTER_DIR } = process.env;

function dir(): string {
  if (SIDEPOOL_CLUSTER_DIR === undefined)
    throw new Error('no cluster: these suites are run by test/cluster/run.ts');
  return SIDEPOOL_CLUSTER_DIR;
}

/** This machine, as pods reach it. */
export function machineAddress(): string {
  return `10.${readFileSync(join(dir(), 'octet'), 'utf8').trim()}.0.1`;
}

export interface Options {
  readonly input?: string;
  readonly timeoutMs?: number;
}

/** A result, whatever its exit code. */
export function tryKubectl(args: readonly string[], options: Options = {}): Promise<RunResult> {
  return client('kubectl', args, options);
}

/** Standard output; throws with what was said if it fails. */
export async function kubectl(args: readonly string[], options: Options = {}): Promise<string> {
  return succeeded('kubectl', args, await tryKubectl(args, options));
}

export function tryHelm(args: readonly string[], options: Options = {}): Promise<RunResult> {
  return client('helm', args, options);
}

export async function helm(args: readonly string[], options: Options = {}): Promise<string> {
  return succeeded('helm', args, await tryHelm(args, options));
}

function client(name: 'kubectl' | 'helm', args: readonly string[], options: Options) {
  const { input, timeoutMs = 120_000 } = options;
  return runToEnd({
    command: findClient(name) ?? name,
    args,
    env: { KUBECONFIG: join(dir(), 'kubeconfig') },
    timeoutMs,
    ...(input === undefined ? {} : { input }),
  });
}

function succeeded(name: string, args: readonly string[], result: RunResult): string {
  if (result.code !== 0)
    throw new Error(`${name} ${args.join(' ')}: ${result.stderr || result.stdout}`);
  return result.stdout;
}

/** Objects or text of manifests; what was said of them. */
export async function apply(
  objects: string | readonly unknown[],
  ...args: readonly string[]
): Promise<RunResult> {
  // JSON: Kubernetes reads YAML 1.1, in which "off" is a boolean, and the library writes 1.2.
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  const input = typeof objects === 'string' ? objects : JSON.stringify(list);
  const result = await tryKubectl(['apply', '-f', '-', ...args], { input });
  if (result.code !== 0) throw new Error(`apply: ${result.stderr}\n${input}`);
  return result;
}

export async function getJson<T>(...args: readonly string[]): Promise<T> {
  return JSON.parse(await kubectl(['get', ...args, '-o', 'json'])) as T;
}

export async function podsOf(namespace: string, selector: string): Promise<readonly Pod[]> {
  const { items } = await getJson<{ items: Pod[] }>('pods', '-n', namespace, '-l', selector);
  return items;
}

export function isReady(pod: Pod): boolean {
  const ready = pod.status.conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'True' && pod.metadata.deletionTimestamp === undefined;
}

/** The pods of a roll-out that has come to its end. */
export async function readyPods(
  namespace: string,
  selector: string,
  count: number,
): Promise<readonly Pod[]> {
  let seen: readonly Pod[] = [];
  return await waitFor(
    async () => {
      seen = await podsOf(namespace, selector);
      const ready = seen.filter(isReady);
      return ready.length === count && seen.length === count && ready;
    },
    {
      timeoutMs: 120_000,
      everyMs: 300,
      what: () => `${count} ready pods of ${selector} in ${namespace}: ${JSON.stringify(seen)}`,
    },
  );
}

export async function rolledOut(namespace: string, deployment: string): Promise<void> {
  await kubectl(
    ['-n', namespace, 'rollout', 'status', `deployment/${deployment}`, '--timeout', '150s'],
    { timeoutMs: 160_000 },
  );
}

/** A namespace for one suite: labelled for injection, and held to the restricted Pod Security level. */
export async function makeNamespace(
  name: string,
  labels: Readonly<Record<string, string>> = { 'sidepool.io/injection': 'enabled' },
): Promise<void> {
  const restricted = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  await apply([
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: { ...restricted, ...labels } },
    },
  ]);
  // Its controller makes it a moment later, and until then pods are refused.
  await waitFor(
    async () => (await tryKubectl(['-n', name, 'get', 'serviceaccount', 'default'])).code === 0,
    { timeoutMs: 20_000, everyMs: 200, what: `the ServiceAccount of ${name}` },
  );
}

export async function removeNamespace(name: string): Promise<void> {
  await kubectl(['delete', 'namespace', name, '--ignore-not-found', '--timeout', '90s']);
}

export const chart = join(repository, 'charts', 'sidepool');

/** What every installation of these suites has: the image that is loaded, and nothing that is big. */
export const installValues = [
  ...['--set', `image.repository=${image.repository},image.tag=${image.tag}`],
] as const;

/** Installs, or brings to these values what is installed; resolves when it answers. */
export async function install(...options: readonly string[]): Promise<string> {
  const said = await helm([
    ...['upgrade', '--install', 'sidepool', chart, '--namespace', home, '--create-namespace'],
    ...installValues,
    ...['--set', 'replicas=1'],
    ...options,
    ...['--wait', '--timeout', '120s'],
  ]);
  await waitForWebhook();
  return said;
}

/** Ready pods are not yet all: the API server must trust them, and kube-proxy know them. */
async function waitForWebhook(): Promise<void> {
  let last = '';
  await waitFor(
    async () => {
      const asked = await tryKubectl(['create', '--dry-run=server', '-o', 'json', '-f', '-'], {
        input: JSON.stringify(probePod),
      });
      last = asked.stdout + asked.stderr;
      return asked.code === 0 && sidecarOf(JSON.parse(asked.stdout)) !== undefined;
    },
    { timeoutMs: 60_000, everyMs: 300, what: () => `a webhook that injects: ${last}` },
  );
}

const probePod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'probe',
    namespace: 'default',
    labels: { 'sidepool.io/inject': 'true' },
    annotations: { 'sidepool.io/upstreams': 'api=http://example.com' },
  },
  spec: { containers: [{ name: 'app', image: appsImage }] },
};

export function sidecarOf(pod: Pod): Container | undefined {
  const { containers, initContainers = [] } = pod.spec;
  return [...initContainers, ...containers].find(({ name }) => name === 'sidepool');
}

/** What a sidecar tells of itself: for the message of a test that fails. */
export async function sidecarStory(namespace: string, { metadata, status }: Pod): Promise<string> {
  const pools = await fetch(`http://${status.podIP}:15100/pools`).then((answer) => answer.text());
  const logs = await tryKubectl(['-n', namespace, 'logs', metadata.name, '-c', 'sidepool']);
  return `${pools}\n${logs.stdout.split('\n').slice(-30).join('\n')}`;
}
