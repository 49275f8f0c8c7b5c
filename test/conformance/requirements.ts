/**
 * The list of requirements, and what is said of those that no test shows.
 *
 * `requirements.tsv` has a row for each requirement. `remarks.tsv` has a sentence for a row that does not bind this
 * gateway, that it departs from, or that leaves a choice which it does not use; and remarks on rows that tests show.
 */
import { readFileSync } from 'node:fs';

export type Level = 'MUST' | 'MUST NOT' | 'SHOULD' | 'SHOULD NOT' | 'MAY' | 'RULE';

export interface Requirement {
  /** Document, section and number: `9112-6.3-04`. `R` before the number marks a rule that has no keyword. */
  readonly id: string;
  /** `RULE` for what a text says plainly, without a keyword. */
  readonly level: Level;
  /** Whom it binds: client, server, sender, recipient, intermediary and so on. */
  readonly role: string;
  /** Whether it can bind a gateway at all. `later` is for a role that this one does not play yet. */
  readonly applies: 'yes' | 'no' | 'later';
  readonly what: string;
}

/**
 * `no`: it does not bind this gateway. `departs`: it does, and is not kept, or not in every case. `unused`: it allows
 * something that this gateway does not do. `note`: tests show it, and there is more to say.
 */
export type RemarkKind = 'no' | 'departs' | 'unused' | 'note';

export interface Remark {
  readonly kind: RemarkKind;
  readonly sentence: string;
}

const idForm = /^\d{4}-[0-9]+(?:\.[0-9]+)*-R?\d+$/;
const levels: ReadonlySet<string> = new Set([
  'MUST',
  'MUST NOT',
  'SHOULD',
  'SHOULD NOT',
  'MAY',
  'RULE',
]);
const kinds: ReadonlySet<string> = new Set(['no', 'departs', 'unused', 'note']);

export function readRequirements(): Requirement[] {
  return rows('requirements.tsv', ['id', 'level', 'role', 'applies', 'what']).map((cells) => {
    const [id = '', level = '', role = '', applies = '', what = ''] = cells;
    if (!idForm.test(id)) throw new Error(`requirements.tsv: "${id}" is not an id`);
    if (!levels.has(level)) throw new Error(`requirements.tsv: ${id} has no such level: ${level}`);
    if (applies !== 'yes' && applies !== 'no' && applies !== 'later')
      throw new Error(`requirements.tsv: ${id} applies yes, no or later, not "${applies}"`);
    return { id, level: level as Level, role, applies, what };
  });
}

export function readRemarks(): Map<string, Remark> {
  const remarks = new Map<string, Remark>();
  for (const [id = '', kind = '', sentence = ''] of rows('remarks.tsv', ['id', 'kind', 'remark'])) {
    if (!kinds.has(kind)) throw new Error(`remarks.tsv: ${id} has no such kind: ${kind}`);
    if (!sentence.endsWith('.')) throw new Error(`remarks.tsv: ${id} lacks a whole sentence`);
    if (remarks.has(id)) throw new Error(`remarks.tsv: ${id} is there twice`);
    remarks.set(id, { kind: kind as RemarkKind, sentence });
  }
  return remarks;
}

/** The rows behind the heading; lines that begin with "#" are comments. */
function rows(file: string, heading: readonly string[]): string[][] {
  const text = readFileSync(new URL(file, import.meta.url), 'utf8');
  const [first, ...rest] = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split('\t'));
  if (first?.join() !== heading.join()) throw new Error(`${file}: columns are ${heading.join()}`);
  for (const cells of rest)
    if (cells.length !== heading.length)
      throw new Error(`${file}: ${cells[0]} has ${cells.length} cells, not ${heading.length}`);
  return rest;
}
