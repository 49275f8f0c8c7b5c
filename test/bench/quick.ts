/**
 * The quick measurement: what the gateway costs beside a proxy that everybody knows, in one run.
 *
 *   npm run bench:quick
 *   node test/bench/quick.ts [--tls] [--rounds 5] [--gateway 'COMMAND'] [--json FILE]
 *
 * Processor time for each request is compared and not requests per second: a load generator, the proxy
 * and the origin share the machine, so the throughput tells as much of the others. The proxies take turns,
 * round by round, and a ratio is taken within its round: so that other work on the machine falls on both.
 *
 * `--gateway` adds another build to the same rounds, up to and with its subcommand, for example
 * `--gateway 'node ../before/dist/sidepool.cjs gateway'`. `--tls` puts TLS between the proxies and the
 * origin, and HAProxy in nginx's place.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { findProgram } from '../support/program.ts';
import { atRest, memoryPerIdleClient, type RestFigures, startToReadyMs } from './at-rest.ts';
import {
  atLeast,
  keepAliveLoad,
  type Load,
  type LoadFigures,
  measure,
  oneRequestLoad,
} from './load.ts';
import { haproxyPeer } from './peers/haproxy.ts';
import { nginxPeer } from './peers/nginx.ts';
import type { Peer, Running, Target } from './peers/peer.ts';
import { ownBuild, sidepoolPeer } from './peers/sidepool.ts';
import { type Memory, memory } from './process-figures.ts';
import { circumstances, markdownTable, type Spread, shown, spread } from './report.ts';
import { withScene } from './scene.ts';

const warmUpRequests = 30_000;
const requestsBeforeMemory = 200_000;

const { values: options } = parseArgs({
  options: {
    tls: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    gateway: { type: 'string' },
    json: { type: 'string' },
  },
});

interface Figures {
  readonly name: string;
  /** By the name of the load, one for each round. */
  readonly loads: Readonly<Record<string, readonly LoadFigures[]>>;
  /** Processor time as a multiple of the first contender's in the same round. */
  readonly ratios: Readonly<Record<string, Spread>>;
  readonly memory: Memory;
  readonly rest: RestFigures;
  readonly idleClientKiB: number;
  readonly startToReadyMs: Spread | undefined;
}

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};
const begun = circumstances();
const programs = new Set(['nginx', 'haproxy', 'wrk', 'ab'].filter((name) => findProgram(name)));
await main();

async function main(): Promise<void> {
  if (!programs.has('nginx')) return say('nothing measured: nginx, the origin, is not installed');
  if (begun.loadAverage > 0.5)
    say(`the machine is busy (load ${begun.loadAverage.toFixed(2)}): figures will be uneven`);
  await withScene({ tls: options.tls }, async (target) => {
    const builds = await gatewayBuilds();
    const peers = [...knownProxy(), ...builds.map(({ peer }) => peer)];
    const figures = await compare(peers, availableLoads(), target);
    for (const [nth, each] of figures.entries()) {
      const build = builds.find(({ peer }) => peer.title === each.name);
      if (build === undefined) continue;
      say(`${each.name}: start to ready`);
      figures[nth] = {
        ...each,
        startToReadyMs: spread(await startToReadyMs(build.command, target)),
      };
    }
    print(figures);
  });
}

async function gatewayBuilds(): Promise<{ command: string; peer: Peer }[]> {
  const commands = [ownBuild, ...(options.gateway === undefined ? [] : [options.gateway])];
  const builds: { command: string; peer: Peer }[] = [];
  for (const [nth, command] of commands.entries()) {
    const title = nth === 0 ? 'Sidepool' : 'Sidepool, other';
    const peer = sidepoolPeer({ name: title, title, settings: '', command });
    try {
      await peer.prepare();
      builds.push({ command, peer });
    } catch (cause) {
      say(`${title} not measured: ${cause instanceof Error ? cause.message : cause}`);
    }
  }
  return builds;
}

function knownProxy(): Peer[] {
  if (!options.tls) return [nginxPeer];
  if (programs.has('haproxy')) return [haproxyPeer];
  say('HAProxy not measured: it is not installed');
  return [];
}

function availableLoads(): Load[] {
  return [keepAliveLoad(4), oneRequestLoad(3)].filter(({ title, programs: needed }) => {
    const missing = needed.filter((program) => !programs.has(program));
    if (missing.length > 0) say(`not measured: ${title}: ${missing.join(' and ')} not installed`);
    return missing.length === 0;
  });
}

async function compare(
  peers: readonly Peer[],
  loads: readonly Load[],
  target: Target,
): Promise<Figures[]> {
  const running: Running[] = [];
  try {
    for (const peer of peers) {
      say(`${peer.title}: start and warm up`);
      const started = await peer.start(target);
      running.push(started);
      if (loads.length > 0) await atLeast(warmUpRequests, small(started), programs);
    }
    const rounds = await runRounds(peers, running, loads);
    const figures: Figures[] = [];
    for (const [nth, peer] of peers.entries()) {
      say(`${peer.title}: memory, at rest, idle clients`);
      const own = rounds[nth] ?? {};
      const done =
        warmUpRequests +
        Object.values(own)
          .flat()
          .reduce((sum, { requests }) => sum + requests, 0);
      const proxy = running[nth] as Running;
      const { pid = 0 } = proxy;
      if (loads.length > 0) await atLeast(requestsBeforeMemory - done, small(proxy), programs);
      figures.push({
        name: peer.title,
        loads: own,
        ratios: ratiosTo(rounds[0] ?? {}, own),
        memory: memory(pid),
        rest: await atRest(pid),
        idleClientKiB: await idleClients(() => peer.start(target), loads.length > 0),
        startToReadyMs: undefined,
      });
    }
    return figures;
  } finally {
    await Promise.all(running.map((proxy) => proxy.stop()));
  }
}

type Rounds = Record<string, LoadFigures[]>;

async function runRounds(
  peers: readonly Peer[],
  running: readonly Running[],
  loads: readonly Load[],
): Promise<Rounds[]> {
  const rounds: Rounds[] = peers.map(() => ({}));
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const load of loads) {
      // The order alternates: whoever follows finds the caches as the other left them.
      const order = round % 2 === 0 ? [...running.keys()] : [...running.keys()].reverse();
      for (const nth of order) {
        const figures = await measure(load, running[nth] as Running);
        say(
          `round ${round + 1}, ${load.title}, ${peers[nth]?.title}: ${figures.processorUs.toFixed(1)} us`,
        );
        const own = rounds[nth] as Rounds;
        own[load.title] = [...(own[load.title] ?? []), figures];
      }
    }
  }
  return rounds;
}

function small({ urls }: Running): string {
  return `${urls[0]}/small`;
}

/** In a process of its own: one that has carried much load would find room in the memory it has. */
async function idleClients(start: () => Promise<Running>, canLoad: boolean): Promise<number> {
  const fresh = await start();
  try {
    if (canLoad) await atLeast(5_000, small(fresh), programs);
    return await memoryPerIdleClient(fresh);
  } finally {
    await fresh.stop();
  }
}

function ratiosTo(first: Rounds, own: Rounds): Record<string, Spread> {
  const ratios: Record<string, Spread> = {};
  for (const [load, rounds] of Object.entries(own)) {
    const base = first[load] ?? [];
    ratios[load] = spread(
      rounds.map(({ processorUs }, nth) => processorUs / (base[nth]?.processorUs ?? Number.NaN)),
    );
  }
  return ratios;
}

function print(figures: readonly Figures[]): void {
  const loads = Object.keys(figures[0]?.loads ?? {});
  const base = figures[0]?.name ?? '';
  const row = (label: string, cell: (each: Figures) => string) => [label, ...figures.map(cell)];
  const over = (each: Figures, load: string, pick: (figures: LoadFigures) => number) =>
    spread((each.loads[load] ?? []).map(pick));
  const rows = loads.flatMap((load) => [
    row(`${load}: processor time a request, us`, (each) =>
      shown(
        over(each, load, (f) => f.processorUs),
        1,
      ),
    ),
    row(`${load}: as a multiple of ${base}`, (each) =>
      each.ratios[load] ? shown(each.ratios[load], 2) : '',
    ),
    row(`${load}: requests/s`, (each) =>
      shown(
        over(each, load, (f) => f.requestsPerSecond),
        0,
      ),
    ),
    row(
      `${load}: median, p99, ms`,
      (each) =>
        `${over(each, load, (f) => f.medianMs).median.toFixed(2)}, ${over(each, load, (f) => f.p99Ms).median.toFixed(2)}`,
    ),
    row(`${load}: errors`, (each) =>
      String((each.loads[load] ?? []).reduce((sum, f) => sum + f.errors, 0)),
    ),
  ]);
  rows.push(
    row(
      `anonymous memory ${loads.length > 0 ? 'after 200,000 requests' : 'without load'}, MiB`,
      ({ memory: m }) => (m.anonymousKiB / 1024).toFixed(1),
    ),
    row('resident memory, MiB', ({ memory: m }) => (m.residentKiB / 1024).toFixed(1)),
    row('memory for an idle client, KiB', (each) => each.idleClientKiB.toFixed(1)),
    row('at rest: processor time, ms/s', ({ rest }) => rest.processorMsPerSecond.toFixed(2)),
    row('at rest: wakeups/s', ({ rest }) => rest.wakeupsPerSecond.toFixed(1)),
    row('start to ready, ms', ({ startToReadyMs: s }) => (s ? shown(s, 0) : '')),
  );
  const title = options.tls ? 'TLS to the origin' : 'Plain HTTP to the origin';
  const report = { ...begun, tls: options.tls, rounds: Number(options.rounds), figures };
  const json = JSON.stringify(report, undefined, 2);
  console.log(`${title}; median (least to most) of ${options.rounds} rounds\n`);
  console.log(markdownTable(['', ...figures.map(({ name }) => name)], rows));
  console.log(`\n${begun.machine}, Linux ${begun.kernel}, ${begun.date}, commit ${begun.commit}\n`);
  if (options.json === undefined) console.log(`\`\`\`json\n${json}\n\`\`\``);
  else writeFileSync(options.json, `${json}\n`);
}
