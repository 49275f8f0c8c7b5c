/**
 * Writes the licences of everything that the bundles hold to `dist/THIRD-PARTY-LICENSES.txt`. Reads what
 * the bundler took in, not what is installed: a package that no bundle holds is not named, and none that
 * one holds can be forgotten.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Metafile {
  readonly inputs: Readonly<Record<string, unknown>>;
}

const licenceFile = /^(licen[cs]e|copying|notice)([.-].*)?$/i;

const meta: Metafile = JSON.parse(readFileSync('dist/meta.json', 'utf8'));
const folders = new Set(Object.keys(meta.inputs).flatMap((input) => packageFolder(input) ?? []));
// By title: two packages may each have brought their own copy of a third.
const byTitle = new Map([...folders].map(describe).map((entry) => [entry.title, entry]));
const entries = [...byTitle.values()].sort((a, b) => (a.title < b.title ? -1 : 1));
writeFileSync(
  'dist/THIRD-PARTY-LICENSES.txt',
  [
    `Sidepool's bundles hold code of these ${entries.length} packages:`,
    '',
    ...entries.map(({ title }) => `  ${title}`),
    ...entries.flatMap(({ title, text }) => ['', '-'.repeat(100), title, '', text]),
    '',
  ].join('\n'),
);

/** The folder of the package that a file belongs to: the innermost, where packages hold others. */
function packageFolder(input: string): string | undefined {
  return /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
}

function describe(folder: string): { readonly title: string; readonly text: string } {
  const { name, version, license } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  ) as { name: string; version: string; license?: string };
  const files = readdirSync(folder)
    .filter((file) => licenceFile.test(file))
    .sort();
  if (files.length === 0 && license === undefined)
    throw new Error(`${name} ${version} tells no licence: it may not be bundled`);
  const texts = files.map((file) => readFileSync(join(folder, file), 'utf8').trim());
  const text = texts.length > 0 ? texts.join('\n\n') : 'The package holds no text of its licence.';
  return { title: `${name} ${version} (${license ?? 'see the text'})`, text };
}
