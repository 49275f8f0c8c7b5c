/** The chart's life in a cluster: dry run, installation, test, upgrade, rollback, and an end without a trace. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repository } from './support/clients.ts';
import {
  apply,
  chart,
  getJson,
  helm,
  home,
  install,
  installValues,
  kubectl,
  makeNamespace,
  tryHelm,
  tryKubectl,
} from './support/cluster.ts';

const kustomize = join(repository, 'deploy', 'kustomize');

let before: ReadonlySet<string>;

beforeAll(async () => {
  await tryHelm(['uninstall', 'sidepool', '-n', home, '--wait']);
  await kubectl(['delete', 'namespace', home, '--ignore-not-found']);
  before = await everything();
});

afterAll(() => kubectl(['delete', 'namespace', home, '--ignore-not-found']));

/** Names of all objects, but for those that come and go by themselves. */
async function everything(): Promise<ReadonlySet<string>> {
  const passing = /^(events|leases|endpointslices|componentstatuses)(\.|$)/;
  const listed = await kubectl(['api-resources', '--verbs=list', '-o', 'name']);
  const kinds = listed.split('\n').filter((kind) => kind !== '' && !passing.test(kind));
  const found = await getJson<{ items: { kind: string; metadata: Named }[] }>(
    ...[kinds.join(','), '--all-namespaces', '--ignore-not-found'],
  );
  return new Set(
    found.items.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`),
  );
}

interface Named {
  readonly name: string;
  readonly namespace?: string;
}

interface WebhookConfiguration {
  readonly webhooks: readonly {
    readonly failurePolicy: string;
    readonly clientConfig: { readonly caBundle?: string };
  }[];
}

async function state(): Promise<{ readonly bundle: string; readonly authority: string }> {
  const webhook = await getJson<WebhookConfiguration>('mutatingwebhookconfiguration', 'sidepool');
  const secret = await getJson<{ data?: Record<string, string> }>(
    ...['secret', '-n', home, 'sidepool-certificates'],
  );
  return {
    bundle: webhook.webhooks.map(({ clientConfig }) => clientConfig.caBundle).join(' '),
    authority: secret.data?.['ca.crt'] ?? '',
  };
}

describe('before anything is installed', () => {
  it('the API server accepts the whole chart, dry', async () => {
    await makeNamespace(home, {});
    const rendered = await helm(['template', 'sidepool', chart, '-n', home]);
    const { stdout: said, stderr } = await apply(rendered, '--dry-run=server', '-n', home);
    expect(said.trim().split('\n').length).toBeGreaterThanOrEqual(12);
    for (const line of said.trim().split('\n')) expect(line).toContain('(server dry run)');
    expect(stderr).toBe('');
    await kubectl(['delete', 'namespace', home]);
  });

  it('and all of kustomize', async () => {
    await makeNamespace(home, {});
    const dry = await tryKubectl(['apply', '-k', kustomize, '--dry-run=server']);
    expect(dry.stderr).toBe('');
    expect(dry.code).toBe(0);
    expect(dry.stdout).toContain('deployment.apps/sidepool-controller created (server dry run)');
    await kubectl(['delete', 'namespace', home]);
  });
});

describe('helm', () => {
  it('installs it, and tells the next command', { timeout: 180_000 }, async () => {
    const said = await helm([
      ...['install', 'sidepool', chart, '-n', home, '--create-namespace', ...installValues],
      ...['--wait', '--timeout', '120s'],
    ]);
    expect(said).toContain('kubectl label namespace NAMESPACE sidepool.io/injection=enabled');
    expect(said).not.toContain('WARNING');
    const pods = await kubectl(['-n', home, 'get', 'pods', '--no-headers']);
    expect(pods.match(/ 1\/1 +Running /g)).toHaveLength(2);
  });

  it('fits the restricted Pod Security level', async () => {
    const enforced = await kubectl([
      'label',
      'namespace',
      home,
      'pod-security.kubernetes.io/enforce=restricted',
      '--overwrite',
    ]);
    expect(enforced).toContain('labeled');
    const dry = await tryKubectl([
      'label',
      '--dry-run=server',
      '--overwrite',
      'namespace',
      home,
      'pod-security.kubernetes.io/enforce=restricted',
    ]);
    // The API server warns of pods that are there and would not be admitted.
    expect(dry.stderr).not.toMatch(/violate/);
  });

  it('passes helm test', { timeout: 120_000 }, async () => {
    const said = await helm(['test', 'sidepool', '-n', home, '--logs', '--timeout', '100s']);
    expect(said).toMatch(/Phase:\s+Succeeded/);
  });

  it('upgrades, and leaves certificates and caBundle as they are', {
    timeout: 180_000,
  }, async () => {
    const was = await state();
    expect(was.bundle.length).toBeGreaterThan(500);
    const said = await install('--set', 'webhook.failurePolicy=Fail,injection.warm=3');
    expect(said).toContain('WARNING: failurePolicy is Fail');
    expect(await state()).toEqual(was);
    const { webhooks } = await getJson<WebhookConfiguration>(
      'mutatingwebhookconfiguration',
      'sidepool',
    );
    expect(webhooks.map(({ failurePolicy }) => failurePolicy)).toEqual(['Fail', 'Fail']);
  });

  it('rolls back, and leaves them as they are', { timeout: 180_000 }, async () => {
    const was = await state();
    await helm(['rollback', 'sidepool', '1', '-n', home, '--wait', '--timeout', '120s']);
    expect(await state()).toEqual(was);
    const { webhooks } = await getJson<WebhookConfiguration>(
      'mutatingwebhookconfiguration',
      'sidepool',
    );
    expect(webhooks.map(({ failurePolicy }) => failurePolicy)).toEqual(['Ignore', 'Ignore']);
  });

  it('refuses a wrong value before it touches anything', async () => {
    const refused = await tryHelm([
      'upgrade',
      'sidepool',
      chart,
      '-n',
      home,
      '--set',
      'webhook.failurePolicy=Perhaps',
    ]);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain("value must be one of 'Ignore', 'Fail'");
  });

  it('uninstalls, and leaves nothing behind', { timeout: 180_000 }, async () => {
    await helm(['uninstall', 'sidepool', '-n', home, '--wait', '--timeout', '120s']);
    await kubectl(['delete', 'namespace', home, '--timeout', '90s'], { timeoutMs: 100_000 });
    const left = [...(await everything())].filter((name) => !before.has(name));
    expect(left).toEqual([]);
  });
});

describe('kustomize', () => {
  it('installs the same, and removes it without a trace', { timeout: 240_000 }, async () => {
    const text = (await kubectl(['kustomize', kustomize])).replaceAll(
      /ghcr\.io\/sidepool\/sidepool:\S+/g,
      'sidepool.test/sidepool:dev',
    );
    await apply(text);
    await kubectl([
      '-n',
      home,
      'rollout',
      'status',
      'deployment/sidepool-controller',
      '--timeout',
      '120s',
    ]);
    const { bundle } = await state();
    expect(bundle.length).toBeGreaterThan(500);
    // Once more, as a pipeline does: what the controller wrote stays.
    await apply(text);
    expect((await state()).bundle).toBe(bundle);
    await kubectl(['delete', '-f', '-', '--timeout', '120s'], { input: text });
    const left = [...(await everything())].filter((name) => !before.has(name));
    expect(left).toEqual([]);
  });
});
