/**
 * The injection as a pure function: a pod as raw JSON goes in, a patch that only adds comes out, or the reason why not.
 *
 * It is idempotent: each thing is added only where it is missing, so a second call adds what another webhook made
 * necessary in between (a new container's variables), and a third adds nothing.
 */
import { durationText } from '../../config/units.ts';
import { INJECT_LABEL, PREFIX, STATUS_ANNOTATION } from './annotations.ts';
import type { InjectionDefaults } from './defaults.ts';
import { addVariables, type Variable, variablesOf } from './environment.ts';
import { member, objectAt } from './json.ts';
import { isOfMesh, meshWarnings, podObstacles, portObstacles } from './obstacles.ts';
import { addToList, addToObject, type Patch } from './patch.ts';
import { type ContainerView, type PodView, viewPod } from './pod-view.ts';
import {
  idleBesideConfigMap,
  isStrict,
  mistakeIn,
  readSettings,
  type Settings,
} from './settings.ts';
import { CONTAINER_NAME, type ConfigPlace, sidecarContainer, sidecarVolumes } from './sidecar.ts';
import {
  callsServices,
  type DrainTimes,
  type EndpointStreamPlace,
  inlineConfig,
  type LocalUrl,
  planConfigMap,
  planInline,
  readUpstreamSource,
} from './upstreams.ts';

export interface InjectContext {
  readonly defaults: InjectionDefaults;
  /** Whether every kubelet of the cluster can run native sidecars. */
  readonly isNativePossible: boolean;
  /** What `configMapOf` asked for. */
  readonly configMap?: ConfigMapReading;
  /** Where sidecars are told the endpoints of Services; none where the controller does not. */
  readonly endpointStream?: EndpointStreamPlace;
}

export type ConfigMapReading =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly why: string };

export type Outcome =
  | { readonly kind: 'not-asked'; readonly warnings: readonly string[] }
  | {
      readonly kind: 'injected';
      readonly patch: Patch;
      readonly warnings: readonly string[];
      readonly mode: 'native' | 'plain';
      readonly upstreams: readonly string[];
    }
  /** It was injected before, and nothing is missing. */
  | { readonly kind: 'unchanged'; readonly warnings: readonly string[] }
  | {
      readonly kind: 'not-injected';
      /** At least one. */
      readonly problems: readonly string[];
      readonly warnings: readonly string[];
      /** Whether the pod is to be refused for it. */
      readonly isStrict: boolean;
    };

/** The ConfigMap that must be read before `inject` can be called, or null. */
export function configMapOf(raw: unknown): string | null {
  const pod = viewPod(raw);
  if (typeof pod === 'string') return null;
  const text = pod.annotations.get(`${PREFIX}upstreams`);
  const source = text === undefined ? null : readUpstreamSource(text);
  return source?.ok === true && source.value.kind === 'config-map' ? source.value.name : null;
}

export function inject(raw: unknown, context: InjectContext): Outcome {
  const pod = viewPod(raw);
  if (typeof pod === 'string') return refuse([`this is no pod: ${pod}`], { strict: false });
  if (pod.labels.get(INJECT_LABEL) === 'false') return { kind: 'not-asked', warnings: [] };
  const upstreams = pod.annotations.get(`${PREFIX}upstreams`);
  if (upstreams === undefined) return withoutUpstreams(pod, context);
  const strict = isStrict(pod, context.defaults);
  const source = readUpstreamSource(upstreams);
  const { settings, ...found } = readSettings(pod, context.defaults);
  const problems = [...found.problems, ...(strict ? found.warnings : [])];
  const warnings = strict ? [] : found.warnings;
  if (!source.ok) {
    problems.push(mistakeIn('upstreams', upstreams, source.meant));
    return refuse(problems, { strict, warnings });
  }
  const before = injectedBefore(pod);
  const obstacles = before === null ? podObstacles(pod) : [];
  const mode = before ?? chooseMode(pod, settings, context);
  if (typeof mode === 'object')
    return refuse([...problems, ...obstacles, mode.problem], { strict, warnings });
  const drain = drainTimes(pod, settings, mode);
  const plan = makePlan(source.value, { settings, context, drain });
  const { variables, problems: clashes } = variablesOf(plan.localUrls, settings);
  problems.push(...obstacles, ...plan.problems, ...clashes);
  if (before === null)
    problems.push(...portObstacles(pod, { settings, localUrls: plan.localUrls }));
  if (problems.length > 0) return refuse(problems, { strict, warnings });

  const work: Work = { pod, settings, context, mode, variables, ...plan };
  const environment = environmentChange(work);
  const sidecar = before === null ? sidecarChange(work) : { patch: [], warnings: [] };
  // The containers' own changes come first: the sidecar's place moves the others.
  const patch = [...environment.patch, ...sidecar.patch];
  const told = [...warnings, ...plan.warnings, ...environment.warnings, ...sidecar.warnings];
  if (patch.length === 0) return { kind: 'unchanged', warnings: told };
  return {
    kind: 'injected',
    patch,
    warnings: told,
    mode,
    upstreams: [...new Set(plan.localUrls.map(({ upstream }) => upstream))],
  };
}

type Mode = 'native' | 'plain';

interface Work {
  readonly pod: PodView;
  readonly settings: Settings;
  readonly context: InjectContext;
  readonly mode: Mode;
  readonly variables: readonly Variable[];
  readonly localUrls: readonly LocalUrl[];
  readonly config: ConfigPlace;
}

function refuse(
  problems: readonly string[],
  { strict, warnings = [] }: { strict: boolean; warnings?: readonly string[] },
): Outcome {
  return { kind: 'not-injected', problems, warnings, isStrict: strict };
}

/** A labelled namespace holds pods that need nothing: they are left alone without a word. */
function withoutUpstreams(pod: PodView, { defaults }: InjectContext): Outcome {
  const isAsked = pod.labels.get(INJECT_LABEL) === 'true';
  const { warnings } = readSettings(pod, defaults);
  const hasOthers = [...pod.annotations.keys()].some(
    (key) => key.startsWith(PREFIX) && key !== STATUS_ANNOTATION,
  );
  if (!isAsked && !hasOthers) return { kind: 'not-asked', warnings: [] };
  return refuse(
    [`it names no upstream: add ${PREFIX}upstreams, such as api=https://api.example.com`],
    { strict: isStrict(pod, defaults), warnings },
  );
}

/** How the sidecar that injection put there before is run; null if there is none. */
function injectedBefore(pod: PodView): Mode | null {
  if (!pod.annotations.has(STATUS_ANNOTATION)) return null;
  const isOurs = ({ name }: ContainerView): boolean => name === CONTAINER_NAME;
  if (pod.initContainers.some(isOurs)) return 'native';
  return pod.containers.some(isOurs) ? 'plain' : null;
}

function chooseMode(
  pod: PodView,
  settings: Settings,
  { isNativePossible }: InjectContext,
): Mode | { readonly problem: string } {
  if (settings.native === 'on' && !isNativePossible && settings.isNativeChosen)
    return {
      problem: `${PREFIX}native is on, and not every kubelet of this cluster can (1.29 or later): remove it`,
    };
  if (settings.native !== 'off' && isNativePossible) return 'native';
  if (pod.restartPolicy === 'Always' || (settings.native === 'off' && settings.isNativeChosen))
    return 'plain';
  return {
    problem: `restartPolicy ${pod.restartPolicy} and a plain sidecar: it would never complete. Every kubelet must be 1.29 or later, and native not off`,
  };
}

const PLAIN_QUIET_MS = 10_000;

/** The grace period is the pod's; two seconds of it are left for what is outside of the drain. */
function drainTimes(pod: PodView, settings: Settings, mode: Mode): DrainTimes {
  const seconds = Math.min(Math.max(Math.floor(pod.graceSeconds) - 2, 1), 86_400);
  // A plain sidecar is told to end when the application is, which may be long at it, and quiet at first.
  const quietMs = mode === 'native' ? 0 : Math.min(PLAIN_QUIET_MS, seconds * 1000);
  return {
    quiet: settings.drainQuiet ?? durationText(quietMs),
    deadline: durationText(seconds * 1000),
  };
}

interface PlanParts {
  readonly settings: Settings;
  readonly context: InjectContext;
  readonly drain: DrainTimes;
}

function makePlan(
  source: Extract<ReturnType<typeof readUpstreamSource>, { ok: true }>['value'],
  { settings, context, drain }: PlanParts,
) {
  if (source.kind === 'inline') {
    // Who calls no Service needs no stream, and no token for it.
    const stream = callsServices(source.urls) ? (context.endpointStream ?? null) : null;
    const config = inlineConfig(source.urls, { settings, drain, stream });
    const place: ConfigPlace = { kind: 'variable', text: config, hasToken: stream !== null };
    return { ...planInline(source.urls, { settings, config }), config: place };
  }
  const place: ConfigPlace = { kind: 'config-map', name: source.name };
  const read = context.configMap ?? { ok: false, why: 'nobody has read it' };
  if (!read.ok) {
    const problem = `ConfigMap ${source.name} cannot be read: ${read.why}`;
    return { localUrls: [], problems: [problem], warnings: [], config: place };
  }
  return { ...planConfigMap(source.name, read.text, { settings }), config: place };
}

interface Change {
  readonly patch: Patch;
  readonly warnings: readonly string[];
}

function environmentChange({ pod, settings, mode, variables }: Work): Change {
  const patch: Patch[] = [];
  const warnings: string[] = [];
  // With a plain sidecar the init containers run before it, and would call nobody.
  const targets = mode === 'native' ? [...pod.initContainers, ...pod.containers] : pod.containers;
  for (const container of targets) {
    const isExcluded = settings.excludedContainers.includes(container.name);
    if (isExcluded || isOfMesh(container) || container.name === CONTAINER_NAME) continue;
    const change = addVariables(container, variables);
    patch.push(change.patch);
    warnings.push(...change.warnings);
  }
  return { patch: patch.flat(), warnings };
}

function sidecarChange(work: Work): Change {
  const { pod, settings, context, mode, config, localUrls } = work;
  const isNative = mode === 'native';
  const container = sidecarContainer({
    settings,
    defaults: context.defaults,
    config,
    localUrls,
    isNative,
  });
  const list = isNative ? 'initContainers' : 'containers';
  const spec = objectAt(pod.raw, 'spec');
  const patch = [
    ...metadataPatch(work),
    ...addToList('/spec/volumes', member(spec, 'volumes'), {
      index: pod.volumeNames.length,
      values: sidecarVolumes(config),
    }),
    ...addToList(`/spec/${list}`, member(spec, list), {
      // First, so that what comes after finds it; but after a mesh, through which its own connections go.
      index: pod[list].findLastIndex(isOfMesh) + 1,
      values: [container],
    }),
  ];
  return { patch, warnings: sidecarWarnings(work) };
}

function metadataPatch({ pod, mode, localUrls }: Work): Patch {
  const firstContainer = pod.containers.find((each) => !isOfMesh(each));
  const wanted: Record<string, string> = {
    [STATUS_ANNOTATION]: JSON.stringify({
      mode,
      upstreams: [...new Set(localUrls.map(({ upstream }) => upstream))],
    }),
  };
  // kubectl's logs and exec mean the first container unless told otherwise, and that is the sidecar now.
  if (mode === 'plain' && firstContainer !== undefined)
    wanted['kubectl.kubernetes.io/default-container'] = firstContainer.name;
  const missing = Object.fromEntries(
    Object.entries(wanted).filter(([key]) => !pod.annotations.has(key)),
  );
  // There are annotations: without one nothing is injected.
  return addToObject(
    '/metadata/annotations',
    member(member(pod.raw, 'metadata'), 'annotations'),
    missing,
  );
}

function sidecarWarnings({ pod, settings, context, mode, config }: Work): readonly string[] {
  const warnings = [...meshWarnings(pod, settings)];
  if (config.kind === 'config-map')
    for (const name of idleBesideConfigMap(pod))
      warnings.push(`${PREFIX}${name} means nothing here: ConfigMap ${config.name} says it`);
  if (mode === 'plain' && pod.restartPolicy !== 'Always')
    warnings.push(
      'a plain sidecar keeps this pod from completing until the application ends it: POST /drain (see docs/injection.md)',
    );
  if (settings.native === 'on' && !context.isNativePossible)
    warnings.push('native is on by default, but not every kubelet of this cluster can: plain');
  return warnings;
}
