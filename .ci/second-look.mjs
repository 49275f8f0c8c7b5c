/**
 * The counts of a run of the suite, from vitest's report.
 *
 *   node .ci/second-look.mjs REPORT
 *
 * Tests here start servers and measure time on a machine that may be busy with others' work. Where a few files failed, these
 * are run once more, alone; a test that passes then is counted as passed and named, so that nobody overlooks it. More
 * files than that, or one that fails again, is a failure. Exit code 1 if anything failed.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MOST_FILES = 4;

const first = read(process.argv[2]);
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
const { numTotalTests: total, numPendingTests: pending, numTodoTests: todo } = first;
const skipped = pending + todo;
console.log(`\n${Math.max(0, total - skipped - failed.length)} passed, ${failed.length} failed, ${skipped} skipped`);
process.exitCode = failed.length === 0 ? 0 : 1;

function read(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** A file that could not be read, or whose hooks failed, is one failure. */
function failuresOf({ testResults }) {
  return testResults.flatMap(({ name: file, status, assertionResults }) => {
    const failures = assertionResults
      .filter((test) => test.status === 'failed')
      .map((test) => ({ file, name: test.fullName }));
    if (failures.length === 0 && status === 'failed') return [{ file, name: `${file} as a whole` }];
    return failures;
  });
}

function runAlone(paths) {
  const dir = mkdtempSync(join(tmpdir(), 'second-look-'));
  const report = join(dir, 'report.json');
  try {
    spawnSync('npx', ['vitest', 'run', '--maxWorkers=1', ...paths], {
      stdio: 'inherit',
      env: { ...process.env, SIDEPOOL_TEST_REPORT: report },
    });
    return read(report);
  } catch {
    return null;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
