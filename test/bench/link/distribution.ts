/** The latency of one-request clients when all is warm: directly, and through each peer, in turns. */
import { type Transfer, transfers } from './client.ts';
import { farAddresses, type Link } from './link.ts';
import { type PeerName, type RunningPeer, type Scheme, startPeer } from './peers.ts';
import { type Distribution, distributionOf } from './quantiles.ts';
import type { Site } from './site.ts';

export interface DistributionOptions {
  readonly peers: readonly PeerName[];
  readonly scheme: Scheme;
  /** For each way, at least. */
  readonly requests: number;
  /** At once. */
  readonly clients: number;
}

export interface WayFigures {
  readonly way: 'direct' | PeerName;
  readonly errors: number;
  readonly latency: Distribution;
}

const rounds = 5;
/** Through each proxy before anything is measured: V8 optimises a function after some thousands of calls. */
const warmUp = { clients: 32, requests: 320 };
/** Of each client in each round, and not counted: what a pool has lost while it was the others' turn comes back. */
const settling = 5;

interface Way {
  readonly name: 'direct' | PeerName;
  readonly url: string;
  readonly resolve?: string;
  readonly done: Transfer[];
}

/** The same rate on every link: a request each 10 ms or so, of which two processors know little. */
export function clientsFor({ nominalMs }: Link): number {
  return Math.max(1, Math.round(nominalMs / 10));
}

export async function measureDistribution(
  site: Site,
  { peers, scheme, requests, clients }: DistributionOptions,
): Promise<WayFigures[]> {
  const running: RunningPeer[] = [];
  try {
    for (const name of peers)
      running.push(await startPeer(name, { ...site, scheme, poolCount: 1 }));
    const proxied = running.map(through);
    site.say(`${scheme}: warm-up`);
    for (const way of proxied) await ask(site, way, warmUp);
    const ways = [direct(scheme), ...proxied];
    for (let round = 0; round < rounds; round++) {
      site.say(`${scheme}: round ${round + 1} of ${rounds}`);
      const each = settling + Math.ceil(requests / rounds / clients);
      // Whoever follows finds the machine as the other left it: so the order turns.
      for (const way of round % 2 === 0 ? ways : ways.toReversed())
        for (const own of await ask(site, way, { clients, requests: each }))
          way.done.push(...own.slice(settling));
    }
    return ways.map(figuresOf);
  } finally {
    await Promise.all(running.map((peer) => peer.process.stop(100)));
  }
}

function direct(scheme: Scheme): Way {
  const host = 'pool-1.origin.test';
  const resolve = `${host}:${scheme === 'https' ? 443 : 80}:${farAddresses[0]}`;
  return { name: 'direct', url: `${scheme}://${host}/`, resolve, done: [] };
}

function through({ name, pools }: RunningPeer): Way {
  return { name, url: `http://127.0.0.1:${pools[0]?.port}/`, done: [] };
}

/** Gives what each of the clients had. */
function ask(
  { caPath }: Site,
  { url, resolve }: Way,
  { clients, requests }: { readonly clients: number; readonly requests: number },
): Promise<Transfer[][]> {
  const options = { url, count: requests, caPath, ...(resolve !== undefined && { resolve }) };
  return Promise.all(Array.from({ length: clients }, () => transfers(options)));
}

function figuresOf({ name, done }: Way): WayFigures {
  const good = done.filter(({ status }) => status === 200);
  const latency = distributionOf(good.map(({ totalUs }) => totalUs));
  return { way: name, errors: done.length - good.length, latency };
}
