/**
 * An origin that restarts, measured: nginx before an application that takes 50 ms for each answer is stopped for a
 * second and started again three times, under 200 requests a second of clients with one request each.
 *
 *   node test/soak/origin-restarts.ts [--stops 3] [--per-second 200] [--down-ms 1000] [--up-ms 2000] [--json FILE]
 *
 * GET and POST, stopped with SIGTERM (nginx's fast shutdown) and with SIGKILL: a minute or so.
 * `SIDEPOOL_GATEWAY='node dist/sidepool.cjs gateway'` judges the bundle. Ends with 1 when a bound is missed.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { circumstances, markdownTable } from '../bench/report.ts';
import { type RestartResult, restartBreaches, restarts } from './restarts.ts';

const { values: options } = parseArgs({
  options: {
    stops: { type: 'string', default: '3' },
    'per-second': { type: 'string', default: '200' },
    'down-ms': { type: 'string', default: '1000' },
    'up-ms': { type: 'string', default: '2000' },
    json: { type: 'string' },
  },
});

const began = circumstances();
const results: RestartResult[] = [];
for (const method of ['GET', 'POST']) {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    process.stderr.write(`${method}, ${signal}\n`);
    results.push(
      await restarts({
        method,
        signal,
        stops: Number(options.stops),
        perSecond: Number(options['per-second']),
        downMs: Number(options['down-ms']),
        upMs: Number(options['up-ms']),
      }),
    );
  }
}

const breaches = results.flatMap(restartBreaches);
console.log(
  markdownTable(
    [
      'method',
      'stopped by',
      'sent',
      'ok',
      'failed',
      'under way at the stops',
      'told',
      'seen twice',
      'longest, ms',
      'retried',
      'stale',
      'opened',
      'dials failed',
      'idle limit at the end, s',
    ],
    results.map((result) => [
      result.method,
      result.signal,
      String(result.sent),
      String(result.ok),
      String(result.failed),
      result.inFlight.join(', '),
      told(result),
      String(result.seenTwice),
      result.longestMs.toFixed(0),
      String(result.retried),
      String(result.stale),
      String(result.opened),
      String(result.dialsFailed),
      (result.idleLimitMs / 1000).toFixed(1),
    ]),
  ),
);
console.log(breaches.length === 0 ? '\nAll bounds are kept.' : `\nMISSED: ${breaches.join('; ')}`);
const report = JSON.stringify({ circumstances: began, breaches, results }, undefined, 2);
if (options.json === undefined) console.log(report);
else writeFileSync(options.json, `${report}\n`);
process.exitCode = breaches.length === 0 ? 0 : 1;

function told({ failures }: RestartResult): string {
  const counts = new Map<string, number>();
  for (const { details, status } of failures) {
    const what = details || `${status}, nothing`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return [...counts].map(([what, count]) => `${what} ${count}`).join(', ') || '-';
}
