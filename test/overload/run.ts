/**
 * Overload and abuse: what they cost others, how much memory they take, and how soon they are forgotten.
 *
 *   node test/overload/run.ts [--only NAME,NAME] [--subjects Sidepool,nginx] [--write]
 *
 * `SIDEPOOL_GATEWAY` names the build, such as `node dist/sidepool.cjs gateway`; else the sources are run. `--write` writes
 * docs/overload.md and docs/benchmarks/overload.json; cases that were not asked for keep what that file has of them. Ends
 * with 1 when something was not as promised. Needs nginx; some cases need root, and are skipped, visibly, without.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { circumstances } from '../bench/report.ts';
import { startNginx } from '../support/origins/nginx.ts';
import { clientCases } from './client-cases.ts';
import { measure } from './measure.ts';
import { breachesOf, linesOf, type OverloadReport, overloadPage } from './page.ts';
import type { SubjectName } from './subject.ts';
import { worldCases } from './world-cases.ts';

const cases = [...clientCases, ...worldCases];
const docs = join(import.meta.dirname, '..', '..', 'docs');
const jsonPath = join(docs, 'benchmarks', 'overload.json');

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    subjects: { type: 'string', default: 'Sidepool,nginx' },
    write: { type: 'boolean', default: false },
  },
});

process.exitCode = await main();

async function main(): Promise<number> {
  const names = values.only?.split(',');
  const unknown = names?.filter((name) => !cases.some((each) => each.name === name)) ?? [];
  if (unknown.length > 0) {
    const known = cases.map(({ name }) => name).join(', ');
    process.stderr.write(`unknown: ${unknown.join(', ')}; there are: ${known}\n`);
    return 2;
  }
  const chosen = cases.filter(({ name }) => names === undefined || names.includes(name));
  const began = circumstances();
  const results: OverloadReport['results'][number][] = [];
  const skipped: Record<string, string> = {};
  const breaches: string[] = [];
  // What is large comes in buffers of its own: 31 KiB of head are more than nginx takes by default.
  const server = 'large_client_header_buffers 8 64k;';
  const origin = await startNginx({ server });
  try {
    for (const each of chosen) {
      const reason = each.skip?.();
      if (reason !== undefined) {
        skipped[each.name] = reason;
        console.log(`${each.name}: SKIPPED: ${reason}`);
        continue;
      }
      for (const subject of ['Sidepool', 'nginx'] as const satisfies readonly SubjectName[]) {
        if (!values.subjects.split(',').includes(subject)) continue;
        if (subject === 'nginx' && !each.nginx) continue;
        const measured = await measure(each, subject, origin.port);
        results.push({ ...measured, date: new Date().toISOString(), commit: began.commit });
        breaches.push(...breachesOf(each, measured));
        console.log(linesOf(each, measured));
      }
    }
  } finally {
    await origin.stop();
  }
  console.log(breaches.length === 0 ? 'As promised.' : `NOT AS PROMISED:\n${breaches.join('\n')}`);
  if (values.write) write({ circumstances: began, command: commandText(), results, skipped });
  return breaches.length === 0 ? 0 : 1;
}

function write(report: OverloadReport): void {
  const before: OverloadReport | null = existsSync(jsonPath)
    ? JSON.parse(readFileSync(jsonPath, 'utf8'))
    : null;
  const isNew = (name: string, subject: string): boolean =>
    report.results.some((each) => each.name === name && each.subject === subject);
  const kept = before?.results.filter(({ name, subject }) => !isNew(name, subject)) ?? [];
  const whole = { ...report, results: [...kept, ...report.results] };
  whole.results.sort((a, b) => (a.subject < b.subject ? -1 : 1));
  whole.results.sort((a, b) => placeOf(a.name) - placeOf(b.name));
  writeFileSync(jsonPath, `${JSON.stringify(whole, undefined, 1)}\n`);
  writeFileSync(join(docs, 'overload.md'), overloadPage(whole, cases));
}

function placeOf(name: string): number {
  return cases.findIndex((each) => each.name === name);
}

function commandText(): string {
  const { SIDEPOOL_GATEWAY: instead = '' } = process.env;
  return instead === '' ? 'the sources' : 'the bundle';
}
