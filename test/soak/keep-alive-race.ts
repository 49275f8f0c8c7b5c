/**
 * The keep-alive race, measured: an origin that stops reading a connection 60 ms after its last response and resets
 * it 6 ms later; clients whose pauses sweep from 56 to 74 ms, three at a time.
 *
 *   node test/soak/keep-alive-race.ts [--count 3000] [--steady-count 1500] [--together] [--json FILE]
 *
 * For each of GET, PUT and POST with learning, then without (`pool.learnIdleTimeout: false`); after the POSTs of each,
 * more of them 20 ms apart to the same gateway. Eight minutes or so; with `--together`, which runs the three methods at
 * the same time, each with a gateway and an origin of its own, three and a half. `SIDEPOOL_GATEWAY='node dist/sidepool.cjs gateway'`
 * judges the bundle. Ends with 1 when a bound of the run with learning is missed.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { circumstances, markdownTable } from '../bench/report.ts';
import { type Phase, type RaceResult, race } from './race.ts';
import { raceBreaches } from './race-bounds.ts';

const { values: options } = parseArgs({
  options: {
    count: { type: 'string', default: '3000' },
    'steady-count': { type: 'string', default: '1500' },
    together: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});

const began = circumstances();
const results: RaceResult[] = [];
for (const learns of [true, false]) {
  const runs: Promise<RaceResult>[] = [];
  for (const method of ['GET', 'PUT', 'POST']) {
    process.stderr.write(`${method}, learning ${learns ? 'on' : 'off'}\n`);
    const run = race({
      method,
      learns,
      count: Number(options.count),
      fromMs: 56,
      toMs: 74,
      thenCount: method === 'POST' ? Number(options['steady-count']) : 0,
    });
    runs.push(run);
    if (!options.together) await run;
  }
  results.push(...(await Promise.all(runs)));
}

const breaches = results.filter(({ learns }) => learns).flatMap((result) => raceBreaches(result));
console.log(table(results));
console.log(`\nFailures by the spacing that they really had (ms: failed/sent):`);
for (const result of results) {
  const bins = result.sweep.bySpacing.map(([from, sent, failed]) => `${from}: ${failed}/${sent}`);
  console.log(`${nameOf(result)}  ${bins.join('  ')}`);
}
console.log(breaches.length === 0 ? '\nAll bounds are kept.' : `\nMISSED: ${breaches.join('; ')}`);
const report = JSON.stringify({ circumstances: began, breaches, results }, undefined, 2);
if (options.json === undefined) console.log(report);
else writeFileSync(options.json, `${report}\n`);
process.exitCode = breaches.length === 0 ? 0 : 1;

function table(of: readonly RaceResult[]): string {
  const rows: string[][] = [];
  for (const result of of) {
    rows.push(row(result, 'sweep', result.sweep));
    if (result.steady !== null) rows.push(row(result, '20 ms', result.steady));
  }
  return markdownTable(
    [
      'method',
      'learning',
      'spacing',
      'really, ms (median)',
      'sent',
      'ok',
      'failed',
      'once learned',
      'told',
      'reused',
      'of the punctual',
      'stale',
      'retried',
      'opened',
      'seen twice',
    ],
    rows,
  );
}

function row({ method, learns, origin }: RaceResult, name: string, phase: Phase): string[] {
  const [least, median, greatest] = phase.spacingMs;
  const told = Object.entries(phase.failedByDetails).map(([what, count]) => `${what} ${count}`);
  return [
    method,
    learns ? 'on' : 'off',
    name,
    `${least.toFixed(1)} to ${greatest.toFixed(1)} (${median.toFixed(1)})`,
    String(phase.sent),
    String(phase.ok),
    String(phase.failed),
    String(phase.failedOnceLearned),
    told.join(', ') || '-',
    share(phase.reused, phase.sent),
    share(phase.punctualReused, phase.punctual),
    String(phase.stale),
    phase.budgetSpent === 0
      ? String(phase.retried)
      : `${phase.retried} (${phase.budgetSpent} refused)`,
    String(phase.opened),
    String(origin.repeated[method] ?? 0),
  ];
}

function share(part: number, whole: number): string {
  return `${part}/${whole} (${((100 * part) / whole).toFixed(1)} %)`;
}

function nameOf({ method, learns }: RaceResult): string {
  return `${method.padEnd(4)} learning ${learns ? 'on ' : 'off'}`;
}
