/**
 * What is injected where a pod says nothing else: the file of `--injection`. Each key stands here once, with how it is
 * read, what counts without it, and its meaning, which docs/injection.md shows.
 */
import { readDocument } from '../../config/document.ts';
import type { Finding, Mistake } from '../../config/mistake.ts';
import { shown } from '../../config/mistake.ts';
import { bad, good, type Reading } from '../../config/units.ts';
import { isObject, member, objectAt } from './json.ts';
import { nearest } from './nearest.ts';
import { isBelow, readQuantity } from './quantity.ts';
import {
  type Native,
  type Pipelining,
  readImage,
  readLogLevel,
  readNative,
  readPipelining,
  readWarm,
} from './values.ts';

export interface Resources {
  /** Null: none is asked for. */
  readonly cpuRequest: string | null;
  readonly cpuLimit: string | null;
  readonly memoryRequest: string | null;
  readonly memoryLimit: string | null;
}

export interface InjectionDefaults {
  readonly image: string;
  readonly imagePullPolicy: string;
  readonly native: Native;
  readonly logLevel: string;
  readonly warm: number;
  readonly pipelining: Pipelining;
  readonly strict: boolean;
  readonly runAsUser: number;
  readonly resources: Resources;
  /** How the command line is called inside of the image. */
  readonly program: readonly string[];
}

interface Key {
  readonly name: string;
  readonly fallback: unknown;
  readonly meaning: string;
  readonly read: (raw: unknown) => Reading<unknown>;
}

/** In the order of the file; `resources.` names what lies one floor down. */
export const defaultKeys: readonly Key[] = [
  {
    name: 'image',
    fallback: undefined,
    meaning: "The sidecar's image. It must be given.",
    read: readImage,
  },
  {
    name: 'imagePullPolicy',
    fallback: 'IfNotPresent',
    meaning: 'Always, IfNotPresent or Never.',
    read: (raw) =>
      raw === 'Always' || raw === 'IfNotPresent' || raw === 'Never'
        ? good(raw)
        : bad('one of Always, IfNotPresent, Never is meant'),
  },
  {
    name: 'native',
    fallback: 'auto',
    meaning: '`auto`, `on` or `off`: see the annotation.',
    read: readNative,
  },
  {
    name: 'logLevel',
    fallback: 'info',
    meaning: "The sidecars' log level.",
    read: readLogLevel,
  },
  {
    name: 'warm',
    fallback: 2,
    meaning: 'The warm floor of each upstream.',
    read: readWarm,
  },
  {
    name: 'pipelining',
    fallback: 'off',
    meaning: '`off`, `auto`, or 2 to 64.',
    read: readPipelining,
  },
  {
    name: 'strict',
    fallback: false,
    meaning: 'Whether pods that cannot be injected as they ask are refused.',
    read: (raw) => (typeof raw === 'boolean' ? good(raw) : bad('true or false is meant')),
  },
  {
    name: 'runAsUser',
    fallback: 65_532,
    meaning: "The sidecar's user. Never 0.",
    read: (raw) =>
      Number.isInteger(raw) && (raw as number) > 0 && (raw as number) < 2 ** 31
        ? good(raw)
        : bad('a user number of 1 or more is meant'),
  },
  quantityKey('resources.requests.cpu', '10m', 'Processor time asked for; `none` for none.'),
  quantityKey('resources.requests.memory', '64Mi', 'Memory asked for; `none` for none.'),
  quantityKey('resources.limits.cpu', 'none', 'Most processor time.'),
  quantityKey('resources.limits.memory', '256Mi', 'Most memory.'),
  {
    name: 'program',
    fallback: ['node', '/sidepool/sidepool.cjs'],
    meaning: 'How the command line is called inside of the image: for the hook of a plain sidecar.',
    read: (raw) =>
      Array.isArray(raw) && raw.length > 0 && raw.every((each) => typeof each === 'string')
        ? good(raw)
        : bad('a list of words is meant, such as [node, /sidepool/sidepool.cjs]'),
  },
];

function quantityKey(name: string, fallback: string, meaning: string): Key {
  const resource = name.endsWith('cpu') ? 'cpu' : 'memory';
  return { name, fallback, meaning, read: (raw) => readQuantity(raw, resource) };
}

export type ReadDefaults =
  | { readonly ok: true; readonly defaults: InjectionDefaults }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] };

/** Reads the file's text. `image`, where given, stands above the file's. */
export function readDefaults(text: string, { image }: { image?: string } = {}): ReadDefaults {
  // An empty file is one that says nothing.
  const document = readDocument(text.trim() === '' ? '{}' : text);
  if (!document.isReadable) return { ok: false, mistakes: document.mistakes };
  const written = document.value;
  const value = image === undefined || !isObject(written) ? written : { ...written, image };
  const findings = [...unknownKeys(value)];
  const values = new Map<string, unknown>();
  for (const { name, fallback, meaning, read } of defaultKeys) {
    const path = name.split('.');
    const raw = path.reduce(member, value);
    if (raw === undefined && fallback === undefined) {
      findings.push({ path, at: 'key', found: 'nothing', meant: `it must be given. ${meaning}` });
      continue;
    }
    const reading = read(raw ?? fallback);
    if (reading.ok) values.set(name, reading.value);
    else findings.push({ path, at: 'value', found: shown(raw), meant: reading.meant });
  }
  const defaults = assembled(values);
  findings.push(...limitsBelowRequests(defaults.resources));
  const mistakes = [...document.mistakes, ...findings.map((finding) => document.locate(finding))];
  return mistakes.length === 0 ? { ok: true, defaults } : { ok: false, mistakes };
}

function assembled(values: ReadonlyMap<string, unknown>): InjectionDefaults {
  // Each value was read by the reader of its key; where one was not, this is thrown away.
  const get = <T>(name: string): T => values.get(name) as T;
  return {
    image: get('image'),
    imagePullPolicy: get('imagePullPolicy'),
    native: get('native'),
    logLevel: get('logLevel'),
    warm: get('warm'),
    pipelining: get('pipelining'),
    strict: get('strict'),
    runAsUser: get('runAsUser'),
    resources: {
      cpuRequest: get('resources.requests.cpu'),
      cpuLimit: get('resources.limits.cpu'),
      memoryRequest: get('resources.requests.memory'),
      memoryLimit: get('resources.limits.memory'),
    },
    program: get('program'),
  };
}

function* unknownKeys(value: unknown): Generator<Finding> {
  if (!isObject(value)) {
    yield { path: [], at: 'value', found: shown(value), meant: 'a mapping of options is meant' };
    return;
  }
  const paths = defaultKeys.map(({ name }) => name.split('.'));
  yield* unknownIn(value, [], paths);
}

function* unknownIn(
  value: unknown,
  above: readonly string[],
  paths: readonly (readonly string[])[],
): Generator<Finding> {
  const known = [...new Set(paths.map((path) => path[above.length] ?? ''))];
  for (const key of Object.keys(objectAt({ value }, 'value'))) {
    const path = [...above, key];
    const below = paths.filter(
      (each) => each[above.length] === key && each.length > above.length + 1,
    );
    if (below.length > 0) {
      const inner = member(value, key);
      if (isObject(inner)) yield* unknownIn(inner, path, below);
      else yield { path, at: 'value', found: shown(inner), meant: 'a mapping is meant' };
    } else if (!known.includes(key)) {
      const near = nearest(key, known);
      yield {
        path,
        at: 'key',
        found: 'an unknown key',
        meant: near === null ? `one of ${known.join(', ')} is meant` : `did you mean ${near}?`,
      };
    }
  }
}

/** The API server would refuse every pod that has such a container. */
function* limitsBelowRequests(resources: Resources): Generator<Finding> {
  const pairs = [
    ['cpu', resources.cpuRequest, resources.cpuLimit],
    ['memory', resources.memoryRequest, resources.memoryLimit],
  ] as const;
  for (const [resource, request, limit] of pairs)
    if (isBelow(limit ?? null, request ?? null))
      yield {
        path: ['resources', 'limits', resource],
        at: 'value',
        found: shown(limit),
        meant: `at least the request (${request}) is meant`,
      };
}
