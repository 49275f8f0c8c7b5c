/**
 * Writes docs/conformance.md: a row for each requirement, with the tests that show it or what there is to say instead.
 * `node test/conformance/page.ts` writes it, `--check` tells what is wrong and writes nothing.
 */
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import {
  type Level,
  type Remark,
  type Requirement,
  readRemarks,
  readRequirements,
} from './requirements.ts';
import { listTaggedTests, type TaggedTest, writtenTags } from './tagged-tests.ts';

type State = 'tested' | 'departs' | 'not applicable' | 'choice not used' | 'open';

interface Row {
  readonly requirement: Requirement;
  readonly state: State;
  readonly remark: Remark | undefined;
  readonly tests: readonly TaggedTest[];
}

export interface Sources {
  readonly requirements: readonly Requirement[];
  readonly remarks: ReadonlyMap<string, Remark>;
  readonly tests: readonly TaggedTest[];
  /** Ids that stand in test files as tags, and where. */
  readonly written: ReadonlyMap<string, readonly string[]>;
}

export const pagePath = new URL('../../docs/conformance.md', import.meta.url);

/** What a gateway has to do and this one does not, on purpose. Anything new must be put here by hand, and argued. */
const departedMusts: ReadonlySet<string> = new Set([
  // Via is off unless configured.
  '9110-7.6.3-02',
  // Content-Length with a list of equal numbers is refused; so are empty members in Transfer-Encoding.
  '9112-6.3-04',
  '9110-5.6.1.2-01',
]);

export async function readSources(): Promise<Sources> {
  return {
    requirements: readRequirements(),
    remarks: readRemarks(),
    tests: await listTaggedTests(),
    written: writtenTags(),
  };
}

export function makeRows({ requirements, remarks, tests }: Sources): Row[] {
  const byId = new Map<string, TaggedTest[]>();
  for (const test of tests)
    for (const id of test.ids) byId.set(id, [...(byId.get(id) ?? []), test]);
  return requirements.map((requirement) => {
    const remark = remarks.get(requirement.id);
    const found = byId.get(requirement.id) ?? [];
    return { requirement, remark, tests: found, state: stateOf(remark, found.length) };
  });
}

function stateOf(remark: Remark | undefined, tests: number): State {
  if (remark?.kind === 'departs') return 'departs';
  if (tests > 0) return 'tested';
  if (remark?.kind === 'no') return 'not applicable';
  return remark?.kind === 'unused' ? 'choice not used' : 'open';
}

/** What is wrong with the list, the remarks and the tags: one sentence each. Empty when all is well. */
export function problems(sources: Sources): string[] {
  const { requirements, remarks, tests, written } = sources;
  const found: string[] = [];
  const known = new Set<string>();
  for (const { id } of requirements) {
    if (known.has(id)) found.push(`${id} is in the list twice`);
    known.add(id);
  }
  const shown = new Set(tests.flatMap(({ ids }) => ids));
  for (const [id, files] of written) {
    if (!known.has(id)) found.push(`${files[0]} has the tag ${id}, which no requirement has`);
    else if (!shown.has(id)) found.push(`${files[0]} has the tag ${id}, but no test's name has it`);
  }
  for (const id of remarks.keys())
    if (!known.has(id)) found.push(`remarks.tsv has ${id}, which no requirement has`);
  for (const row of makeRows(sources)) found.push(...rowProblems(row));
  return found;
}

function rowProblems({ requirement: { id, level, applies }, state, remark, tests }: Row): string[] {
  const found: string[] = [];
  if (state === 'open') found.push(`${id} (${level}) has neither a test nor a remark`);
  if (applies !== 'yes' && state !== 'not applicable')
    found.push(`${id} is said not to apply (${applies}), and is ${state}`);
  if (remark?.kind === 'no' && tests.length > 0)
    found.push(`${id} is said not to bind this gateway, and has tests`);
  if (remark?.kind === 'unused' && tests.length > 0)
    found.push(`${id} is said not to be used, and has tests`);
  if (remark?.kind === 'unused' && level !== 'MAY')
    found.push(`${id} is no choice: ${level} cannot be left unused`);
  if (remark?.kind === 'note' && tests.length === 0) found.push(`${id} has a note, but no test`);
  const isMust = level === 'MUST' || level === 'MUST NOT';
  if (state === 'departs' && isMust && !departedMusts.has(id))
    found.push(`${id} is a ${level} that is departed from, and not a known one`);
  return found;
}

const states: readonly State[] = ['tested', 'departs', 'not applicable', 'choice not used', 'open'];
const shownLevels: readonly Level[] = ['MUST', 'MUST NOT', 'SHOULD', 'SHOULD NOT', 'MAY', 'RULE'];

/** The page's text. */
export function render(rows: readonly Row[]): string {
  const parts = [opening, counts(rows), departures(rows)];
  for (const [document, title] of documents) {
    const ofDocument = rows.filter(({ requirement }) => requirement.id.startsWith(`${document}-`));
    if (ofDocument.length > 0) parts.push(`## ${title}\n`, ...sections(document, ofDocument));
  }
  return `${parts.join('\n').trimEnd()}\n`;
}

const documents: readonly (readonly [string, string])[] = [
  ['9110', 'RFC 9110: HTTP semantics'],
  ['9112', 'RFC 9112: HTTP/1.1'],
  ['9209', 'RFC 9209: Proxy-Status'],
  ['6585', 'RFC 6585: additional status codes'],
];

const opening = `# Conformance

What RFC 9110, RFC 9112, RFC 9209 and RFC 6585 ask, requirement by requirement, and the tests that show that Sidepool
does it. The requirements are told in other words than the texts'; the number names the section. Rows whose number
begins with R are rules that the text states without a keyword such as MUST.

This page is generated by \`node test/conformance/page.ts\` out of the list in \`test/conformance/requirements.tsv\`,
the remarks in \`test/conformance/remarks.tsv\`, and the names of the tests: a test that shows a requirement has its
id in its name, as in \`[9112-6.3-04]\`. The suite fails when this page is not what the generator gives, when a tag
names no requirement, and when a requirement has neither a test nor a remark.

*Tested*: at least one test fails if the gateway stops doing this; of a MAY, the tests show which choice is made. *Departs*: the gateway does not do this, or not in
every case, for the reason given. *Not applicable*: it does not bind this gateway, for the reason given. *Choice not
used*: the text allows it, and the gateway does without it.
`;

function counts(rows: readonly Row[]): string {
  const line = (name: string, of: readonly Row[]): string => {
    const cells = states.map((state) => of.filter((row) => row.state === state).length);
    return `| ${name} | ${of.length} | ${cells.join(' | ')} |`;
  };
  return [
    '## Counts\n',
    `| Level | Requirements | ${states.map(capital).join(' | ')} |`,
    `|---|--:|${states.map(() => '--:|').join('')}`,
    ...shownLevels.map((level) =>
      line(
        level === 'RULE' ? 'without a keyword' : level,
        rows.filter(({ requirement }) => requirement.level === level),
      ),
    ),
    `${line('all', rows)}\n`,
  ].join('\n');
}

function departures(rows: readonly Row[]): string {
  const departed = rows.filter(({ state }) => state === 'departs');
  const lines = departed.map(
    ({ requirement: { id, level, what }, remark }) =>
      `- **${id}** (${level}): ${escaped(what)} *Here:* ${escaped(remark?.sentence ?? '')}`,
  );
  return ['## Departures\n', ...lines, ''].join('\n');
}

function sections(document: string, rows: readonly Row[]): string[] {
  const bySection = new Map<string, Row[]>();
  for (const row of rows) {
    const section = row.requirement.id.split('-')[1] ?? '';
    bySection.set(section, [...(bySection.get(section) ?? []), row]);
  }
  return [...bySection].flatMap(([section, ofSection]) => [
    `### RFC ${document} section ${section}\n`,
    '| Id | Level | What is asked | State | Shown by |',
    '|---|---|---|---|---|',
    ...ofSection.map(tableLine),
    '',
  ]);
}

function tableLine({ requirement: { id, level, what }, state, remark, tests }: Row): string {
  const shown = shownBy(tests);
  if (remark !== undefined) shown.push(escaped(remark.sentence));
  return `| ${id} | ${level === 'RULE' ? '' : level} | ${escaped(what)} | ${state} | ${shown.join('<br>')} |`;
}

function shownBy(tests: readonly TaggedTest[]): string[] {
  const byFile = new Map<string, string[]>();
  for (const { file, name } of tests) byFile.set(file, [...(byFile.get(file) ?? []), name]);
  return [...byFile].map(([file, names]) => {
    const short = file.replace(/^test\//, '').replace(/\.test\.ts$/, '');
    return `[${short}](../${file}): ${names.map(escaped).join('; ')}`;
  });
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** Text in a cell of a table. */
function escaped(text: string): string {
  return text.replace(/[\\|*_<>`[\]]/g, (mark) => (mark === '<' ? '&lt;' : `\\${mark}`));
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const sources = await readSources();
  const wrong = problems(sources);
  for (const sentence of wrong) process.stderr.write(`${sentence}\n`);
  if (!process.argv.includes('--check')) writeFileSync(pagePath, render(makeRows(sources)));
  process.exitCode = wrong.length === 0 ? 0 : 1;
}
