/**
 * A JSON patch (RFC 6902) that can only add: there is no other operation in its type. It is written in terms of the raw
 * document, so that fields which nobody here knows survive.
 */

export interface AddOperation {
  readonly op: 'add';
  /** A JSON pointer (RFC 6901). */
  readonly path: string;
  readonly value: unknown;
}

export type Patch = readonly AddOperation[];

/** RFC 6901 3: `~` and `/` are written in another way inside of a pointer. */
export function pointer(...keys: readonly (string | number)[]): string {
  return keys.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

export function add(path: string, value: unknown): AddOperation {
  return { op: 'add', path, value };
}

/** Puts values, in their order, into a list from `index` on; or makes the list. */
export function addToList(
  path: string,
  list: unknown,
  { index, values }: { index: number; values: readonly unknown[] },
): Patch {
  if (values.length === 0) return [];
  if (!Array.isArray(list)) return [add(path, values)];
  return values.map((value, offset) => add(`${path}/${index + offset}`, value));
}

/** Puts members into an object that has none of them; or makes the object. */
export function addToObject(
  path: string,
  object: unknown,
  members: Readonly<Record<string, unknown>>,
): Patch {
  const entries = Object.entries(members);
  if (entries.length === 0) return [];
  if (typeof object !== 'object' || object === null) return [add(path, members)];
  return entries.map(([key, value]) => add(`${path}${pointer(key)}`, value));
}
