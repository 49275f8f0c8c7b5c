/** Pods as the API server sends them: injected by a patch that only adds, or left alone with a reason; never thrown at. */
import { readdirSync, readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import { readDefaults } from '../../../src/controller/injection/defaults.ts';
import {
  type ConfigMapReading,
  configMapOf,
  inject,
} from '../../../src/controller/injection/inject.ts';
import type { Patch } from '../../../src/controller/injection/patch.ts';
import { applyPatch } from '../../support/injection.ts';
import { type FuzzTarget, promise } from '../engine/target.ts';

const read = readDefaults('image: sidepool.test/sidepool:fuzz\n');
if (!read.ok) throw new Error('the defaults are wrong');
const { defaults } = read;

const configMap: ConfigMapReading = {
  ok: true,
  text: 'listeners: [{ address: "127.0.0.1:15101", upstream: api }]\nupstreams: { api: { url: "http://a" } }\n',
};

/** The first octet: 1 every kubelet can run native sidecars, 2 the ConfigMap cannot be read. The rest is JSON. */
export const admissionTarget: FuzzTarget = {
  name: 'admission',
  promise: 'a valid patch that only adds and is not needed twice, or a reason; never thrown at',
  seeds: () => {
    const folder = new URL('../../golden/', import.meta.url);
    return readdirSync(folder)
      .filter((file) => file.endsWith('.yaml') && !file.endsWith('.expected.yaml'))
      .sort()
      .map((file, index) => {
        const pod = parseDocument(readFileSync(new URL(file, folder), 'utf8')).toJS();
        return Buffer.from(`${String.fromCharCode(index & 3)}${JSON.stringify(pod)}`);
      });
  },
  morsels: [
    'null',
    '[]',
    '{}',
    '""',
    '-1',
    '1e400',
    '"__proto__":',
    '"constructor":',
    '"a/b~c":1,',
    '"env":[],',
    '"env":null,',
    '"ports":[{"containerPort":15101}],',
    '"initContainers":[],',
    '"volumes":null,',
    '"sidepool.io/upstreams":"api=http://a:1, pay=https://b",',
    '"sidepool.io/upstreams":"configmap/x",',
    '"sidepool.io/native":"off",',
    '"restartPolicy":"Always",',
    '{"name":"sidepool"},',
  ],
  run(data) {
    const bits = data[0] ?? 0;
    const pod = json(data.toString('utf8', 1));
    if (pod === undefined) return;
    const before = JSON.stringify(pod);
    const wanted = configMapOf(pod);
    promise(wanted === null || /^[a-z0-9][a-z0-9.-]*$/.test(wanted), () => `ConfigMap ${wanted}`);
    const context = {
      defaults,
      isNativePossible: (bits & 1) !== 0,
      configMap: (bits & 2) === 0 ? configMap : { ok: false as const, why: 'it is away' },
    };
    const outcome = inject(pod, context);
    promise(JSON.stringify(pod) === before, () => 'the pod itself was changed');
    for (const warning of outcome.warnings) promise(warning !== '', () => 'an empty warning');
    if (outcome.kind === 'not-injected')
      promise(outcome.problems.length > 0, () => 'not injected, and nobody says why');
    if (outcome.kind !== 'injected') return;
    promise(outcome.patch.length > 0, () => 'injected by an empty patch');
    // As it travels.
    const patch = JSON.parse(JSON.stringify(outcome.patch)) as Patch;
    const patched = applyPatch(pod, patch);
    promise(contains(patched, pod), () => `something is gone: ${JSON.stringify(patch)}`);
    const again = inject(patched, context);
    promise(
      again.kind === 'unchanged',
      () => `injected again it is ${again.kind}: ${JSON.stringify(again)}`,
    );
  },
};

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether all of `part` is in `whole`: members by name, entries of a list in their order. */
function contains(whole: unknown, part: unknown): boolean {
  if (Array.isArray(part)) {
    if (!Array.isArray(whole)) return false;
    let at = 0;
    for (const each of part) {
      while (at < whole.length && !contains(whole[at], each)) at += 1;
      if (at === whole.length) return false;
      at += 1;
    }
    return true;
  }
  if (typeof part === 'object' && part !== null) {
    if (typeof whole !== 'object' || whole === null || Array.isArray(whole)) return false;
    return Object.entries(part).every(
      ([key, value]) =>
        Object.hasOwn(whole, key) && contains((whole as Record<string, unknown>)[key], value),
    );
  }
  // A list or object that was null is made.
  return part === null ? true : Object.is(whole, part);
}
