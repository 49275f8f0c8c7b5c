/** A real API server with etcd, from test/cluster/kit, for suites that need no pod to run. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { KubernetesApi } from '../../src/controller/kubernetes/api.ts';
import { findClient, kit, kitPrograms, repository } from '../cluster/support/clients.ts';
import { type RunResult, runToEnd } from './process.ts';
import { makeTempDir, type TempDir } from './temp-dir.ts';

/** Why there can be none here, or undefined. */
export function apiLevelMissing(): string | undefined {
  const missing = ['kube-apiserver', 'etcd', 'kubectl', 'helm'].filter(
    (name) => !existsSync(join(kitPrograms(), name)),
  );
  return missing.length === 0
    ? undefined
    : `skipped: no ${missing.join(', ')} in ${kitPrograms()}; test/cluster/kit/build api makes them`;
}

export class ApiLevel {
  readonly kubeconfig: string;
  readonly api: KubernetesApi;
  readonly #dir: TempDir;

  private constructor(dir: TempDir) {
    this.#dir = dir;
    this.kubeconfig = dir.file('kubeconfig');
    this.api = new KubernetesApi(this.kubeconfig);
  }

  static async start(): Promise<ApiLevel> {
    const dir = makeTempDir('api');
    const up = await runToEnd({
      command: join(kit, 'up'),
      args: ['api', dir.path],
      timeoutMs: 180_000,
    });
    if (up.code !== 0) throw new Error(`the cluster did not start\n${up.stderr}`);
    return new ApiLevel(dir);
  }

  async end(): Promise<void> {
    await runToEnd({ command: join(kit, 'down'), args: [this.#dir.path], timeoutMs: 60_000 });
    this.#dir.remove();
  }

  kubectl(args: readonly string[], input?: string): Promise<RunResult> {
    return runToEnd({
      command: findClient('kubectl') ?? 'kubectl',
      args,
      env: { KUBECONFIG: this.kubeconfig },
      timeoutMs: 60_000,
      ...(input === undefined ? {} : { input }),
    });
  }

  async apply(...objects: readonly unknown[]): Promise<void> {
    // kubectl reads YAML 1.1, in which `yes` is no text.
    const input = objects.map((each) => stringify(each, { version: '1.1' })).join('---\n');
    const { code, stderr } = await this.kubectl(['apply', '-f', '-'], input);
    if (code !== 0) throw new Error(`apply: ${stderr}\n${input}`);
  }

  /** A namespace in which pods may be made: nobody gives it its ServiceAccount here. */
  async makeNamespace(name: string, labels: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
    await this.apply({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'default', namespace: name },
    });
  }

  /** A kubeconfig with the rights of a ServiceAccount, and no others. */
  async kubeconfigOf(namespace: string, serviceAccount: string): Promise<string> {
    const { stdout, code, stderr } = await this.kubectl([
      ...['-n', namespace, 'create', 'token', serviceAccount, '--duration', '1h'],
    ]);
    if (code !== 0) throw new Error(stderr);
    const config = parse(readFileSync(this.kubeconfig, 'utf8'));
    for (const each of config.users) each.user = { token: stdout.trim() };
    const file = this.#dir.file(`kubeconfig-${serviceAccount}`);
    writeFileSync(file, stringify(config));
    return file;
  }
}

/** What the chart renders, as objects. */
export async function renderChart(...args: readonly string[]): Promise<readonly ChartObject[]> {
  const chart = join(repository, 'charts', 'sidepool');
  const { code, stdout, stderr } = await runToEnd({
    command: findClient('helm') ?? 'helm',
    args: ['template', 'sidepool', chart, '--namespace', 'sidepool', ...args],
    timeoutMs: 60_000,
  });
  if (code !== 0) throw new Error(`helm template: ${stderr}`);
  return parseAllDocuments(stdout)
    .map((document) => document.toJS())
    .filter((object) => object !== null);
}

export interface ChartObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly webhooks?: readonly { clientConfig: object; readonly name: string }[];
}
