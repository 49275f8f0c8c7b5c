/** Runs the parts that were asked for, for each round trip, and writes what came of it after each. */
import { clientsFor, measureDistribution } from './distribution.ts';
import { prepareEnvoy } from './envoy.ts';
import { measureFirst } from './first-request.ts';
import type { Options } from './options.ts';
import { writePage } from './page.ts';
import { missing, type PeerName } from './peers.ts';
import { distributionOf } from './quantiles.ts';
import { circumstances, type Result, readResults, withResult, writeResults } from './results.ts';
import { Site } from './site.ts';

/** How long is pinged before and after each part. */
const pingingMs = 5_000;

export async function measureAll(options: Options): Promise<void> {
  if (options.peers.includes('Envoy')) await prepareEnvoy();
  const peers = options.peers.filter(isThere);
  for (const nominalMs of options.roundTripsMs) {
    const site = await Site.open(nominalMs);
    try {
      for (const task of tasksOf(options)) {
        const began = circumstances();
        const pings = Math.round(pingingMs / nominalMs);
        const before = await site.link.ping(pings);
        const figures = await task(site, peers);
        const roundTrip = distributionOf([...before, ...(await site.link.ping(pings))]);
        const { p50Us, p99Us } = roundTrip;
        site.say(`the link: median ${p50Us.toFixed(0)} us, p99 ${p99Us.toFixed(0)} us`);
        keep(options, { nominalMs, roundTrip, circumstances: began, ...figures });
      }
    } finally {
      await site.close();
    }
  }
}

type Own<T> = T extends unknown ? Omit<T, 'nominalMs' | 'roundTrip' | 'circumstances'> : never;
type Task = (site: Site, peers: readonly PeerName[]) => Promise<Own<Result>>;

function tasksOf({ parts, schemes, requests }: Options): Task[] {
  return parts.flatMap((part): Task[] => {
    if (part !== 'distribution')
      return [async (site, peers) => ({ part, peers: await measureFirst(part, site, peers) })];
    return schemes.map(
      (scheme): Task =>
        async (site, peers) => {
          const clients = clientsFor(site.link);
          const ways = await measureDistribution(site, { peers, requests, scheme, clients });
          return { part, scheme, clients, ways };
        },
    );
  });
}

function keep({ jsonPath, pagePath }: Options, result: Result): void {
  const results = withResult(readResults(jsonPath), result);
  writeResults(jsonPath, results);
  writePage(pagePath, results);
}

function isThere(name: PeerName): boolean {
  const reason = missing(name);
  if (reason !== undefined) process.stderr.write(`${name} not measured: ${reason}\n`);
  return reason === undefined;
}
