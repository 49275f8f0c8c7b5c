/** From a pod's annotations and the defaults to what is wanted for it, with every mistake named. */
import type { Reading } from '../../config/units.ts';
import {
  type Annotation,
  type AnnotationName,
  annotationNames,
  annotations,
  INJECT_LABEL,
  NAMESPACE_LABEL,
  PREFIX,
  STATUS_ANNOTATION,
} from './annotations.ts';
import type { InjectionDefaults, Resources } from './defaults.ts';
import { nearest } from './nearest.ts';
import type { PodView } from './pod-view.ts';
import { isBelow, type Resource, readQuantity } from './quantity.ts';
import {
  type Native,
  type Pipelining,
  readDurationText,
  readFlag,
  readImage,
  readLogLevel,
  readNamedValues,
  readNative,
  readPipelining,
  readPort,
  readVariable,
  readWarm,
  words,
} from './values.ts';

/** What stands for every upstream, and what for those named. */
export interface PerUpstream<T> {
  readonly all: T | undefined;
  readonly named: ReadonlyMap<string, T>;
}

export interface Settings {
  readonly native: Native;
  /** Whether the pod itself said so, not the default. */
  readonly isNativeChosen: boolean;
  readonly image: string;
  readonly logLevel: string;
  readonly warm: PerUpstream<number>;
  readonly pipelining: PerUpstream<Pipelining>;
  readonly variables: PerUpstream<string>;
  readonly resources: Resources;
  readonly excludedContainers: readonly string[];
  readonly drainQuiet: string | undefined;
  readonly firstPort: number;
  readonly adminPort: number;
}

export interface SettingsReading {
  readonly settings: Settings;
  /** Mistakes: with any of them the pod is not injected. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

const FIRST_PORT = 15_101;
const ADMIN_PORT = 15_100;

export function readSettings(pod: PodView, defaults: InjectionDefaults): SettingsReading {
  return new SettingsReader(pod, defaults).read();
}

/** Whether a pod wants to be refused rather than go without. Read by itself, since it counts when all else is wrong. */
export function isStrict(pod: PodView, defaults: InjectionDefaults): boolean {
  const text = pod.annotations.get(`${PREFIX}strict`);
  if (text === undefined) return defaults.strict;
  const reading = readFlag(text.trim());
  // Who wrote something here wanted it strict: a typing error must not let the pod through.
  return reading.ok ? reading.value : true;
}

class SettingsReader {
  readonly #pod: PodView;
  readonly #defaults: InjectionDefaults;
  readonly #problems: string[] = [];
  readonly #warnings: string[] = [];

  constructor(pod: PodView, defaults: InjectionDefaults) {
    this.#pod = pod;
    this.#defaults = defaults;
  }

  read(): SettingsReading {
    const defaults = this.#defaults;
    this.#value('strict', readFlag);
    const native = this.#value('native', readNative);
    const warm = this.#perUpstream('warm', readWarm);
    const pipelining = this.#perUpstream('pipelining', readPipelining);
    const settings: Settings = {
      native: native ?? defaults.native,
      isNativeChosen: native !== undefined,
      image: this.#value('image', readImage) ?? defaults.image,
      logLevel: this.#value('log-level', readLogLevel) ?? defaults.logLevel,
      warm: { ...warm, all: warm.all ?? defaults.warm },
      pipelining: { ...pipelining, all: pipelining.all ?? defaults.pipelining },
      variables: this.#perUpstream('env', readVariable),
      resources: this.#resources(),
      excludedContainers: words(this.#text('exclude-containers') ?? ''),
      drainQuiet: this.#value('drain-quiet', readDurationText),
      firstPort: this.#value('first-port', readPort) ?? FIRST_PORT,
      adminPort: this.#value('admin-port', readPort) ?? ADMIN_PORT,
    };
    this.#unknown();
    this.#strangeContainers(settings.excludedContainers);
    this.#label();
    return { settings, problems: this.#problems, warnings: this.#warnings };
  }

  #text(name: AnnotationName): string | undefined {
    return this.#pod.annotations.get(`${PREFIX}${name}`)?.trim();
  }

  #value<T>(name: AnnotationName, read: (raw: string) => Reading<T>): T | undefined {
    const text = this.#text(name);
    if (text === undefined) return undefined;
    const reading = read(text);
    if (reading.ok) return reading.value;
    this.#mistake(name, text, reading.meant);
    return undefined;
  }

  #perUpstream<T>(name: AnnotationName, read: (raw: string) => Reading<T>): PerUpstream<T> {
    const named = new Map<string, T>();
    let all: T | undefined;
    const text = this.#text(name);
    for (const each of readNamedValues(text ?? '')) {
      const reading = read(each.value);
      if (!reading.ok) this.#mistake(name, each.value, reading.meant);
      else if (each.name === undefined ? all !== undefined : named.has(each.name))
        this.#mistake(name, each.value, 'each is meant once');
      else if (each.name === undefined) all = reading.value;
      else named.set(each.name, reading.value);
    }
    return { all, named };
  }

  #resources(): Resources {
    const { resources } = this.#defaults;
    const cpu = this.#resource('cpu', [resources.cpuRequest, resources.cpuLimit]);
    const memory = this.#resource('memory', [resources.memoryRequest, resources.memoryLimit]);
    return {
      cpuRequest: cpu.request,
      cpuLimit: cpu.limit,
      memoryRequest: memory.request,
      memoryLimit: memory.limit,
    };
  }

  /** Where only one of the two is the pod's own, the default gives way: a limit below its request is refused by the API. */
  #resource(
    resource: Resource,
    [request, limit]: readonly [string | null, string | null],
  ): { readonly request: string | null; readonly limit: string | null } {
    const ownRequest = this.#value(`${resource}-request`, (raw) => readQuantity(raw, resource));
    const ownLimit = this.#value(`${resource}-limit`, (raw) => readQuantity(raw, resource));
    const wanted = {
      request: ownRequest === undefined ? request : ownRequest,
      limit: ownLimit === undefined ? limit : ownLimit,
    };
    if (!isBelow(wanted.limit, wanted.request)) return wanted;
    if (ownLimit === undefined) return { ...wanted, limit: wanted.request };
    if (ownRequest === undefined) return { ...wanted, request: wanted.limit };
    this.#mistake(`${resource}-limit`, ownLimit ?? '', `at least the request is meant`);
    return wanted;
  }

  #unknown(): void {
    for (const key of this.#pod.annotations.keys()) {
      if (!key.startsWith(PREFIX) || key === STATUS_ANNOTATION) continue;
      const name = key.slice(PREFIX.length);
      if ((annotationNames as readonly string[]).includes(name)) continue;
      if (key === INJECT_LABEL || key === NAMESPACE_LABEL)
        this.#warnings.push(`${key} is a label, not an annotation`);
      else {
        const near = nearest(name, annotationNames);
        const hint =
          near === null
            ? `known are ${annotationNames.join(', ')}`
            : `did you mean ${PREFIX}${near}?`;
        this.#warnings.push(`unknown annotation ${key}: ${hint}`);
      }
    }
  }

  #strangeContainers(names: readonly string[]): void {
    const known = [...this.#pod.containers, ...this.#pod.initContainers].map(({ name }) => name);
    for (const name of names)
      if (!known.includes(name))
        this.#warnings.push(
          `${PREFIX}exclude-containers: the pod has no container ${name}: it has ${known.join(', ')}`,
        );
  }

  #label(): void {
    const label = this.#pod.labels.get(INJECT_LABEL);
    if (label !== undefined && label !== 'true' && label !== 'false')
      this.#warnings.push(`label ${INJECT_LABEL}: found "${label}"; "true" or "false" is meant`);
  }

  #mistake(name: AnnotationName, found: string, meant: string): void {
    this.#problems.push(mistakeIn(name, found, meant));
  }
}

export function mistakeIn(name: AnnotationName, found: string, meant: string): string {
  const short = found.length > 60 ? `${found.slice(0, 60)}...` : found;
  return `${PREFIX}${name}: found "${short}"; ${meant}`;
}

/** The annotations that mean nothing beside a ConfigMap, of those that the pod has. */
export function idleBesideConfigMap(pod: PodView): readonly string[] {
  const entries = Object.entries(annotations) as [AnnotationName, Annotation][];
  return entries
    .filter(
      ([name, { inConfigMap }]) => inConfigMap === 'not' && pod.annotations.has(`${PREFIX}${name}`),
    )
    .map(([name]) => name);
}
