/**
 * Runs every command and program that the documents show, checks every configuration, injects every manifest, and
 * prints the counts: `node test/documents/run.ts [PART OF A PATH ...]`.
 */
import { makeCertificate } from '../../src/cli/demo/certificate.ts';
import { documents, type Shown } from './blocks.ts';
import { allPlanned } from './plan.ts';
import { run } from './runner.ts';
import { setScene } from './scene.ts';
import { strangeFigures } from './shown-figures.ts';
import { brokenAnchors, grammar, queries, unknownMetrics } from './shown-queries.ts';
import { check, configurations, inject, manifests } from './shown-yaml.ts';

const wanted = process.argv.slice(2);
const isWanted = ({ path }: Shown): boolean =>
  wanted.length === 0 || wanted.some((part) => path.includes(part));

const failed: string[] = [];
const notRun = new Map<string, number>();
let ran = 0;

function place({ path, line }: Shown): string {
  return `${path}:${line}`;
}

function tell(shown: Shown, wrong: string): void {
  if (wrong === '') return;
  failed.push(place(shown));
  console.error(`FAILED ${place(shown)}\n${shown.text}\n${wrong}\n`);
}

const scene = await setScene();
try {
  for (const shown of allPlanned().filter(isWanted)) {
    const { plan } = shown;
    const head = shown.text.split('\n')[0] ?? '';
    if (plan.kind === 'unknown') tell(shown, 'plan.ts does not say whether this can be run');
    else if (plan.kind === 'not-run') {
      notRun.set(plan.reason, (notRun.get(plan.reason) ?? 0) + 1);
      console.log(`not run  ${place(shown)}  ${head}  (${plan.reason})`);
    } else {
      const wrong = await run(shown, scene);
      ran += 1;
      if (wrong === '') console.log(`ran      ${place(shown)}  ${head}`);
      tell(shown, wrong);
    }
  }
} finally {
  await scene.end();
}

const { authority } = await makeCertificate();
const checked = configurations().filter(isWanted);
for (const shown of checked) tell(shown, check(shown, authority));
const injected = manifests().filter(isWanted);
for (const shown of injected) tell(shown, inject(shown));

for (const shown of strangeFigures().filter(isWanted)) {
  tell(shown, 'no page that was measured has this row: take its figures over again');
}
const asked = queries().filter(isWanted);
for (const shown of asked) {
  const unknown = unknownMetrics(shown);
  tell(shown, unknown.length === 0 ? '' : `no such metric: ${unknown.join(', ')}`);
}
const first = asked[0];
const said = grammar(asked);
if (first !== undefined) tell(first, said ?? '');
if (said === null) notRun.set('promtool is not installed', asked.length);
for (const path of documents) {
  const shown = { path, line: 1, text: 'links' };
  if (isWanted(shown)) tell(shown, brokenAnchors(path).join(' '));
}

console.log(
  `\n${ran} commands and programs run, ${checked.length} configurations checked, ${injected.length} manifests injected, ${asked.length} queries checked; ${failed.length} failed.`,
);
for (const [reason, count] of notRun) console.log(`${count} not run: ${reason}`);
process.exitCode = failed.length === 0 ? 0 : 1;
