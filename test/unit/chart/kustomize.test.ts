/** deploy/kustomize installs what the chart does: the same objects, the same but for labels. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { clientsMissing, repository } from '../../cluster/support/clients.ts';
import { titled } from '../../support/program.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { chart, chartObjects, kustomizeObjects, type Manifest, theOnly } from './render.ts';

const folder = join(repository, 'deploy', 'kustomize');
const reason = clientsMissing();
const dir = makeTempDir('kustomize');
afterAll(() => dir.remove());

/** A kustomization above it, in a folder of its own. */
function overlay(name: string, content: Readonly<Record<string, unknown>>): string {
  const path = dir.file(name);
  mkdirSync(path);
  // Kustomize takes no absolute paths.
  const resources = [relative(path, folder)];
  writeFileSync(join(path, 'kustomization.yaml'), stringify({ resources, ...content }));
  return path;
}

function component(name: string): string {
  return overlay(name, {
    components: [relative(dir.file(name), join(folder, 'components', name))],
  });
}

describe.skipIf(reason !== undefined)(titled('deploy/kustomize', reason), () => {
  it('is what the chart renders by default', async () => {
    expect(comparable(await kustomizeObjects(folder))).toEqual(comparable(await chartObjects()));
  });

  it.each([
    ['monitoring', ['--set', 'podMonitor.enabled=true,serviceMonitor.enabled=true']],
    ['network-policy', ['--set', 'networkPolicy.enabled=true']],
    ['high-availability', ['--values', join(chart, 'values-ha.yaml')]],
    ['cert-manager', ['--set', 'certificates.provider=cert-manager']],
  ])('with the component %s is what the chart renders with its values', async (name, options) => {
    const made = await kustomizeObjects(component(name));
    expect(comparable(made)).toEqual(comparable(await chartObjects(...options)));
  });

  it('injects the image of an overlay that repeats the replacements', async () => {
    const path = overlay('image', {
      images: [{ name: 'ghcr.io/sidepool/sidepool', newName: 'r.test/pool', newTag: '9' }],
      replacements: parse(readFileSync(join(folder, 'replacements.yaml'), 'utf8')),
    });
    const [container] = theOnly(await kustomizeObjects(path), 'Deployment').spec.template.spec
      .containers;
    expect(container.image).toBe('r.test/pool:9');
    expect(container.args).toContain('--image=r.test/pool:9');
  });
});

/** Objects by kind and name, without what may differ. */
function comparable(objects: readonly Manifest[]): Readonly<Record<string, unknown>> {
  const entries = objects
    // The chart leaves the namespace to `helm install --create-namespace`.
    .filter(({ kind }) => kind !== 'Namespace')
    .map((object): [string, unknown] => {
      const name = object.metadata.name.replace(/^(sidepool-injection)-[a-z0-9]{10}$/, '$1');
      return [`${object.kind} ${name}`, neutral(object)];
    });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function neutral(object: Manifest): unknown {
  const { labels, name, ...metadata } = object.metadata;
  const copy = structuredClone({ ...object, metadata });
  if (object.kind === 'ConfigMap')
    return { ...copy, data: { 'injection.yaml': parse(object.data['injection.yaml']) } };
  if (object.kind !== 'Deployment') return copy;
  const pod = copy.spec.template;
  // One makes new pods by an annotation, the other by the ConfigMap's name.
  delete pod.metadata.annotations;
  for (const volume of pod.spec.volumes)
    if (volume.name === 'injection') volume.configMap.name = 'sidepool-injection';
  return copy;
}
