/** What can be learned from a schema of ours: its keys, defaults and meanings. Used by checks, redaction and reference. */
import * as v from 'valibot';
import type { AnySchema } from './schema-options.ts';

type Shape =
  | { readonly kind: 'mapping'; readonly entries: Readonly<Record<string, AnySchema>> }
  | { readonly kind: 'record'; readonly value: AnySchema }
  | { readonly kind: 'list'; readonly item: AnySchema }
  | { readonly kind: 'leaf'; readonly notation: string };

export interface Option {
  readonly meaning: string;
  readonly isRequired: boolean;
  /** As written in a file; undefined for none. */
  readonly fallback: unknown;
  /** Its value may also be the word `off`. */
  readonly canBeOff: boolean;
  readonly shape: Shape;
}

export function describe(schema: AnySchema): Option {
  const isOptional = schema.type === 'optional';
  const inner = isOptional ? (schema as v.OptionalSchema<AnySchema, unknown>).wrapped : schema;
  const isLazy = inner.type === 'lazy';
  const plain = isLazy ? (inner as v.LazySchema<AnySchema>).getter(undefined) : inner;
  return {
    meaning: v.getDescription(inner) ?? '',
    isRequired: !isOptional,
    fallback: isOptional ? (schema as v.OptionalSchema<AnySchema, unknown>).default : undefined,
    canBeOff: isLazy,
    shape: shapeOf(plain),
  };
}

function shapeOf(schema: AnySchema): Shape {
  switch (schema.type) {
    case 'object':
      return {
        kind: 'mapping',
        entries: (schema as v.ObjectSchema<Record<string, AnySchema>, undefined>).entries,
      };
    case 'record':
      return { kind: 'record', value: (schema as unknown as { value: AnySchema }).value };
    case 'array':
      return { kind: 'list', item: (schema as v.ArraySchema<AnySchema, undefined>).item };
    default: {
      const { notation } = v.getMetadata(schema) as { readonly notation?: string };
      return { kind: 'leaf', notation: notation ?? '' };
    }
  }
}
