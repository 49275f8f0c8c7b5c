/**
 * The counts of a run of the suite, from vitest's report.
 *
 *   node test/ci/second-look.ts REPORT
 *
 * Tests here start servers and measure time on a machine that may be busy with others' work. Where a few files failed, these
 * are run once more, alone; a test that passes then is counted as passed and named, so that nobody overlooks it. More
 * files than that, or one that fails again, is a failure. Exit code 1 if anything failed.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { makeTempDir } from '../support/temp-dir.ts';

interface Report {
  readonly numTotalTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

interface Failure {
  readonly file: string;
  readonly name: string;
}

const MOST_FILES = 4;

const [path] = process.argv.slice(2);
if (path === undefined) throw new Error('node test/ci/second-look.ts REPORT');
const first = read(path);
let failed = failuresOf(first);
const files = [...new Set(failed.map(({ file }) => file))];
if (files.length > 0 && files.length <= MOST_FILES) {
  console.log(`\nOnce more, alone: ${files.join(', ')}\n`);
  const again = runAlone(files);
  const stillFailed = again === null ? failed : failuresOf(again);
  const names = new Set(stillFailed.map(({ name }) => name));
  for (const { file, name } of failed)
    if (!names.has(name)) console.log(`FAILED IN THE CROWD, PASSED ALONE: ${file}: ${name}`);
  failed = stillFailed;
}
const skipped = first.numPendingTests + first.numTodoTests;
const passed = Math.max(0, first.numTotalTests - skipped - failed.length);
console.log(`\n${passed} passed, ${failed.length} failed, ${skipped} skipped`);
process.exitCode = failed.length === 0 ? 0 : 1;

function read(file: string): Report {
  return JSON.parse(readFileSync(file, 'utf8')) as Report;
}

/** A file that could not be read, or whose hooks failed, is one failure. */
function failuresOf({ testResults }: Report): readonly Failure[] {
  return testResults.flatMap(({ name: file, status, assertionResults }) => {
    const failures = assertionResults
      .filter((test) => test.status === 'failed')
      .map((test) => ({ file, name: test.fullName }));
    if (failures.length === 0 && status === 'failed') return [{ file, name: `${file} as a whole` }];
    return failures;
  });
}

function runAlone(paths: readonly string[]): Report | null {
  const dir = makeTempDir('second-look');
  const report = dir.file('report.json');
  try {
    spawnSync('npx', ['vitest', 'run', '--maxWorkers=1', ...paths], {
      stdio: 'inherit',
      env: { ...process.env, SIDEPOOL_TEST_REPORT: report },
    });
    return read(report);
  } catch {
    return null;
  } finally {
    dir.remove();
  }
}
