/** What must hold of every injection, whatever the pod. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inject } from '../../../../src/controller/injection/inject.ts';
import { applyPatch, locate, sampleDefaults, undoPatch } from '../../../support/injection.ts';

const native = { defaults: sampleDefaults, isNativePossible: true };
const plain = { defaults: sampleDefaults, isNativePossible: false };

const name = fc.constantFrom('shop', 'worker', 'istio-proxy', 'a/b~c', 'log', 'sidepool2');
const variable = fc.record(
  {
    name: fc.constantFrom('A', 'SIDEPOOL_API_URL', 'API_URL', 'Z'),
    value: fc.oneof(fc.string(), fc.constant('http://127.0.0.1:15101')),
    future: fc.json(),
  },
  { requiredKeys: ['name'] },
);
const container = fc.record(
  {
    name,
    image: fc.string(),
    env: fc.array(variable, { maxLength: 3 }),
    ports: fc.array(fc.record({ containerPort: fc.integer({ min: 1, max: 65_535 }) }), {
      maxLength: 2,
    }),
    restartPolicy: fc.constant('Always'),
    'future/field~': fc.jsonValue(),
  },
  { requiredKeys: ['name'] },
);
const pod = fc.record({
  apiVersion: fc.constant('v1'),
  kind: fc.constant('Pod'),
  metadata: fc.record(
    {
      name: fc.string(),
      labels: fc.dictionary(fc.string(), fc.string()),
      annotations: fc
        .record(
          {
            'sidepool.io/env': fc.constantFrom('API_URL', 'api=X, pay=Y', 'pay=1'),
            'sidepool.io/native': fc.constantFrom('on', 'off', 'auto'),
            'sidepool.io/warm': fc.constantFrom('0', '7', 'api=100', 'x'),
            'sidepool.io/status': fc.constant('{}'),
            'kubectl.kubernetes.io/default-container': fc.constant('log'),
          },
          { requiredKeys: [] },
        )
        .chain((some) =>
          fc
            .constantFrom('api=http://a:1', 'api=https://a, pay=http://b:8080')
            .map((upstreams) => ({ ...some, 'sidepool.io/upstreams': upstreams })),
        ),
      extra: fc.jsonValue(),
    },
    { requiredKeys: ['annotations'] },
  ),
  spec: fc.record(
    {
      containers: fc.array(container, { minLength: 1, maxLength: 3 }),
      initContainers: fc.array(container, { maxLength: 3 }),
      volumes: fc.array(fc.record({ name: fc.string() }), { maxLength: 2 }),
      restartPolicy: fc.constantFrom('Always', 'Never', 'OnFailure'),
      terminationGracePeriodSeconds: fc.integer({ min: 0, max: 10_000 }),
      extra: fc.jsonValue(),
    },
    { requiredKeys: ['containers'] },
  ),
});

describe('inject', () => {
  it('only adds: what was there is there, in its order, and taking the rest out gives the pod back', () => {
    let injected = 0;
    fc.assert(
      fc.property(pod, fc.boolean(), (raw, isNativePossible) => {
        const outcome = inject(raw, { ...native, isNativePossible });
        if (outcome.kind !== 'injected') return;
        injected += 1;
        expect(outcome.patch.every(({ op }) => op === 'add')).toBe(true);
        const patched = applyPatch(raw, outcome.patch);
        expect(undoPatch(patched, outcome.patch)).toEqual(raw);
        expectContained(raw, patched);
      }),
      { numRuns: 500 },
    );
    // Else the property says little.
    expect(injected).toBeGreaterThan(100);
  });

  it('never replaces: an object member that it adds was not there', () => {
    fc.assert(
      fc.property(pod, (raw) => {
        const outcome = inject(raw, native);
        if (outcome.kind !== 'injected') return;
        let current: unknown = raw;
        for (const operation of outcome.patch) {
          const { parent, key } = locate(current, operation.path);
          if (!Array.isArray(parent)) expect(Object.hasOwn(parent, key)).toBe(false);
          current = applyPatch(current, [operation]);
        }
      }),
    );
  });

  it('is idempotent, also when the kubelets have changed in between', () => {
    fc.assert(
      fc.property(pod, fc.boolean(), fc.boolean(), (raw, before, after) => {
        const outcome = inject(raw, before ? native : plain);
        if (outcome.kind !== 'injected') return;
        const again = inject(applyPatch(raw, outcome.patch), after ? native : plain);
        expect(again.kind).toBe('unchanged');
      }),
    );
  });

  it('does not throw, whatever JSON it is given', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (raw) => {
        inject(raw, native);
      }),
    );
    const parts = fc.oneof(fc.jsonValue(), fc.array(fc.oneof(fc.jsonValue(), container)));
    const annotations = fc.dictionary(
      fc.constantFrom('sidepool.io/upstreams', 'sidepool.io/env', 'sidepool.io/warm', '__proto__'),
      fc.oneof(
        fc.string(),
        fc.constant('api=http://a'),
        fc.constant('configMap:x'),
        fc.jsonValue(),
      ),
    );
    const nearly = fc.record({
      metadata: fc.oneof(fc.jsonValue(), fc.record({ annotations, labels: fc.jsonValue() })),
      spec: fc.record(
        { containers: parts, initContainers: parts, volumes: parts, os: fc.jsonValue() },
        { requiredKeys: [] },
      ),
    });
    fc.assert(
      fc.property(nearly, fc.string(), (raw, text) => {
        inject(raw, { ...native, configMap: { ok: true, text } });
      }),
      { numRuns: 1000 },
    );
  });

  it('says in every refusal what is wrong', () => {
    fc.assert(
      fc.property(pod, (raw) => {
        const outcome = inject(raw, native);
        if (outcome.kind === 'not-injected') expect(outcome.problems.length).toBeGreaterThan(0);
      }),
    );
  });

  it("never lets Kubernetes put a variable's value into the configuration", () => {
    const outcome = inject(
      {
        metadata: { annotations: { 'sidepool.io/upstreams': 'api=http://$(SECRET):80' } },
        spec: { containers: [{ name: 'a' }] },
      },
      native,
    );
    const text = JSON.stringify(outcome);
    expect(text).toContain('http://$$(SECRET):80');
    expect(text).not.toMatch(/[^$]\$\(/);
  });
});

/** Everything of `before` is in `after`, and lists keep their order. */
function expectContained(before: unknown, after: unknown): void {
  if (Array.isArray(before)) {
    const list = after as unknown[];
    let from = 0;
    for (const item of before) {
      const found = list.findIndex((each, index) => index >= from && isContained(item, each));
      expect(found).toBeGreaterThanOrEqual(from);
      from = found + 1;
    }
  } else if (typeof before === 'object' && before !== null) {
    for (const [key, value] of Object.entries(before))
      expectContained(value, (after as Record<string, unknown>)[key]);
  } else expect(after).toEqual(before);
}

function isContained(before: unknown, after: unknown): boolean {
  try {
    expectContained(before, after);
    return true;
  } catch {
    return false;
  }
}
