/** Runs the parts that were asked for, for each round trip, and writes what came of it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { measureDistribution } from './distribution.ts';
import { roundTripOf } from './link.ts';
import type { Options } from './options.ts';
import { missing, type PeerName } from './peers.ts';
import { Site } from './site.ts';

const pings = 250;

export async function measureAll(options: Options): Promise<void> {
  const peers = options.peers.filter((name) => isThere(name));
  for (const roundTripMs of options.roundTripsMs) {
    const site = await Site.open(roundTripMs);
    try {
      const before = await site.link.ping(pings);
      const ways = await measureDistribution(site, { peers, requests: options.requests });
      const after = await site.link.ping(pings);
      const rt = roundTripOf([...before, ...after]);
      console.log(rt.p50Us, rt.p99Us, rt.maxUs);
      for (const { way, scheme, errors, latency: l } of ways)
        console.log(
          scheme,
          way,
          errors,
          l.count,
          [l.p50Us, l.p90Us, l.p99Us, l.p999Us, l.maxUs]
            .map((us) => (us / rt.p50Us).toFixed(3))
            .join(' '),
        );
    } finally {
      await site.close();
    }
  }
}

function isThere(name: PeerName): boolean {
  const reason = missing(name);
  if (reason !== undefined) process.stderr.write(`${name} not measured: ${reason}\n`);
  return reason === undefined;
}
