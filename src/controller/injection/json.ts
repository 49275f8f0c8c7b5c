/** Reading JSON of which nothing is known: no field is trusted to be there or to be of its kind, and nothing throws. */

export interface JsonObject {
  readonly [key: string]: unknown;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The member's value; undefined also for what every object inherits. */
export function member(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

export function objectAt(value: unknown, key: string): JsonObject {
  const found = member(value, key);
  return isObject(found) ? found : {};
}

export function listAt(value: unknown, key: string): readonly unknown[] {
  const found = member(value, key);
  return Array.isArray(found) ? found : [];
}

export function textAt(value: unknown, key: string): string | undefined {
  const found = member(value, key);
  return typeof found === 'string' ? found : undefined;
}

export function numberAt(value: unknown, key: string): number | undefined {
  const found = member(value, key);
  return typeof found === 'number' && Number.isFinite(found) ? found : undefined;
}

/** Whether a list could be begun or continued there: it is one, or there is nothing. */
export function takesList(value: unknown, key: string): boolean {
  const found = member(value, key);
  return found === undefined || found === null || Array.isArray(found);
}

/** The same of an object. */
export function takesObject(value: unknown, key: string): boolean {
  const found = member(value, key);
  return found === undefined || found === null || isObject(found);
}
