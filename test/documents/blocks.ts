/** What the documents show: the fenced blocks, and the commands in those that are for a shell. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const repository = join(import.meta.dirname, '..', '..');

export interface Block {
  /** Of the document, from the repository. */
  readonly path: string;
  /** Of the line that opens it. */
  readonly line: number;
  /** The words behind the fence: `sh`, `yaml`, `yaml kubernetes`. */
  readonly language: string;
  readonly text: string;
}

/** Every document for users; what is generated row by row and shows no command is left out for its length. */
export const documents: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'charts/sidepool/README.md',
  'deploy/examples/README.md',
  'deploy/kustomize/README.md',
  ...readdirSync(join(repository, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`)
    .sort(),
];

export function blocksOf(path: string): Block[] {
  const blocks: Block[] = [];
  let open: { line: number; language: string; lines: string[] } | null = null;
  for (const [at, line] of readFileSync(join(repository, path), 'utf8').split('\n').entries()) {
    if (!line.startsWith('```')) open?.lines.push(line);
    else if (open === null) open = { line: at + 1, language: line.slice(3).trim(), lines: [] };
    else {
      blocks.push({ path, line: open.line, language: open.language, text: open.lines.join('\n') });
      open = null;
    }
  }
  return blocks;
}

export interface Shown {
  readonly path: string;
  readonly line: number;
  readonly text: string;
}

/** One for each line of the block; a line that ends with a backslash goes on. */
export function commandsOf({ path, line, text }: Block): Shown[] {
  const commands: Shown[] = [];
  let begun: Shown | null = null;
  for (const [at, each] of text.split('\n').entries()) {
    const here: Shown = begun ?? { path, line: line + at + 1, text: '' };
    const joined: Shown = { ...here, text: here.text + each };
    if (each.endsWith('\\')) {
      begun = { ...joined, text: `${joined.text}\n` };
      continue;
    }
    begun = null;
    if (joined.text.trim() !== '' && !joined.text.startsWith('#')) commands.push(joined);
  }
  return commands;
}
