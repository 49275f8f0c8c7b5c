/** What memory a proxy takes: at rest, while it is loaded, and for each idle connection on either side. */
import { setTimeout as sleep } from 'node:timers/promises';
import { memoryPerIdleClient } from '../at-rest.ts';
import { keepAliveLoad, type Load, runAb } from '../load.ts';
import type { Peer, Running, Target } from '../peers/peer.ts';
import { memory } from '../process-figures.ts';
import { withScene } from '../scene.ts';
import { type Case, type CaseContext, rotated } from './case.ts';
import { FigureTable, type FigureTitle, unlessItFails } from './figure-case.ts';

const MiB = { unit: 'MiB', digits: 1 } as const;
const warmUp = keepAliveLoad(1);
const load = keepAliveLoad(2);
const sampleEveryMs = 100;
const idleClients = 2_000;
const slowClients = 500;
const heldConnections = 600;

export const memoryCases: readonly Case[] = [
  memoryCase('memory', 'Memory', false),
  memoryCase('memory-tls', 'Memory, TLS to the origin', true),
  figureCase({
    name: 'idle-clients',
    title: 'Memory of idle clients',
    about: `How much anonymous memory (RssAnon) grows for each of ${idleClients} idle clients that have made one request each.`,
    figures: [{ name: 'client', title: 'for an idle client connection', unit: 'KiB', digits: 1 }],
    tls: false,
    seconds: 5,
    measure: (peer, target) =>
      using(peer.start(target), async (proxy) => {
        await warmUp.run(proxy.urls);
        return { client: await memoryPerIdleClient(proxy, idleClients) };
      }),
  }),
  figureCase({
    name: 'idle-upstream',
    title: 'Memory of idle upstream connections',
    about: `How much anonymous memory (RssAnon) grows for each idle TLS connection to the origin, after ${slowClients} slow requests at once, whose clients have gone. An upper bound: what those clients and requests took, and the allocator has not given back, is in it. Sidepool is told to open that many (\`maxConnections: ${heldConnections}\`).`,
    figures: [
      {
        name: 'upstream',
        title: 'for an idle TLS connection to the origin',
        unit: 'KiB',
        digits: 1,
      },
    ],
    tls: true,
    programs: ['ab'],
    seconds: 5,
    measure: (peer, target) =>
      using(peer.start({ ...target, connections: heldConnections }), async (proxy) => ({
        upstream: await memoryPerIdleUpstream(proxy, target),
      })),
  }),
];

function memoryCase(name: string, title: string, tls: boolean): Case {
  return figureCase({
    name,
    title,
    about:
      'Anonymous memory (RssAnon) is what each pod pays for; resident memory (VmRSS) has in it what the pods of a node share, such as the pages of the binary. Each round starts the proxy anew; the load is 64 keep-alive clients, first 1 s to warm up, then 2 s in which the memory is looked at ten times a second.',
    figures: [
      { name: 'rest', title: 'anonymous, before the first request', ...MiB },
      { name: 'load', title: 'anonymous, most under load', ...MiB },
      { name: 'rest-resident', title: 'resident, before the first request', ...MiB },
      { name: 'load-resident', title: 'resident, most under load', ...MiB },
    ],
    tls,
    seconds: 4,
    measure: async (peer, target) => {
      const { rest, loaded } = await restAndLoad(peer, target);
      return {
        rest: rest.anonymousKiB / 1024,
        load: loaded.anonymousKiB / 1024,
        'rest-resident': rest.residentKiB / 1024,
        'load-resident': loaded.residentKiB / 1024,
      };
    },
  });
}

interface FigureCaseOptions extends Pick<Case, 'name' | 'title' | 'about'> {
  readonly figures: readonly FigureTitle[];
  readonly tls: boolean;
  /** Beside wrk. */
  readonly programs?: readonly string[];
  /** Of one peer in one round, for the estimate. */
  readonly seconds: number;
  readonly measure: (peer: Peer, target: Target) => Promise<Readonly<Record<string, number>>>;
}

function figureCase({
  figures,
  tls,
  seconds,
  programs,
  measure,
  ...told
}: FigureCaseOptions): Case {
  return {
    ...told,
    base: 'nginx',
    programs: ['wrk', ...(programs ?? [])],
    without: ['direct'],
    expectedSeconds: (peers, rounds) => peers * rounds * seconds,
    run: (context) =>
      withScene({ tls }, async (target) => {
        const table = new FigureTable(figures);
        await eachRound(told.name, seconds, context, async (peer) =>
          table.add(peer, await measure(peer, target)),
        );
        return table.measured();
      }),
  };
}

async function eachRound(
  name: string,
  expectedSeconds: number,
  context: CaseContext,
  measure: (peer: Peer) => Promise<void>,
): Promise<void> {
  let left = context.peers;
  for (let round = 0; round < context.rounds; round++) {
    for (const peer of rotated(left, round)) {
      context.progress.step(
        `${name}: round ${round + 1} of ${context.rounds}: ${peer.title}`,
        expectedSeconds,
      );
      const measured = await unlessItFails(peer, context, () => measure(peer));
      if (!measured) left = left.filter((each) => each !== peer);
    }
  }
}

async function restAndLoad(peer: Peer, target: Target) {
  return await using(peer.start(target), async (proxy) => {
    const { pid = 0 } = proxy;
    await sleep(300);
    const rest = memory(pid);
    await warmUp.run(proxy.urls);
    return { rest, loaded: await mostDuring(load, proxy) };
  });
}

async function mostDuring(during: Load, { pid = 0, urls }: Running) {
  let most = memory(pid);
  const look = () => {
    const now = memory(pid);
    most = {
      anonymousKiB: Math.max(most.anonymousKiB, now.anonymousKiB),
      residentKiB: Math.max(most.residentKiB, now.residentKiB),
    };
  };
  const looking = setInterval(look, sampleEveryMs);
  try {
    await during.run(urls);
  } finally {
    clearInterval(looking);
  }
  return most;
}

/** KiB; throws when the proxy has not kept the connections, since the figure would then mean nothing. */
async function memoryPerIdleUpstream(proxy: Running, { origins }: Target): Promise<number> {
  const { pid = 0, urls } = proxy;
  const [origin] = origins;
  if (origin === undefined) throw new Error('an origin is needed');
  await warmUp.run(urls);
  const before = { kept: await origin.open(), memory: memory(pid).anonymousKiB };
  // ab lets each request end: a proxy closes the connection of one that was abandoned.
  const args = ['-k', '-n', String(slowClients), '-c', String(slowClients)];
  await runAb(`${urls[0]}/slow`, args);
  await sleep(500);
  const kept = (await origin.open()) - before.kept;
  if (kept < slowClients / 2) throw new Error(`of ${slowClients} connections ${kept} were kept`);
  return (memory(pid).anonymousKiB - before.memory) / kept;
}

async function using<T>(
  started: Promise<Running>,
  use: (proxy: Running) => Promise<T>,
): Promise<T> {
  const proxy = await started;
  try {
    return await use(proxy);
  } finally {
    await proxy.stop();
  }
}
