/**
 * The full benchmark: the gateway beside the proxies that people use, case by case.
 *
 *   npm run bench
 *   npm run bench -- --only keep-alive,one-request --peers nginx,sidepool --rounds 3
 *
 * Each case leaves one JSON file below docs/benchmarks/, and the page there is made anew from all such files: so a
 * run of one case keeps the results of the others. A run that leaves out peers, adds a build or has fewer than five
 * rounds prints its tables and writes nothing, unless it is told a folder with --out.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findProgram } from '../support/program.ts';
import type { Case } from './cases/case.ts';
import { cases } from './cases/catalogue.ts';
import { caseSection, writePage } from './page.ts';
import { peerCatalogue } from './peers/catalogue.ts';
import { type Peer, repository } from './peers/peer.ts';
import { Progress } from './progress.ts';
import { circumstances } from './report.ts';
import { type CaseResult, type MeasuredPeer, writeResult } from './result.ts';

const usage = `npm run bench -- [options]
  --only CASE[,CASE]   these cases alone
  --peers NAME[,NAME]  these peers alone
  --rounds N           rounds that are counted (default 5)
  --gateway COMMAND    another build in the same rounds, up to and with its subcommand:
                       'node ../before/dist/sidepool.cjs gateway'
  --out FOLDER         where results and page go (default docs/benchmarks)
  --page               no measurement: make the page from the results that are there
  --list               the cases and the peers`;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    peers: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    gateway: { type: 'string' },
    out: { type: 'string' },
    page: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const committed = join(repository, 'docs', 'benchmarks');
const caseNames = cases.map(({ name }) => name);

// The reaper of the test support ends whatever runs, and removes its files, once this process has ended.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => process.exit(130));

await main();

async function main(): Promise<void> {
  const peers = peerCatalogue(options.gateway);
  if (options.help) return console.log(usage);
  if (options.list) return list(peers);
  if (options.page) return writePage(options.out ?? committed, caseNames);
  const rounds = Number(options.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds: a whole number is meant');
  const wantedCases = choose('--only', options.only, cases);
  const wantedPeers = choose('--peers', options.peers, peers);
  const expected = wantedCases.reduce(
    (sum, each) => sum + each.expectedSeconds(wantedPeers.length, rounds),
    0,
  );
  const progress = new Progress(expected);
  const { ready, missing } = await prepare(wantedPeers, progress);
  const whole = options.peers === undefined && options.gateway === undefined && rounds >= 5;
  const folder = options.out ?? (whole ? committed : undefined);
  for (const [nth, each] of wantedCases.entries()) {
    progress.say(`case ${nth + 1} of ${wantedCases.length}: ${each.name}`);
    const lacking = each.programs.filter((program) => findProgram(program) === undefined);
    if (lacking.length > 0) {
      progress.say(`${each.name} not measured: ${lacking.join(' and ')} not installed`);
      continue;
    }
    const result = await runCase(each, { ready, missing, rounds, progress });
    console.log(`${caseSection(result)}\n`);
    if (folder === undefined) continue;
    writeResult(folder, result);
    writePage(folder, caseNames);
  }
}

interface Prepared {
  readonly ready: readonly { readonly peer: Peer; readonly measured: MeasuredPeer }[];
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
}

async function prepare(peers: readonly Peer[], progress: Progress): Promise<Prepared> {
  const ready: { peer: Peer; measured: MeasuredPeer }[] = [];
  const missing: { name: string; reason: string }[] = [];
  for (const peer of peers) {
    const { name, title, settings } = peer;
    try {
      const version = await peer.prepare();
      progress.say(`${title}: ${version}`);
      ready.push({ peer, measured: { name, title, version, settings } });
    } catch (cause) {
      const reason = reasonOf(cause);
      progress.say(`${title}: left out: ${reason}`);
      missing.push({ name: title, reason });
    }
  }
  return { ready, missing };
}

async function runCase(
  each: Case,
  run: Prepared & { readonly rounds: number; readonly progress: Progress },
): Promise<CaseResult> {
  const { rounds, progress } = run;
  const missing = [...run.missing];
  const taken = run.ready.filter(({ peer }) => !each.without?.includes(peer.name));
  const gone = new Set<string>();
  const begun = circumstances();
  const { loads, figures } = await each.run({
    peers: taken.map(({ peer }) => peer),
    rounds,
    progress,
    leaveOut: (peer, cause) => {
      const reason = reasonOf(cause);
      progress.say(`${peer.title}: left out: ${reason}`);
      gone.add(peer.name);
      missing.push({ name: peer.title, reason });
    },
  });
  return {
    case: each.name,
    title: each.title,
    about: each.about,
    base: each.base,
    circumstances: {
      date: begun.date,
      processors: begun.processors,
      processor: begun.processor,
      memoryGiB: begun.memoryGiB,
      kernel: begun.kernel.match(/^[\d.]+/)?.[0] ?? '',
      commit: begun.commit,
      rounds,
      loadAverage: begun.loadAverage,
      tools: begun.tools,
    },
    peers: taken.map(({ measured }) => measured).filter(({ name }) => !gone.has(name)),
    missing,
    loads,
    figures,
  };
}

/** One line, without the paths of this machine. */
function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return (text.split('\n')[0] ?? '').replaceAll(/(?<=^|[\s'"])\/\S+/g, '(path)').slice(0, 200);
}

function choose<T extends { readonly name: string }>(
  option: string,
  asked: string | undefined,
  all: readonly T[],
): readonly T[] {
  if (asked === undefined) return all;
  const names = asked.split(',');
  const unknown = names.filter((name) => !all.some((each) => each.name === name));
  if (unknown.length > 0)
    throw new Error(
      `${option}: ${unknown.join(', ')} is none of ${all.map(({ name }) => name).join(', ')}`,
    );
  return all.filter(({ name }) => names.includes(name));
}

function list(peers: readonly Peer[]): void {
  for (const { name, title } of cases) console.log(`case ${name}: ${title}`);
  for (const { name, title, settings } of peers) console.log(`peer ${name}: ${title}: ${settings}`);
}
