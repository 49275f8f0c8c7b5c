/** The results as a page for people, with its drawings beside it. */
import { writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { markdownTable } from '../report.ts';
import type { FirstPartName } from './options.ts';
import { quantile } from './quantiles.ts';
import type { Circumstances, DistributionResult, FirstResult, Result } from './results.ts';
import { drawing } from './svg.ts';

const firstParts: Readonly<Record<FirstPartName, string>> = {
  start: 'after its start',
  silence: 'after 90 s of silence',
  restart: 'after the origin restarted',
  move: 'after the name moved',
};

export function writePage(path: string, results: readonly Result[]): void {
  const distributions = results.filter((each) => each.part === 'distribution');
  const firsts = results.filter((each) => each.part !== 'distribution');
  const drawings = distributions.map((result) => {
    const file = path.replace(/\.md$/, `-${result.nominalMs}-${result.scheme}.svg`);
    writeFileSync(file, drawing(result));
    return `![${result.scheme}, ${result.nominalMs} ms](${basename(file)})`;
  });
  const parts = [
    introduction,
    ...distributions.map(distributionTable),
    ...drawings,
    ...(firsts.length > 0 ? [firstIntroduction, ...firstTables(firsts), ...failures(firsts)] : []),
    '## Circumstances',
    linkTable(results),
    ...circumstancesTable(results),
  ];
  writeFileSync(path, `${parts.join('\n\n')}\n`);
}

const introduction = `# Latency over a link with a delay

<!-- Written by test/bench/link/run.ts (npm run bench:link). Do not edit: run it again. -->

How many round trips does a request cost a client that opens a connection for each? Client and proxies run in one
network namespace, the origin (nginx) in another, and a program between them holds every packet for half a
round trip. The client is curl with HTTP/1.0: one request a connection, no TLS session kept. Directly it speaks TLS to the
origin itself, without the look-up of a name; through a proxy it speaks plain HTTP on loopback, and the proxy TLS to the
origin. The figures are **multiples of the link's own round trip**: the median of ICMP echoes right before and after,
given with the circumstances. All is warm: 10,240 requests go through each proxy before, and five of each client
in each of the five rounds, in which they take turns, are not counted.`;

function distributionTable({ nominalMs, scheme, clients, ways, roundTrip }: DistributionResult) {
  const multiple = (us: number): string => (us / roundTrip.p50Us).toFixed(3);
  const rows = ways.map(({ way, errors, latency }) => [
    way,
    latency.count.toLocaleString('en'),
    ...[latency.p50Us, latency.p90Us, latency.p99Us, latency.p999Us, latency.maxUs].map(multiple),
    (latency.p50Us / 1_000).toFixed(2),
    String(errors),
  ]);
  const header = ['way', 'requests', 'p50', 'p90', 'p99', 'p99.9', 'longest', 'p50, ms', 'errors'];
  return [
    `## ${scheme}, ${nominalMs} ms, ${clients} clients at once`,
    markdownTable(header, rows),
  ].join('\n\n');
}

const firstIntroduction = `## The first request

HTTPS, in round trips of the link; median and, in brackets, the longest of 20 trials, each with a pool of its own. Settings are
those of the distribution.

- **Start**: at the moment at which the proxy says that it is ready, or, where it says nothing, at which its port is open.
- **Silence**: 90 s after the pool's last request; the origin closes idle connections after 75 s.
- **Restart**: the origin was stopped and started again half a second later; 2 s after that.
- **Move**: the name (TTL 2 s) got another address, and the old one was gone without a word; 4 s after that, or a few seconds more.`;

/** One for each link. */
function firstTables(firsts: readonly FirstResult[]): string[] {
  const links = [...new Set(firsts.map(({ nominalMs }) => nominalMs))];
  const peers = [...new Set(firsts.flatMap((each) => each.peers.map(({ peer }) => peer)))];
  const order = Object.keys(firstParts);
  return links.map((nominalMs) => {
    const columns = firsts
      .filter((each) => each.nominalMs === nominalMs)
      .sort((a, b) => order.indexOf(a.part) - order.indexOf(b.part));
    return markdownTable(
      [`${nominalMs} ms`, ...columns.map(({ part }) => firstParts[part])],
      peers.map((peer) => [peer, ...columns.map((column) => firstCell(column, peer))]),
    );
  });
}

function firstCell({ peers, roundTrip }: FirstResult, name: string): string {
  const own = peers.find(({ peer }) => peer === name);
  if (own === undefined) return '';
  const { answeredUs, failures } = own;
  if (answeredUs.length === 0) return `no answer (${failures.length})`;
  const sorted = [...answeredUs].sort((a, b) => a - b).map((us) => us / roundTrip.p50Us);
  const text = `${quantile(sorted, 0.5).toFixed(3)} (${quantile(sorted, 1).toFixed(3)})`;
  return failures.length === 0 ? text : `${text}, ${failures.length} without an answer`;
}

function failures(firsts: readonly FirstResult[]): string[] {
  const told = firsts.flatMap(({ part, nominalMs, peers }) =>
    peers.flatMap(({ peer, failures: own }) =>
      // Each says how many milliseconds it waited, which tells nothing.
      [...new Set(own.map((failure) => failure.replace(/ after \d+ milliseconds.*/, '')))].map(
        (failure) => `- ${peer}, ${firstParts[part]}, ${nominalMs} ms: ${failure}`,
      ),
    ),
  );
  return told.length === 0 ? [] : [`Without an answer (within 3 s):\n\n${told.join('\n')}`];
}

function linkTable(results: readonly Result[]): string {
  const rows = results.map((result) => {
    const { p50Us, p99Us, p999Us } = result.roundTrip;
    const part = result.part === 'distribution' ? `distribution, ${result.scheme}` : result.part;
    return [
      `${part}, ${result.nominalMs} ms`,
      ...[p50Us, p99Us, p999Us].map((us) => (us / 1_000).toFixed(3)),
      result.circumstances.date.slice(0, 16),
      result.circumstances.commit.slice(0, 8),
    ];
  });
  return markdownTable(['part', 'ping p50, ms', 'p99', 'p99.9', 'begun', 'commit'], rows);
}

/** As a rule one: parts can have been measured on different machines, and then each says on which. */
function circumstancesTable(results: readonly Result[]): string[] {
  const machine = (each: Circumstances): string =>
    `${each.processors} processors (${each.processor}), ${each.memoryGiB} GiB, Linux ${each.kernel}; ${Object.entries(
      each.versions,
    )
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}.`;
  return [...new Set(results.map(({ circumstances }) => machine(circumstances)))];
}
