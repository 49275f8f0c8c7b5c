/**
 * Reads wire documents. A document is Markdown: each `##` heading is a case; its first fenced block, `wire`, holds
 * the octets (see escapes.ts), its second, `events`, one line for each event expected (see play.ts). Settings stand
 * behind the word `wire`: `method=HEAD` (of the request that a response answers), `eof` (the sender then closes),
 * `pipelined` (read on after the first message), and limits such as `headBytes=200`.
 *
 * A third block, `outcome`, says what the whole gateway makes of the octets (see test/raw): what reaches the origin or
 * the client, with which status it is refused, which connections live on. Behind the word stand the sections of the RFCs
 * that govern it, such as `9112 6.3`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { unescapeOctets } from './escapes.ts';

export interface WireCase {
  /** The heading, with the requirement's id where there is one. */
  readonly name: string;
  readonly document: string;
  readonly bytes: Buffer;
  readonly settings: ReadonlyMap<string, string>;
  readonly expected: readonly string[];
  /** Null where the outcome hangs on limits that the document sets for itself. */
  readonly outcome: Outcome | null;
}

export interface Outcome {
  /** Such as `9112 6.3`; several are parted by commas. */
  readonly sections: string;
  readonly lines: readonly string[];
}

/** All cases of all documents in a folder of test/wire. Throws on a case that lacks a block. */
export function readWireCases(folder: 'requests' | 'responses'): WireCase[] {
  const root = new URL(`${folder}/`, import.meta.url);
  return readdirSync(root)
    .filter((file) => file.endsWith('.md'))
    .sort()
    .flatMap((file) => readDocument(file, readFileSync(new URL(file, root), 'utf8')));
}

function readDocument(document: string, text: string): WireCase[] {
  const [, ...sections] = text.split(/^## /m);
  return sections.map((section) => {
    const name = section.slice(0, section.indexOf('\n')).trim();
    const found = /^```wire(.*)\n([\s\S]*?)^```\n[\s\S]*?^```events\n([\s\S]*?)^```/m.exec(section);
    if (found === null) throw new Error(`${document}: "${name}" lacks its wire or events block`);
    const [, settings = '', wire = '', events = ''] = found;
    return {
      name,
      document,
      bytes: unescapeOctets(wire),
      settings: readSettings(settings),
      expected: linesOf(events),
      outcome: readOutcome(section),
    };
  });
}

/** What stands behind the word `wire`: names, some with a value. */
export function readSettings(text: string): ReadonlyMap<string, string> {
  const words = text.split(' ').filter((word) => word !== '');
  return new Map(
    words.map((word) => {
      const [key = '', value = ''] = word.split('=');
      return [key, value] as const;
    }),
  );
}

function readOutcome(section: string): Outcome | null {
  const found = /^```outcome(.*)\n([\s\S]*?)^```/m.exec(section);
  if (found === null) return null;
  const [, sections = '', lines = ''] = found;
  return { sections: sections.trim(), lines: linesOf(lines) };
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
