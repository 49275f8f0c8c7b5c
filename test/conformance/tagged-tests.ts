/**
 * Which tests show which requirements: found by tags such as `[9112-6.3-04]` in the tests' names.
 *
 * The names are those that vitest itself lists after it has loaded the files, so that rows of tables and wire
 * documents count one by one, and a tag in a comment or in dead code counts for nothing.
 */
import { execFile } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';

export interface TaggedTest {
  /** From the root of the repository. */
  readonly file: string;
  /** The whole name, without its tags. */
  readonly name: string;
  readonly ids: readonly string[];
}

const root = join(import.meta.dirname, '..', '..');
const tagForm = /\[(\d{4}-[0-9.]+-R?\d+)\]/g;
/** Their names come out of documents. */
const readDocuments: readonly string[] = ['test/wire/wire.test.ts'];

/** All tagged tests, by file and then in their order there. Loads the files that have tags: takes some seconds. */
export async function listTaggedTests(): Promise<TaggedTest[]> {
  const files = new Set([...readDocuments, ...testFilesWithTags()]);
  const listed = await listTests([...files]);
  return listed
    .map(({ file, name }) => ({ file, name: plainName(name), ids: idsIn(lastPart(name)) }))
    .filter(({ ids }) => ids.length > 0)
    .sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0));
}

/** All ids that stand as tags anywhere under test/, wherever in the files: to see that none of them is lost. */
export function writtenTags(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const file of globSync('test/**/*.{ts,md}', { cwd: root })) {
    if (file.startsWith(join('test', 'conformance', 'page'))) continue;
    for (const id of idsIn(readFileSync(join(root, file), 'utf8')))
      found.set(id, [...(found.get(id) ?? []), file]);
  }
  return found;
}

function testFilesWithTags(): string[] {
  return globSync('test/**/*.test.ts', { cwd: root }).filter(
    (file) => idsIn(readFileSync(join(root, file), 'utf8')).length > 0,
  );
}

async function listTests(files: string[]): Promise<{ file: string; name: string }[]> {
  const dir = mkdtempSync(join(tmpdir(), 'sidepool-conformance-'));
  const out = join(dir, 'tests.json');
  try {
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
    // Parsing alone would not make the rows of tables into tests.
    const args = [vitest, 'list', ...files.sort(), '--no-static-parse', `--json=${out}`];
    const { SIDEPOOL_TEST_REPORT: _, ...env } = process.env;
    await promisify(execFile)(process.execPath, args, { cwd: root, env });
    const tests: { file: string; name: string }[] = JSON.parse(readFileSync(out, 'utf8'));
    return tests.map(({ file, name }) => ({ file: relative(root, file), name }));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function idsIn(text: string): string[] {
  return [...text.matchAll(tagForm)].map(([, id = '']) => id);
}

/** A tag on a whole group would claim too much: the test's own name counts. */
function lastPart(name: string): string {
  return name.slice(name.lastIndexOf(' > ') + 1);
}

function plainName(name: string): string {
  return name.replaceAll(tagForm, '').replace(/ +/g, ' ').replaceAll(' > ', ': ').trim();
}
