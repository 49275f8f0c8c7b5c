/** The chart as Helm renders it. What a cluster makes of it is proved in test/cluster. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { clientsMissing } from '../../cluster/support/clients.ts';
import { titled } from '../../support/program.ts';
import {
  chart,
  chartObjects,
  helm,
  type Manifest,
  objectsOf,
  template,
  theOnly,
} from './render.ts';

const reason = clientsMissing();
const everything = [
  ...['podMonitor', 'serviceMonitor', 'prometheusRule', 'dashboards', 'networkPolicy'].flatMap(
    (name) => ['--set', `${name}.enabled=true`],
  ),
];

describe.skipIf(reason !== undefined)(titled('the chart', reason), () => {
  it('passes helm lint, with warnings as failures', async () => {
    const { code, text, said } = await helm('lint', '--strict', chart);
    expect(text + said).toContain('0 chart(s) failed');
    expect(code).toBe(0);
  });

  it.each([
    ['default values', []],
    ['everything', everything],
    ['values-ha.yaml', ['--values', join(chart, 'values-ha.yaml')]],
    ['cert-manager', ['--set', 'certificates.provider=cert-manager']],
  ])('renders the same twice, to the octet: %s', async (_name, options) => {
    const [one, two] = [await template(...options), await template(...options)];
    expect(one.said).toBe('');
    expect(one.text).not.toBe('');
    expect(two.text).toBe(one.text);
  });

  it('renders nothing that the controller writes', async () => {
    const objects = await chartObjects();
    expect(theOnly(objects, 'Secret')).not.toHaveProperty('data');
    expect(theOnly(objects, 'Lease')).not.toHaveProperty('spec');
    const { webhooks } = theOnly(objects, 'MutatingWebhookConfiguration');
    for (const { clientConfig } of webhooks) expect(clientConfig).not.toHaveProperty('caBundle');
  });

  it('keeps the webhook away from the system and from its own namespace', async () => {
    const objects = objectsOf((await helm('template', 'pool', chart, '--namespace', 'tools')).text);
    const { webhooks } = theOnly(objects, 'MutatingWebhookConfiguration');
    expect(webhooks).toHaveLength(2);
    for (const webhook of webhooks) {
      expect(webhook.namespaceSelector.matchExpressions).toContainEqual({
        key: 'kubernetes.io/metadata.name',
        operator: 'NotIn',
        values: ['kube-system', 'kube-public', 'kube-node-lease', 'tools'],
      });
      expect(webhook.objectSelector.matchExpressions).toHaveLength(1);
      expect(webhook.failurePolicy).toBe('Ignore');
      expect(webhook.reinvocationPolicy).toBe('IfNeeded');
      expect(webhook.timeoutSeconds).toBeLessThanOrEqual(5);
    }
  });

  it('gives the controller no more rights than it needs', async () => {
    const objects = await chartObjects();
    const rules = ['ClusterRole', 'Role'].flatMap((kind) => theOnly(objects, kind).rules);
    const granted = rules.flatMap(
      (rule: { resources: string[]; verbs: string[]; resourceNames?: string[] }) =>
        rule.resources.map(
          (resource) =>
            `${rule.verbs.join(' ')} ${resource}${rule.resourceNames ? ` ${rule.resourceNames}` : ''}`,
        ),
    );
    expect(granted.sort()).toEqual([
      'create events',
      'create tokenreviews',
      'get configmaps',
      'get patch mutatingwebhookconfigurations sidepool',
      'get update leases sidepool-controller',
      'get update secrets sidepool-certificates',
      'list namespaces',
      'list nodes',
      'list pods',
      'list watch endpointslices',
      'list watch services',
    ]);
    const without = await chartObjects('--set', 'endpointStream.enabled=false');
    expect(JSON.stringify(theOnly(without, 'ClusterRole'))).not.toMatch(/watch|tokenreviews/);
    expect(JSON.stringify(without)).not.toContain('8444');
    const withCertManager = await chartObjects('--set', 'certificates.provider=cert-manager');
    expect(JSON.stringify(theOnly(withCertManager, 'ClusterRole'))).not.toContain('mutating');
    expect(JSON.stringify(theOnly(withCertManager, 'Role'))).not.toContain('secrets');
  });

  it('passes a value on in the way that is meant when YAML takes off for false', async () => {
    const objects = await chartObjects('--set', 'injection.native=off,injection.pipelining=false');
    expect(injectionOf(objects)).toMatchObject({ native: 'off', pipelining: 'off' });
    const set = await chartObjects('--set', 'injection.native=true,injection.pipelining=8');
    expect(injectionOf(set)).toMatchObject({ native: 'on', pipelining: 8 });
  });

  it('injects the image of the controller, or the one that is given', async () => {
    const digest = `sha256:${'ab'.repeat(32)}`;
    const own = await chartObjects('--set', `image.repository=r.test/pool,image.digest=${digest}`);
    const [container] = theOnly(own, 'Deployment').spec.template.spec.containers;
    expect(container.image).toBe(`r.test/pool@${digest}`);
    expect(container.args).toContain(`--image=r.test/pool@${digest}`);
    const other = await chartObjects('--set', 'injection.image=r.test/other:1');
    const [second] = theOnly(other, 'Deployment').spec.template.spec.containers;
    expect(second.args).toContain('--image=r.test/other:1');
  });

  it('starts new controllers when what is injected changes, and only then', async () => {
    const digestOf = async (...options: string[]): Promise<string> =>
      theOnly(await chartObjects(...options), 'Deployment').spec.template.metadata.annotations[
        'sidepool.io/injection-digest'
      ];
    const usual = await digestOf();
    expect(await digestOf('--set', 'replicas=3')).toBe(usual);
    expect(await digestOf('--set', 'injection.warm=3')).not.toBe(usual);
  });

  it('has monitors, alerts and dashboards when asked, and by default none', async () => {
    const kinds = (objects: readonly Manifest[]): string[] => objects.map(({ kind }) => kind);
    const usual = kinds(await chartObjects());
    const all = await chartObjects(...everything);
    for (const kind of ['PodMonitor', 'ServiceMonitor', 'PrometheusRule', 'NetworkPolicy']) {
      expect(usual).not.toContain(kind);
      expect(kinds(all)).toContain(kind);
    }
    const groups = theOnly(all, 'PrometheusRule').spec.groups;
    expect(groups.length).toBeGreaterThan(0);
    // A template of Prometheus's is none of Helm's: it must come out as it went in.
    expect(JSON.stringify(groups)).toContain('{{ $labels.upstream }}');
  });

  it('has values for many replicas and failurePolicy Fail, and warns of it', async () => {
    const objects = await chartObjects('--values', join(chart, 'values-ha.yaml'));
    expect(theOnly(objects, 'Deployment').spec.replicas).toBe(3);
    const { webhooks } = theOnly(objects, 'MutatingWebhookConfiguration');
    expect(webhooks.map((each: { failurePolicy: string }) => each.failurePolicy)).toEqual([
      'Fail',
      'Fail',
    ]);
  });

  it.each([
    ['replicas=two', "at '/replicas': got string, want integer"],
    ['replicas=0', "at '/replicas': minimum: got 0, want 1"],
    [
      'webhook.failurePolicy=Maybe',
      "at '/webhook/failurePolicy': value must be one of 'Ignore', 'Fail'",
    ],
    ['webhook.timeoutSeconds=60', "at '/webhook/timeoutSeconds': maximum: got 60, want 30"],
    ['injction.warm=3', "additional properties 'injction' not allowed"],
    ['injection.wram=3', "at '/injection': additional properties 'wram' not allowed"],
    ['injection.pipelining=99', "at '/injection/pipelining': maximum: got 99, want 64"],
    ['certificates.lifetime=30', "at '/certificates/lifetime': got number, want string"],
    [
      'injection.resources.limits.memory=256MB',
      "at '/injection/resources/limits/memory': '256MB' does not match",
    ],
    ['image.repository=sidepool:1.2', "at '/image/repository': 'sidepool:1.2' does not match"],
  ])('refuses %s, and says why', async (value, message) => {
    const { code, said } = await template('--set', value);
    expect(code).not.toBe(0);
    expect(said).toContain(message);
  });
});

function injectionOf(objects: readonly Manifest[]): unknown {
  return parse(theOnly(objects, 'ConfigMap').data['injection.yaml']);
}
