/**
 * The configuration as it may be shown: in the file's own words, every default filled in, nothing secret.
 *
 * It is made from what was written and not from what was read: a reference such as `${file:/run/secrets/token}` is
 * shown as the reference, so that no list of secret values has to be kept, and none can be missed.
 */
import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import type { GatewayConfig } from './gateway-config.ts';
import { isOff } from './leaves.ts';
import { type Path, pathText } from './mistake.ts';
import { fileSchema } from './schema.ts';
import type { AnySchema } from './schema-options.ts';
import { isHidden } from './validate.ts';
import { describe } from './walk.ts';

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export interface RedactedConfig {
  /** The whole file as it is in force. */
  readonly effective: Json;
  /** The paths of the options whose values differ from their defaults. */
  readonly changed: readonly string[];
  /** Of those that have one: the default, as one would write it. */
  readonly defaults: { readonly [path: string]: string };
}

/** Plain JSON for `/config`. */
export function redacted(config: GatewayConfig): RedactedConfig {
  const changed = new Changed();
  const effective = fill(fileSchema, config.document, [], changed);
  return { effective, changed: changed.paths, defaults: Object.fromEntries(changed.defaults) };
}

class Changed {
  readonly paths: string[] = [];
  readonly defaults: [string, string][] = [];

  add(path: Path, fallback: unknown): void {
    const text = pathText(path);
    this.paths.push(text);
    if (isOff(fallback)) this.defaults.push([text, 'off']);
    else if (Array.isArray(fallback)) this.defaults.push([text, fallback.join(', ') || '(none)']);
    else if (fallback !== undefined && typeof fallback !== 'object')
      this.defaults.push([text, String(fallback)]);
  }
}

const HIDDEN = '(hidden)';

function fill(schema: AnySchema, written: unknown, path: Path, changed: Changed): Json {
  const option = describe(schema);
  const { shape, fallback } = option;
  const value = written === undefined ? fallback : written;
  if (option.canBeOff) {
    if (isOff(value) !== isOff(fallback)) changed.add(path, fallback);
    if (isOff(value)) return 'off';
  }
  switch (shape.kind) {
    case 'mapping': {
      const mapping = value as Readonly<Record<string, unknown>>;
      const filled: [string, Json][] = [];
      for (const [key, entry] of Object.entries(shape.entries)) {
        const isLeftOut = mapping[key] === undefined && describe(entry).fallback === undefined;
        if (!isLeftOut) filled.push([key, fill(entry, mapping[key], [...path, key], changed)]);
      }
      return Object.fromEntries(filled);
    }
    case 'record': {
      if (isChanged(schema, written)) changed.add(path, fallback);
      const entries = Object.entries(value as Readonly<Record<string, unknown>>);
      return Object.fromEntries(
        entries.map(([key, each]) => [key, fill(shape.value, each, [...path, key], changed)]),
      );
    }
    case 'list': {
      if (isChanged(schema, written)) changed.add(path, fallback);
      return (value as readonly unknown[]).map((each, index) =>
        fill(shape.item, each, [...path, index], changed),
      );
    }
    case 'leaf':
      if (isChanged(schema, written)) changed.add(path, fallback);
      return isHidden(path) ? HIDDEN : (value as Json);
  }
}

/** Compared as read: `1m` is no change from `60s`. What must be given has no default to differ from. */
function isChanged(schema: AnySchema, written: unknown): boolean {
  const { isRequired, fallback } = describe(schema);
  if (isRequired || written === undefined) return false;
  const read = v.safeParse(schema, written);
  const usual = v.safeParse(schema, fallback);
  return !(read.success && usual.success && isDeepStrictEqual(read.output, usual.output));
}
