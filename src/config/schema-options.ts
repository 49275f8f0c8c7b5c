/** How an option stands in the schema: its meaning, and whether it must be given, has a default, or may be left out. */
import * as v from 'valibot';

/** Any schema: what the walks over this file's shape work on. */
export type AnySchema = v.GenericSchema<unknown, unknown>;
type Described = v.BaseSchema<unknown, unknown, v.BaseIssue<unknown>>;

/** An option that must be given. */
export function required<const S extends Described>(meaning: string, schema: S) {
  return v.pipe(schema, v.description(meaning));
}

/** An option with a default, written as in the file. */
export function option<const S extends Described>(
  fallback: v.InferInput<S>,
  meaning: string,
  schema: S,
) {
  return v.optional(v.pipe(schema, v.description(meaning)), fallback as never);
}

/** An option that may be left out, without a value in its place. */
export function absent<const S extends Described>(meaning: string, schema: S) {
  return v.optional(v.pipe(schema, v.description(meaning)));
}

/** A part of the file whose options all have defaults. */
export function section<const E extends v.ObjectEntries>(meaning: string, entries: E) {
  return v.optional(v.pipe(v.object(entries), v.description(meaning)), {} as never);
}
