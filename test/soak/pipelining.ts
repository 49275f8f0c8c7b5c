/**
 * Pipelining, proved: every response belongs to its request, no request is lost, and none but a safe one is sent twice;
 * with nginx, Apache, HAProxy, Node, Go, and an origin that ends its connections at every wrong moment.
 *
 *   npm run build && node test/soak/pipelining.ts [--pipelining off,auto,8] [--origins nginx,hostile] [--requests 100000]
 *     [--clients 88] [--one-request-clients 8] [--connections 12] [--seed 1] [--limit 240] [--json FILE]
 *     [--from FILE,FILE] [--write]
 *
 * Half a minute for each origin and mode. `--from` takes results of earlier runs instead of running; `--write` makes
 * docs/benchmarks/pipelining.md of what there is. The gateway is the bundle unless `SIDEPOOL_GATEWAY` names another
 * command. Ends with 1 when something is wrong, lost, or sent twice; with 2 when the configuration refuses a mode.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { circumstances } from '../bench/report.ts';
import { skipReason } from '../support/program.ts';
import { pipeliningRefusal } from './pipelining/modes.ts';
import { originKinds } from './pipelining/origins.ts';
import { pageOf, type Report, summaryOf } from './pipelining/page.ts';
import {
  type Pipelining,
  pipeliningBreaches,
  type RunResult,
  runPipelining,
} from './pipelining/run.ts';

const { values: options } = parseArgs({
  options: {
    pipelining: { type: 'string', default: 'off,auto,8' },
    origins: { type: 'string', default: originKinds.map(({ name }) => name).join(',') },
    requests: { type: 'string', default: '100000' },
    clients: { type: 'string', default: '88' },
    'one-request-clients': { type: 'string', default: '8' },
    connections: { type: 'string', default: '12' },
    seed: { type: 'string', default: '1' },
    limit: { type: 'string', default: '240' },
    json: { type: 'string' },
    from: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const bundle = 'node dist/sidepool.cjs gateway';
const { SIDEPOOL_GATEWAY: command = bundle } = process.env;
// What test/support/gateway.ts starts.
Object.assign(process.env, { SIDEPOOL_GATEWAY: command });

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

const report = options.from === undefined ? await run() : merged(options.from.split(','));
console.log(summaryOf(report));
if (options.json !== undefined) {
  writeFileSync(options.json, `${JSON.stringify(report, undefined, 2)}\n`);
}
if (options.write) {
  const page = join(import.meta.dirname, '../../docs/benchmarks/pipelining.md');
  writeFileSync(page, pageOf(report));
}
const isRefused = report.notRun.some(({ reason }) => reason.includes('refused'));
process.exitCode = report.breaches.length > 0 ? 1 : isRefused ? 2 : 0;

async function run(): Promise<Report> {
  const begun = circumstances();
  const results: RunResult[] = [];
  const breaches: string[] = [];
  const notRun: { what: string; reason: string }[] = [];
  for (const pipelining of options.pipelining.split(',').map(modeOf)) {
    const refusal = pipeliningRefusal(pipelining);
    if (refusal !== undefined) {
      notRun.push({ what: `pipelining: ${pipelining}`, reason: refusal });
      say(`pipelining: ${pipelining}: ${refusal}`);
      continue;
    }
    for (const name of options.origins.split(',')) {
      const origin = originKinds.find((kind) => kind.name === name);
      if (origin === undefined) throw new Error(`no origin is called ${name}`);
      const missing = skipReason(...origin.programs);
      if (missing !== undefined) {
        notRun.push({ what: `${name}, pipelining: ${pipelining}`, reason: missing });
        say(`${name}: ${missing}`);
        continue;
      }
      const result = await runPipelining({
        origin,
        pipelining,
        requests: Number(options.requests),
        seed: Number(options.seed),
        keepAliveClients: Number(options.clients),
        oneRequestClients: Number(options['one-request-clients']),
        maxConnections: Number(options.connections),
        limitMs: Number(options.limit) * 1_000,
      });
      results.push(result);
      breaches.push(...pipeliningBreaches(result, origin.isHostile));
      say(
        `${name}, ${pipelining}: ${result.right} of ${result.sent} right, ${result.seconds.toFixed(1)} s`,
      );
    }
  }
  return { circumstances: begun, command, results, breaches, notRun };
}

function modeOf(text: string): Pipelining {
  return text === 'off' || text === 'auto' ? text : Number(text);
}

/** The circumstances are those of the first: runs that belong on one page are made of one commit. */
function merged(paths: readonly string[]): Report {
  const reports = paths.map((path) => JSON.parse(readFileSync(path, 'utf8')) as Report);
  const [first] = reports;
  if (first === undefined) throw new Error('--from names no file');
  const commits = new Set(reports.map((each) => each.circumstances.commit));
  if (commits.size > 1) say(`of several commits: ${[...commits].join(', ')}`);
  return {
    ...first,
    results: reports.flatMap((each) => each.results),
    breaches: reports.flatMap((each) => each.breaches),
    notRun: reports.flatMap((each) => each.notRun),
  };
}
