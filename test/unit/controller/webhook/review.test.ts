import { describe, expect, it } from 'vitest';
import { type ReviewContext, review } from '../../../../src/controller/webhook/review.ts';
import { applyPatch, sampleDefaults } from '../../../support/injection.ts';

const context: ReviewContext = {
  defaults: sampleDefaults,
  isNativePossible: () => true,
  readConfigMap: async (namespace, name) => ({ ok: false, why: `no ${namespace}/${name}` }),
};

function podWith(annotations: Record<string, string>, spec: object = {}) {
  return {
    metadata: { name: 'shop', annotations },
    spec: { containers: [{ name: 'shop' }], ...spec },
  };
}

function reviewOf(object: unknown, request: object = {}) {
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'u-1',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      operation: 'CREATE',
      namespace: 'team',
      object,
      ...request,
    },
  };
}

interface Response {
  readonly uid: string;
  readonly allowed: boolean;
  readonly patchType?: string;
  readonly patch?: string;
  readonly warnings?: readonly string[];
  readonly status?: { readonly code: number; readonly message: string };
}

async function responseTo(document: unknown, given: ReviewContext = context): Promise<Response> {
  const answer = await review(document, given);
  const body = answer!.body as { apiVersion: string; kind: string; response: Response };
  expect(body).toMatchObject({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' });
  return body.response;
}

const upstreams = { 'sidepool.io/upstreams': 'api=https://api.example.com' };

describe('review', () => {
  it('answers with the patch, in base64, under the uid of the question', async () => {
    const pod = podWith(upstreams);
    const response = await responseTo(reviewOf(pod));
    expect(response).toMatchObject({ uid: 'u-1', allowed: true, patchType: 'JSONPatch' });
    const patch = JSON.parse(Buffer.from(response.patch!, 'base64').toString());
    const patched = applyPatch(pod, patch) as { spec: { initContainers: { name: string }[] } };
    expect(patched.spec.initContainers[0]?.name).toBe('sidepool');
    expect(response.warnings).toBeUndefined();
  });

  it('warns, in lines that the API server does not cut', async () => {
    const response = await responseTo(
      reviewOf(
        podWith({ ...upstreams, 'sidepool.io/warm': 'x'.repeat(400), 'sidepool.io/wram': '1' }),
      ),
    );
    expect(response.allowed).toBe(true);
    expect(response.patch).toBeUndefined();
    expect(response.warnings).toHaveLength(2);
    expect(response.warnings![0]).toMatch(/^sidepool: not injected: sidepool\.io\/warm: found "x+/);
    expect(response.warnings![1]).toBe(
      'sidepool: unknown annotation sidepool.io/wram: did you mean sidepool.io/warm?',
    );
    for (const warning of response.warnings!) expect(warning.length).toBeLessThanOrEqual(256);
  });

  it('refuses when the pod asked to be refused, with every reason', async () => {
    const response = await responseTo(
      reviewOf(podWith({ ...upstreams, 'sidepool.io/strict': 'true' }, { hostNetwork: true })),
    );
    expect(response.allowed).toBe(false);
    expect(response.status?.code).toBe(403);
    expect(response.status?.message).toMatch(/^sidepool: hostNetwork/);
    expect(response.patch).toBeUndefined();
  });

  it('reads the ConfigMap of the namespace of the request', async () => {
    const asked: string[] = [];
    const response = await responseTo(
      reviewOf(podWith({ 'sidepool.io/upstreams': 'configMap:shop' })),
      {
        ...context,
        readConfigMap: async (namespace, name) => {
          asked.push(`${namespace}/${name}`);
          return {
            ok: true,
            text: 'listeners: [{ address: "127.0.0.1:15101", upstream: api }]\nupstreams: { api: { url: "http://a" } }\n',
          };
        },
      },
    );
    expect(asked).toEqual(['team/shop']);
    expect(response.patch).toBeDefined();
  });

  it('lets pass what is none of its business', async () => {
    for (const request of [
      { operation: 'UPDATE' },
      { kind: { kind: 'Deployment' } },
      { object: null },
      { object: 'text' },
    ]) {
      const response = await responseTo(reviewOf(podWith(upstreams), request));
      expect(response).toEqual({ uid: 'u-1', allowed: true });
    }
  });

  it('a defect of its own lets the pod pass, and says so', async () => {
    const response = await responseTo(reviewOf(podWith(upstreams)), {
      ...context,
      isNativePossible: () => {
        throw new Error('oops');
      },
    });
    expect(response).toEqual({
      uid: 'u-1',
      allowed: true,
      warnings: ['sidepool: not injected: a defect: oops'],
    });
  });

  it('is null for what is no review of v1', async () => {
    for (const document of [
      null,
      'text',
      [],
      {},
      { ...reviewOf({}), apiVersion: 'admission.k8s.io/v1beta1' },
      { ...reviewOf({}), request: {} },
    ])
      expect(await review(document, context)).toBeNull();
  });

  it('names the controller among the owners, and knows a dry run', async () => {
    const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'shop-1', uid: 'r-1' };
    const pod = {
      ...podWith(upstreams),
      metadata: {
        generateName: 'shop-1-',
        annotations: upstreams,
        ownerReferences: [
          { ...owner, name: 'other', uid: 'r-0' },
          { ...owner, controller: true },
        ],
      },
    };
    const answer = await review(reviewOf(pod, { dryRun: true }), context);
    expect(answer!.reviewed).toMatchObject({
      owner,
      isDryRun: true,
      namespace: 'team',
      podName: undefined,
    });
  });
});
