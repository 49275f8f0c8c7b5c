/** A pod as the injection sees it: raw JSON, read with care. What it does not look at, it does not touch. */
import {
  isObject,
  type JsonObject,
  listAt,
  member,
  numberAt,
  objectAt,
  takesList,
  takesObject,
  textAt,
} from './json.ts';
import { pointer } from './patch.ts';

export interface ContainerView {
  readonly name: string;
  readonly path: string;
  readonly env: ReadonlyMap<string, string | undefined>;
  /** The `env` field as it is, or undefined. */
  readonly rawEnv: unknown;
  readonly ports: readonly PortView[];
  readonly restartsAlways: boolean;
}

export interface PortView {
  readonly name: string | undefined;
  readonly number: number | undefined;
  readonly isTcp: boolean;
}

export interface PodView {
  readonly raw: unknown;
  readonly labels: ReadonlyMap<string, string>;
  readonly annotations: ReadonlyMap<string, string>;
  readonly containers: readonly ContainerView[];
  readonly initContainers: readonly ContainerView[];
  readonly volumeNames: readonly string[];
  readonly usesHostNetwork: boolean;
  readonly isWindows: boolean;
  /** A static pod's image in the API: it cannot be changed from here. */
  readonly isMirror: boolean;
  readonly restartPolicy: string;
  readonly graceSeconds: number;
}

const USUAL_GRACE_SECONDS = 30;

/** The pod, or what about it is not a pod's. */
export function viewPod(raw: unknown): PodView | string {
  const spec = objectAt(raw, 'spec');
  const metadata = objectAt(raw, 'metadata');
  const wrong = wrongShape(raw);
  if (wrong !== null) return wrong;
  const annotations = textsOf(metadata, 'annotations');
  return {
    raw,
    labels: textsOf(metadata, 'labels'),
    annotations,
    containers: containersOf(spec, 'containers'),
    initContainers: containersOf(spec, 'initContainers'),
    volumeNames: listAt(spec, 'volumes').map((volume) => textAt(volume, 'name') ?? ''),
    usesHostNetwork: member(spec, 'hostNetwork') === true,
    isWindows: isWindows(spec),
    isMirror: annotations.has('kubernetes.io/config.mirror'),
    restartPolicy: textAt(spec, 'restartPolicy') ?? 'Always',
    graceSeconds: numberAt(spec, 'terminationGracePeriodSeconds') ?? USUAL_GRACE_SECONDS,
  };
}

/** What the API server would refuse in any case; here it only must not lead astray. */
function wrongShape(raw: unknown): string | null {
  if (!isObject(raw)) return 'it is no object';
  if (!isObject(member(raw, 'spec'))) return 'it has no spec';
  if (!takesObject(raw, 'metadata')) return 'metadata is no mapping';
  const metadata = objectAt(raw, 'metadata');
  for (const key of ['annotations', 'labels'])
    if (!takesObject(metadata, key)) return `metadata.${key} is no mapping`;
  const spec = objectAt(raw, 'spec');
  if (!Array.isArray(member(spec, 'containers'))) return 'spec.containers is no list';
  for (const key of ['initContainers', 'volumes'])
    if (!takesList(spec, key)) return `spec.${key} is no list`;
  for (const key of ['containers', 'initContainers'])
    for (const container of listAt(spec, key)) {
      if (!isObject(container)) return `spec.${key} has an entry that is no mapping`;
      for (const inner of ['env', 'ports'])
        if (!takesList(container, inner)) return `spec.${key}[].${inner} is no list`;
    }
  return null;
}

function textsOf(owner: JsonObject, key: string): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const [name, value] of Object.entries(objectAt(owner, key)))
    if (typeof value === 'string') texts.set(name, value);
  return texts;
}

function containersOf(spec: JsonObject, key: string): readonly ContainerView[] {
  return listAt(spec, key).map((container, index) => ({
    name: textAt(container, 'name') ?? '',
    path: pointer('spec', key, index),
    env: new Map(
      listAt(container, 'env').map((each) => [textAt(each, 'name') ?? '', textAt(each, 'value')]),
    ),
    rawEnv: member(container, 'env'),
    ports: listAt(container, 'ports').map((port) => ({
      name: textAt(port, 'name'),
      number: numberAt(port, 'containerPort'),
      isTcp: (textAt(port, 'protocol') ?? 'TCP') === 'TCP',
    })),
    restartsAlways: textAt(container, 'restartPolicy') === 'Always',
  }));
}

function isWindows(spec: JsonObject): boolean {
  const selected = textAt(objectAt(spec, 'nodeSelector'), 'kubernetes.io/os');
  return textAt(objectAt(spec, 'os'), 'name') === 'windows' || selected === 'windows';
}
