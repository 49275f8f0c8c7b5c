/** Every mistake of a file against the schema at once: structure and keys here, the values by the schema itself. */
import * as v from 'valibot';
import { isSensitive } from './field-rules.ts';
import { isOff } from './leaves.ts';
import { type Finding, type Path, shown } from './mistake.ts';
import { type FileOutput, fileSchema } from './schema.ts';
import type { AnySchema } from './schema-options.ts';
import { describe, type Option } from './walk.ts';

export interface Validated {
  /** Whole only when there are no findings; then what stands beside a finding is as read, and the rest is sound. */
  readonly output: FileOutput;
  readonly findings: readonly Finding[];
}

/** `written` is the value with its references to secrets as written: mistakes quote it. */
export function validate(value: unknown, written: unknown): Validated {
  const found: Finding[] = [];
  findStructure(fileSchema, value, [], found);
  const findings = found.map((finding) => withoutSecrets(finding, written));
  const result = v.safeParse(fileSchema, value);
  for (const issue of result.issues ?? []) {
    // What else the library reports is structure, and was found above with better words.
    if (issue.type !== 'raw_transform' && issue.type !== 'raw_check') continue;
    const path = (issue.path ?? []).map(({ key }) => key as string | number);
    const isName = issue.path?.at(-1)?.origin === 'key';
    findings.push({
      path,
      at: isName ? 'key' : 'value',
      found: isName ? shown(path.at(-1)) : quoted(written, path),
      meant: issue.message,
    });
  }
  return { output: result.output as FileOutput, findings };
}

/** The value at that path, as a mistake may quote it. */
function quoted(written: unknown, path: Path): string {
  return isHidden(path)
    ? 'a value that is hidden here'
    : shownInPlace(writtenAt(written, path), path);
}

function writtenAt(written: unknown, path: Path): unknown {
  let value = written;
  for (const key of path) {
    // One text where a list may stand: what is said of its first entry is said of the text.
    if (typeof value === 'string') return value;
    value = (value as Record<string | number, unknown> | null | undefined)?.[key];
  }
  return value;
}

/** What was substituted may be a secret: the finding shows the reference in its place. */
export function withoutSecrets(finding: Finding, written: unknown): Finding {
  const value = writtenAt(written, finding.path);
  const isReference = finding.at === 'value' && typeof value === 'string' && value.includes('${');
  return isReference ? { ...finding, found: quoted(written, finding.path) } : finding;
}

/** Whether the value at that path may be a secret. */
export function isHidden(path: Path): boolean {
  // By place, not by looking for "set": an upstream may have that name.
  const [top, , part, what, name] = path;
  const isSet = top === 'upstreams' && part === 'headers' && what === 'set';
  return isSet && typeof name === 'string' && isSensitive(name);
}

/** A text where header fields are meant may be one of them, credential and all. */
function shownInPlace(value: unknown, path: Path): string {
  const isHeader =
    path[0] === 'upstreams' &&
    path[2] === 'headers' &&
    path.length < 5 &&
    typeof value === 'string';
  return isHeader ? 'a text that is hidden here' : shown(value);
}

function findStructure(schema: AnySchema, value: unknown, path: Path, findings: Finding[]): void {
  const option = describe(schema);
  const { shape } = option;
  if (shape.kind === 'leaf' || (option.canBeOff && isOff(value))) return;
  const wrongKind = kindMistake(option, value);
  if (wrongKind !== null) {
    findings.push({ path, at: 'value', found: shownInPlace(value, path), meant: wrongKind });
    return;
  }
  if (shape.kind === 'list') {
    (value as unknown[]).forEach((each, index) => {
      findStructure(shape.item, each, [...path, index], findings);
    });
    return;
  }
  const mapping = value as Readonly<Record<string, unknown>>;
  if (shape.kind === 'record') {
    for (const [key, each] of Object.entries(mapping)) {
      // The library passes over these without a word.
      if (key === '__proto__' || key === 'prototype' || key === 'constructor')
        findings.push({
          path: [...path, key],
          at: 'key',
          found: shown(key),
          meant: 'another name is meant',
        });
      else findStructure(shape.value, each, [...path, key], findings);
    }
    return;
  }
  const { entries } = shape;
  for (const [key, each] of Object.entries(mapping)) {
    const entry = Object.hasOwn(entries, key) ? entries[key] : undefined;
    if (entry !== undefined) findStructure(entry, each, [...path, key], findings);
    else
      findings.push({
        path: [...path, key],
        at: 'key',
        found: 'an unknown key',
        meant: knownKey(key, entries),
      });
  }
  for (const [key, entry] of Object.entries(entries)) {
    const { isRequired, meaning } = describe(entry);
    if (isRequired && !Object.hasOwn(mapping, key))
      findings.push({
        path: [...path, key],
        at: 'key',
        found: 'nothing',
        meant: `it must be given. ${meaning}`,
      });
  }
}

function kindMistake({ shape, isRequired, canBeOff }: Option, value: unknown): string | null {
  if (shape.kind === 'list') return Array.isArray(value) ? null : 'a list is meant';
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return null;
  const meant =
    shape.kind === 'record' ? 'a mapping of names is meant' : 'a mapping of options is meant';
  if (canBeOff) return `${meant}, or the word off`;
  return value === null && !isRequired ? `${meant}: leave the key out for the defaults` : meant;
}

/** What was probably meant by an unknown key: a near name here, or the same name one floor further down. */
function knownKey(key: string, entries: Readonly<Record<string, AnySchema>>): string {
  const known = Object.keys(entries);
  const [nearest] = known
    .map((name) => ({ name, distance: distance(plain(key), plain(name)) }))
    .sort((a, b) => a.distance - b.distance);
  if (nearest !== undefined && nearest.distance <= Math.max(1, Math.floor(key.length / 3)))
    return `did you mean ${nearest.name}?`;
  for (const [name, entry] of Object.entries(entries)) {
    const { shape } = describe(entry);
    if (shape.kind === 'mapping' && Object.hasOwn(shape.entries, key))
      return `did you mean ${name}.${key}?`;
  }
  return `one of ${known.join(', ')} is meant`;
}

function plain(key: string): string {
  return key.toLowerCase().replaceAll(/[-_]/g, '');
}

/** Levenshtein's distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, replaced));
    }
    row = next;
  }
  return row[b.length] as number;
}
