/**
 * Fuzzes what the outside can send: coverage-guided, each target for its share of the time.
 *
 *   npm run fuzz -- --seconds 60 [--only request,response] [--seed 7] [--keep DIR]
 *
 * Prints a line for each target and each finding with the shortest input that shows it; ends with 1 if there is any.
 * Findings are written to `.tmp/fuzz`: one that was mended goes to `test/fuzz/corpus/TARGET/`, from where the tests
 * play it for ever. `--keep` names a folder in which inputs that went somewhere new stay from one run to the next.
 *
 * Why an engine of our own: libFuzzer by way of @jazzer.js/core 4.0.0 does not load here. "libc.so.6: version
 * `GLIBC_2.38' not found (required by fuzzer-linux-x64.node)": Debian 12, as the `node` images, has 2.36; to build it
 * from source fetches LLVM, and 2.1.0 fetches its binary when it is installed.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { escapeText } from '../wire/escapes.ts';
import { bundleTarget } from './engine/bundle-target.ts';
import { supervise } from './engine/supervise.ts';
import { type ListedTarget, targets } from './targets.ts';

const findingsFolder = '.tmp/fuzz';
const LONGEST_PRINTED = 4000;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    seed: { type: 'string' },
    only: { type: 'string' },
    keep: { type: 'string' },
  },
});
const seconds = Number(values.seconds);
const seed = values.seed === undefined ? Date.now() % 2 ** 32 : Number(values.seed);
const names = values.only?.split(',');
const unknown = names?.filter((name) => !targets.some(({ target }) => target.name === name)) ?? [];
if (!(seconds > 0) || !Number.isFinite(seed) || unknown.length > 0) {
  console.error(
    `usage: npm run fuzz -- --seconds N [--only NAME,...] [--seed N] [--keep DIR]\ntargets: ${targets.map(({ target }) => target.name).join(', ')}`,
  );
  process.exit(2);
}
const chosen = targets.filter(({ target }) => names?.includes(target.name) ?? true);

interface Line {
  readonly executions: number;
  readonly features: number;
  readonly findings: number;
}

const folder = mkdtempSync(join(tmpdir(), 'sidepool-fuzz-'));
const lines: Line[] = [];
console.log(
  `${'target'.padEnd(12)} ${'executions'.padStart(10)} ${'per s'.padStart(8)} ${'branches'.padStart(11)} ${'features'.padStart(8)} ${'corpus'.padStart(6)} findings`,
);
try {
  for (const each of chosen) lines.push(await fuzz(each, (seconds * 1000) / chosen.length));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const executions = lines.reduce((sum, line) => sum + line.executions, 0);
const findings = lines.reduce((sum, line) => sum + line.findings, 0);
console.log(
  `${executions} executions of ${lines.length} targets in ${seconds} s with seed ${seed}: ${findings} findings`,
);
process.exitCode = findings === 0 ? 0 : 1;

async function fuzz(
  { target, module, exported }: ListedTarget,
  milliseconds: number,
): Promise<Line> {
  const bundle = join(folder, `${target.name}.cjs`);
  const { alsoInstrument } = target;
  const { counters, literals, blind } = await bundleTarget({
    module,
    exported,
    alsoInstrument,
    outfile: bundle,
  });
  if (blind !== null)
    console.log(`${target.name}: NOT guided by coverage, only by chance: ${blind}`);
  const outcome = await supervise({
    bundle,
    counters,
    literals,
    seed,
    milliseconds,
    seeds: [
      ...target.seeds(),
      ...inputsIn(join(import.meta.dirname, 'corpus', target.name)),
      ...kept(target.name),
    ],
  });
  if (outcome.kind === 'lost') {
    row(target.name, `${outcome.executions}`.padStart(10), '1');
    tell(target.name, { text: outcome.why, input: outcome.input });
    return { executions: outcome.executions, features: 0, findings: 1 };
  }
  const { result } = outcome;
  row(
    target.name,
    [
      String(result.executions).padStart(10),
      String(Math.round(result.executions / result.seconds)).padStart(8),
      `${result.edges}/${counters}`.padStart(11),
      String(result.features).padStart(8),
      String(result.corpus.length).padStart(6),
    ].join(' '),
    result.found === null ? '0' : '1',
  );
  if (values.keep !== undefined)
    for (const input of result.corpus) write(join(values.keep, target.name), Buffer.from(input));
  if (result.found !== null)
    tell(target.name, {
      text: result.found.text,
      input: Buffer.from(result.minimised ?? result.found.input),
    });
  const { features } = result;
  return { executions: result.executions, features, findings: result.found === null ? 0 : 1 };
}

function row(name: string, figures: string, count: string): void {
  console.log(`${name.padEnd(12)} ${figures} ${count}`);
}

function tell(name: string, { text, input }: { text: string; input: Buffer }): void {
  const file = write(join(findingsFolder, name), input);
  const escaped = escapeText(input.toString('latin1'));
  console.log(`FINDING in ${name}: ${text}`);
  console.log(
    `with ${input.length} octets, in ${file}:\n${escaped.length > LONGEST_PRINTED ? `${escaped.slice(0, LONGEST_PRINTED)}...` : escaped}\n`,
  );
}

function write(into: string, input: Buffer): string {
  mkdirSync(into, { recursive: true });
  const file = join(into, createHash('sha256').update(input).digest('hex').slice(0, 16));
  writeFileSync(file, input);
  return file;
}

function kept(name: string): Buffer[] {
  return values.keep === undefined ? [] : inputsIn(join(values.keep, name));
}

function inputsIn(directory: string): Buffer[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).map((file) => readFileSync(join(directory, file)));
}
