/** The latency of one-request clients when all is warm: directly, and through each peer, in turns. */
import { type Transfer, transfers } from './client.ts';
import { farAddresses } from './link.ts';
import { type PeerName, type RunningPeer, type Scheme, startPeer } from './peers.ts';
import { type Distribution, distributionOf } from './quantiles.ts';
import type { Site } from './site.ts';

export interface DistributionOptions {
  readonly peers: readonly PeerName[];
  /** For each way, at least. */
  readonly requests: number;
}

export interface WayFigures {
  readonly way: 'direct' | PeerName;
  readonly scheme: Scheme;
  readonly errors: number;
  readonly latency: Distribution;
}

const rounds = 5;
/** Clients at once: it takes less time, and is more like life. */
const clients = 4;
/** Of each client in each round, and not counted: what a peer's pool has lost while it was the others' turn comes back. */
const settling = 5;

interface Way {
  readonly name: 'direct' | PeerName;
  readonly url: string;
  readonly resolve?: string;
  readonly done: Transfer[];
}

export async function measureDistribution(
  site: Site,
  { peers, requests }: DistributionOptions,
): Promise<WayFigures[]> {
  const figures: WayFigures[] = [];
  for (const scheme of ['https', 'http'] as const) {
    const running: RunningPeer[] = [];
    try {
      for (const name of peers)
        running.push(await startPeer(name, { ...site, scheme, poolCount: 1 }));
      const ways = [direct(scheme), ...running.map(through)];
      await measureInTurns(site, ways, Math.ceil(requests / rounds / clients));
      for (const way of ways) figures.push(figuresOf(way, scheme));
    } finally {
      await Promise.all(running.map((peer) => peer.process.stop()));
    }
  }
  return figures;
}

function direct(scheme: Scheme): Way {
  const host = 'pool-1.origin.test';
  const resolve = `${host}:${scheme === 'https' ? 443 : 80}:${farAddresses[0]}`;
  return { name: 'direct', url: `${scheme}://${host}/`, resolve, done: [] };
}

function through({ name, pools }: RunningPeer): Way {
  return { name, url: `http://127.0.0.1:${pools[0]?.port}/`, done: [] };
}

async function measureInTurns(site: Site, ways: readonly Way[], each: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    site.say(`round ${round + 1} of ${rounds}`);
    // Whoever follows finds the machine as the other left it: so the order turns.
    for (const way of round % 2 === 0 ? ways : ways.toReversed()) {
      const { url, resolve } = way;
      const client = () =>
        transfers({
          url,
          count: settling + each,
          caPath: site.caPath,
          ...(resolve !== undefined && { resolve }),
        });
      const taken = await Promise.all(Array.from({ length: clients }, client));
      for (const own of taken) way.done.push(...own.slice(settling));
    }
  }
}

function figuresOf({ name, done }: Way, scheme: Scheme): WayFigures {
  const good = done.filter(({ status }) => status === 200);
  return {
    way: name,
    scheme,
    errors: done.length - good.length,
    latency: distributionOf(good.map(({ totalUs }) => totalUs)),
  };
}
