/** What the controller may do in the cluster, as installed: no more than docs/security.md says. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { review } from '../../src/controller/webhook/review.ts';
import { sampleDefaults } from '../support/injection.ts';

const repository = join(import.meta.dirname, '..', '..');

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

interface Manifest {
  readonly kind: string;
  readonly rules?: readonly Rule[];
  readonly webhooks?: readonly Readonly<Record<string, unknown>>[];
}

/** A template with every option on: what stands between braces is a word, lines of control are left out. */
function template(path: string): Manifest[] {
  const text = readFileSync(join(repository, path), 'utf8')
    .replaceAll(/^\s*\{\{-?[^}]*\}\}\s*$/gm, '')
    .replaceAll(/\{\{[^}]*\}\}/g, 'x');
  return parseAllDocuments(text).map((each) => each.toJS() as Manifest);
}

/** `Role` where the rights end at the controller's own namespace. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  'ClusterRole nodes': ['list'],
  'ClusterRole configmaps': ['get'],
  'ClusterRole events': ['create', 'patch'],
  'ClusterRole namespaces': ['get', 'list'],
  'ClusterRole pods': ['list'],
  'ClusterRole services': ['get', 'list', 'watch'],
  'ClusterRole endpointslices': ['get', 'list', 'watch'],
  'ClusterRole tokenreviews': ['create'],
  'ClusterRole mutatingwebhookconfigurations': ['get', 'patch'],
  'Role secrets': ['get', 'update', 'patch'],
  'Role leases': ['get', 'update', 'patch'],
  'Role configmaps': ['get', 'update', 'patch'],
};
/** Rights over these end at the objects that are named. */
const named = ['secrets', 'leases', 'mutatingwebhookconfigurations'];

const rbac = template('charts/sidepool/templates/rbac.yaml').filter(({ kind }) =>
  kind?.endsWith('Role'),
);

describe("the controller's rights", () => {
  it('are these, and no wildcard', () => {
    expect(rbac.map(({ kind }) => kind).sort()).toEqual(['ClusterRole', 'Role']);
    for (const { kind, rules = [] } of rbac)
      for (const { apiGroups, resources, verbs, resourceNames } of rules) {
        expect([...apiGroups, ...resources, ...verbs].join(' ')).not.toContain('*');
        for (const resource of resources) {
          const permitted = allowed[`${kind} ${resource}`] ?? [];
          expect([kind, resource, verbs.filter((verb) => !permitted.includes(verb))]).toEqual([
            kind,
            resource,
            [],
          ]);
          if (named.includes(resource))
            expect([resource, resourceNames?.length ?? 0]).toEqual([resource, 1]);
        }
      }
  });

  it('reach no secret of another namespace, and cannot grow', () => {
    const cluster = rbac
      .filter(({ kind }) => kind === 'ClusterRole')
      .flatMap(({ rules = [] }) => rules);
    const text = JSON.stringify(cluster);
    for (const word of [
      'secrets',
      'roles',
      'exec',
      'impersonate',
      'bind"',
      'escalate',
      'serviceaccounts',
      'deletecollection',
    ])
      expect(text).not.toContain(word);
  });

  it('are in the manifests for kustomize the same', () => {
    const folder = join(repository, 'deploy', 'kustomize');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
      /\.ya?ml$/.test(file),
    );
    const roles = files
      .flatMap((file) => parseAllDocuments(readFileSync(join(folder, file), 'utf8')))
      .map((each) => each.toJS() as Manifest | null)
      .filter((each) => each?.kind === 'ClusterRole' || each?.kind === 'Role');
    for (const role of roles)
      for (const { resources, verbs } of role?.rules ?? [])
        for (const resource of resources)
          for (const verb of verbs)
            expect(allowed[`${role?.kind} ${resource}`] ?? []).toContain(verb);
  });
});

describe('the webhook', () => {
  const pod = (annotations: object) => ({
    metadata: { name: 'p', annotations },
    spec: { containers: [{ name: 'c' }] },
  });

  async function reviewed(namespace: unknown, annotations: object = {}) {
    const asked: string[] = [];
    const request = {
      uid: 'u',
      kind: { kind: 'Pod' },
      operation: 'CREATE',
      namespace,
      object: pod(annotations),
    };
    const answer = await review(
      { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request },
      {
        defaults: sampleDefaults,
        isNativePossible: () => true,
        readConfigMap: async (...of) => {
          asked.push(of.join(' '));
          return { ok: false, why: 'it is away' };
        },
      },
    );
    return { answer, asked };
  }

  it('asks the API server for nothing that a made-up review puts into a path', async () => {
    const annotations = { 'sidepool.io/upstreams': 'configMap:api' };
    for (const namespace of [
      '../..',
      'kube-system/secrets/x?',
      'a/b',
      'a%2fb',
      'a?b',
      'a#b',
      'A',
      '-a',
      'a b',
      'a\n',
      'x'.repeat(64),
    ])
      expect(await reviewed(namespace, annotations), namespace).toEqual({
        answer: null,
        asked: [],
      });
    for (const name of ['../secrets/x', 'a/b', 'a?b', '.', '..', 'A']) {
      const { asked } = await reviewed('shop', { 'sidepool.io/upstreams': `configMap:${name}` });
      expect(asked, name).toEqual([]);
    }
    expect((await reviewed('shop', annotations)).asked).toEqual(['shop api']);
  });

  it('is asked about new pods alone, and can be away', () => {
    const text = readFileSync(join(repository, 'charts/sidepool/templates/webhook.yaml'), 'utf8');
    expect(text).toContain('operations: [CREATE]');
    expect(text).toContain('resources: [pods]');
    expect(text).toContain('kube-system');
    expect(text).not.toMatch(/resources: \[.*\*/);
    const values = readFileSync(join(repository, 'charts/sidepool/values.yaml'), 'utf8');
    expect(values).toMatch(/failurePolicy: Ignore/);
  });
});
