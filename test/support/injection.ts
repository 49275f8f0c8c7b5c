/** What tests of the injection share. */
import { readDefaults } from '../../src/controller/injection/defaults.ts';

const read = readDefaults('image: sidepool.test/sidepool:golden\n');
if (!read.ok) throw new Error('the defaults are wrong');

export const sampleDefaults = read.defaults;

/** RFC 6902, as much as is needed to check a patch, and independent of the code that makes it. */
export function applyPatch(
  document: unknown,
  patch: readonly { readonly op: string; readonly path: string; readonly value: unknown }[],
): unknown {
  const result = structuredClone(document);
  for (const { op, path, value } of patch) {
    if (op !== 'add') throw new Error(`${op} is no addition`);
    const { parent, key } = locate(result, path);
    const copy = structuredClone(value);
    if (Array.isArray(parent)) {
      const index = key === '-' ? parent.length : Number(key);
      if (!(index >= 0 && index <= parent.length)) throw new Error(`${path} is past the end`);
      parent.splice(index, 0, copy);
    } else parent[key] = copy;
  }
  return result;
}

/** The other way round: takes out again what was put in. */
export function undoPatch(document: unknown, patch: readonly { readonly path: string }[]): unknown {
  const result = structuredClone(document);
  for (const { path } of patch.toReversed()) {
    const { parent, key } = locate(result, path);
    if (Array.isArray(parent)) parent.splice(Number(key), 1);
    else delete parent[key];
  }
  return result;
}

type Parent = unknown[] | Record<string, unknown>;

export function locate(document: unknown, path: string): { parent: Parent; key: string } {
  const keys = path
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  const key = keys.pop() ?? '';
  let parent = document;
  for (const each of keys) parent = (parent as Record<string, unknown>)[each];
  if (typeof parent !== 'object' || parent === null) throw new Error(`nothing holds ${path}`);
  return { parent: parent as Parent, key };
}
