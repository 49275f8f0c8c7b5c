/** `sidepool inject -f FILE`: what the webhook would make of a manifest, without a cluster. */
import { readFileSync } from 'node:fs';
import { messageOf } from '../base/fault.ts';
import { formatMistakes } from '../config/mistake.ts';
import { readConfigMap } from '../controller/injection/config-map.ts';
import { type InjectionDefaults, readDefaults } from '../controller/injection/defaults.ts';
import { configMapOf, inject } from '../controller/injection/inject.ts';
import { configMapsOf, podsOf } from '../controller/injection/manifest.ts';
import type { Patch } from '../controller/injection/patch.ts';
import { type Manifest, readManifests } from './manifests.ts';

export interface InjectCall {
  /** A path, or `-` for standard input. */
  readonly file: string;
  /** The file of defaults that the controller is run with. */
  readonly injection: string | undefined;
  readonly image: string | undefined;
  /** Whether the cluster's kubelets can all run native sidecars. */
  readonly isNativePossible: boolean;
  readonly format: 'yaml' | 'json';
}

export interface Streams {
  readonly readFile: (path: string) => string;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

const IMAGE_WITHOUT_DEFAULTS = 'sidepool:latest';
const STANDARD_INPUT = 0;

export const standardStreams: Streams = {
  readFile: (path) => readFileSync(path === '-' ? STANDARD_INPUT : path, 'utf8'),
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
};

/** Prints the manifests and gives the exit code: 1 when a pod that asks for the sidecar would go without. */
export function injectFile(call: InjectCall, streams: Streams = standardStreams): number {
  const defaults = defaultsOf(call, streams);
  if (typeof defaults === 'string') {
    streams.err(`sidepool: ${defaults}\n`);
    return 2;
  }
  let manifests: readonly Manifest[];
  try {
    manifests = readManifests(streams.readFile(call.file));
  } catch (error) {
    streams.err(`sidepool: ${call.file}: ${messageOf(error)}\n`);
    return 2;
  }
  const configMaps = new Map(manifests.flatMap(({ value }) => [...configMapsOf(value)]));
  let code = 0;
  for (const manifest of manifests) {
    for (const each of podsOf(manifest.value)) {
      const wanted = configMapOf(each.pod);
      const outcome = inject(each.pod, {
        defaults,
        isNativePossible: call.isNativePossible,
        ...(wanted === null ? {} : { configMap: readConfigMapFrom(configMaps, wanted) }),
      });
      const tell = (line: string): void => streams.err(`${each.owner}: ${line}\n`);
      for (const warning of outcome.warnings) tell(`warning: ${warning}`);
      if (outcome.kind === 'not-injected') {
        for (const problem of outcome.problems) tell(`not injected: ${problem}`);
        code = 1;
      } else if (outcome.kind === 'injected') manifest.apply(below(each.path, outcome.patch));
    }
  }
  streams.out(
    call.format === 'json'
      ? manifests.map(({ toJson }) => `${toJson()}\n`).join('')
      : manifests.map(({ toYaml }) => toYaml()).join('---\n'),
  );
  return code;
}

function defaultsOf(
  { injection, image }: InjectCall,
  { readFile }: Streams,
): InjectionDefaults | string {
  let text = '';
  try {
    if (injection !== undefined) text = readFile(injection);
  } catch (error) {
    return `--injection ${injection}: ${messageOf(error)}`;
  }
  const ownImage = image ?? (injection === undefined ? IMAGE_WITHOUT_DEFAULTS : undefined);
  const read = readDefaults(text, ownImage === undefined ? {} : { image: ownImage });
  return read.ok ? read.defaults : `\n${formatMistakes(injection ?? '--image', read.mistakes)}`;
}

function readConfigMapFrom(configMaps: ReadonlyMap<string, unknown>, name: string) {
  return configMaps.has(name)
    ? readConfigMap(configMaps.get(name))
    : ({ ok: false, why: 'it is not among these manifests: give it along with them' } as const);
}

function below(path: string, patch: Patch): Patch {
  return patch.map((operation) => ({ ...operation, path: `${path}${operation.path}` }));
}
