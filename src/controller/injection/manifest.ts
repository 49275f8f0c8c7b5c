/** Where the pods are in a manifest: in a pod itself, in a workload's template, in a List of those. */
import { listAt, member, textAt } from './json.ts';
import { pointer } from './patch.ts';

export interface PodInManifest {
  /** Where it lies: a JSON pointer, empty for the document itself. */
  readonly path: string;
  readonly pod: unknown;
  /** For messages: `Deployment shop`. */
  readonly owner: string;
}

const TEMPLATE_PATHS: Readonly<Record<string, readonly string[]>> = {
  Pod: [],
  Deployment: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  ReplicationController: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
  PodTemplate: ['template'],
};

/** All pods of a document; none for a kind that has none. */
export function podsOf(document: unknown, path = ''): readonly PodInManifest[] {
  const kind = textAt(document, 'kind') ?? '';
  if (kind === 'List' || (kind.endsWith('List') && Array.isArray(member(document, 'items'))))
    return listAt(document, 'items').flatMap((item, index) =>
      podsOf(item, `${path}${pointer('items', index)}`),
    );
  const keys = Object.hasOwn(TEMPLATE_PATHS, kind) ? TEMPLATE_PATHS[kind] : undefined;
  if (keys === undefined) return [];
  const metadata = member(document, 'metadata');
  const name = textAt(metadata, 'name') ?? textAt(metadata, 'generateName') ?? '';
  const pod = keys.reduce<unknown>(member, document);
  return [{ path: `${path}${pointer(...keys)}`, pod, owner: `${kind} ${name}`.trim() }];
}

/** The ConfigMaps of a document by name, so that a manifest can bring along what its pods refer to. */
export function configMapsOf(document: unknown): ReadonlyMap<string, unknown> {
  if (textAt(document, 'kind') === 'List')
    return new Map(listAt(document, 'items').flatMap((item) => [...configMapsOf(item)]));
  const name = textAt(member(document, 'metadata'), 'name');
  return textAt(document, 'kind') === 'ConfigMap' && name !== undefined
    ? new Map([[name, document]])
    : new Map();
}
