/** The command line. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type PeerName, peerNames, type Scheme, schemes } from './peers.ts';

export const partNames = ['distribution', 'start', 'silence', 'restart', 'move'] as const;
export type PartName = (typeof partNames)[number];
export type FirstPartName = Exclude<PartName, 'distribution'>;

export interface Options {
  readonly roundTripsMs: readonly number[];
  readonly peers: readonly PeerName[];
  readonly requests: number;
  /** Of the distribution. The first requests are all https. */
  readonly schemes: readonly Scheme[];
  readonly parts: readonly PartName[];
  readonly jsonPath: string;
  readonly pagePath: string;
}

const documents = join(import.meta.dirname, '..', '..', '..', 'docs', 'benchmarks');

export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rtt: { type: 'string', default: '20,80' },
      peers: { type: 'string', default: peerNames.join(',') },
      requests: { type: 'string', default: '2000' },
      schemes: { type: 'string', default: schemes.join(',') },
      only: { type: 'string', default: partNames.join(',') },
      json: { type: 'string', default: join(documents, 'link-latency.json') },
      page: { type: 'string', default: join(documents, 'link-latency.md') },
    },
  });
  return {
    roundTripsMs: values.rtt.split(',').map((text) => positive('--rtt', text)),
    peers: oneEach('--peers', values.peers, peerNames),
    requests: positive('--requests', values.requests),
    schemes: oneEach('--schemes', values.schemes, schemes),
    parts: oneEach('--only', values.only, partNames),
    jsonPath: values.json,
    pagePath: values.page,
  };
}

function positive(option: string, text: string): number {
  const number = Number(text);
  if (number > 0) return number;
  throw new Error(`${option}: a number above zero is meant, not "${text}"`);
}

/** Those named, in their usual order. Case does not count. */
function oneEach<T extends string>(option: string, text: string, known: readonly T[]): T[] {
  const words = text.split(',').map((word) => word.trim().toLowerCase());
  const wrong = words.find((word) => !known.some((name) => name.toLowerCase() === word));
  if (wrong !== undefined) throw new Error(`${option}: "${wrong}" is none of ${known.join(', ')}`);
  return known.filter((name) => words.includes(name.toLowerCase()));
}
