/** The page of results, made from the files of all cases that are there. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BarGroup, barsSvg } from './bars.ts';
import { markdownTable, type Spread, shown, spread } from './report.ts';
import {
  type CaseResult,
  type FigureResult,
  type LoadResult,
  type LoadRound,
  type MeasuredPeer,
  readResults,
} from './result.ts';

const pageName = 'README.md';

/** `order` is the names of the cases as they should follow each other. */
export function writePage(folder: string, order: readonly string[]): void {
  const results = readResults(folder, order);
  for (const result of results) {
    const groups = barGroups(result);
    if (groups.length > 0)
      writeFileSync(join(folder, plotName(result)), barsSvg(result.title, groups));
  }
  writeFileSync(join(folder, pageName), page(results, otherPages(folder)));
}

function page(results: readonly CaseResult[], others: readonly OtherPage[]): string {
  const intro = `# Benchmarks

<!-- Written by test/bench/full.ts (npm run bench). Do not edit: run it again, or with --page to lay it out anew. -->

Sidepool beside the proxies that people use, each with one worker or thread and with what its own documentation
recommends for kept connections to upstreams. What is compared is **processor time of the proxy for each request**, as
a ratio taken round by round, in which the peers take turns: client, proxy and origin share the machine, so the
throughput tells as much of the others. A figure is the median of the rounds, with the least and the most behind it.
The load comes from wrk and ab, the origin is nginx with one process, all on loopback; access logs are off everywhere.

Each case has its own circumstances below it: cases may be from different runs, and ratios between cases say nothing.`;
  const other =
    others.length === 0
      ? []
      : [
          `## Other measurements\n\n${others.map(({ file, title }) => `- [${title}](${file})`).join('\n')}`,
        ];
  const glance = results.length === 0 ? [] : [`## At a glance\n\n${glanceTable(results)}`];
  const sections = results.map((result) => caseSection(result, plotName(result)));
  return `${[intro, ...glance, ...other, ...sections, settingsSection(results)].join('\n\n')}\n`;
}

/** Medians alone: a row for each load and each figure, a column for each peer. */
function glanceTable(results: readonly CaseResult[]): string {
  const peers = new Map(results.flatMap((each) => each.peers.map((peer) => [peer.name, peer])));
  peers.delete('direct'); // It has neither processor time nor memory of its own.
  const names = [...peers.keys()];
  const rows = results.flatMap((result) => [
    ...result.loads.map((load) => [
      `${result.title}${result.loads.length > 1 ? `: ${load.title}` : ''}: processor time a request, ${ratioTitle(result)}`,
      ...names.map((name) =>
        middle(costRatio(load.rounds[name] ?? [], load.rounds[result.base]), 2),
      ),
    ]),
    ...result.figures.map(({ title, unit, digits, rounds }) => [
      `${result.title}: ${title}, ${unit}`,
      ...names.map((name) => middle(spread(rounds[name] ?? []), digits)),
    ]),
  ]);
  return markdownTable(['', ...[...peers.values()].map(({ title }) => title)], rows);
}

export function caseSection(result: CaseResult, plot?: string): string {
  const parts = [`## ${result.title}`, result.about];
  if (plot !== undefined && barGroups(result).length > 0)
    parts.push(`![${result.title}: bars of the table below](${plot})`);
  for (const load of result.loads) {
    if (result.loads.length > 1) parts.push(`### ${load.title}`);
    parts.push(loadTable(result, load));
  }
  if (result.figures.length > 0) parts.push(figureTable(result));
  parts.push(circumstancesLine(result));
  return parts.join('\n\n');
}

function plotName(result: CaseResult): string {
  return `case-${result.case}.svg`;
}

function loadTable(result: CaseResult, load: LoadResult): string {
  const related = result.loads.find(({ name }) => name === load.relativeTo);
  const header = [
    '',
    'processor time a request, us',
    ratioTitle(result),
    ...(related ? [`to itself at ${related.title}`] : []),
    'requests/s',
    'median, ms',
    'p99, ms',
    'connections to the origin per 1,000 requests',
    'errors',
  ];
  const rows = present(result, load.rounds).map(({ peer, rounds }) => [
    peer.title,
    cell(over(rounds, 'processorUs'), 1),
    cell(costRatio(rounds, load.rounds[result.base]), 2),
    ...(related ? [cell(costRatio(rounds, related.rounds[peer.name]), 2)] : []),
    cell(over(rounds, 'requestsPerSecond'), 0),
    middle(over(rounds, 'medianMs'), 2),
    middle(over(rounds, 'p99Ms'), 2),
    middle(spread(rounds.map((f) => (1_000 * f.originConnections) / f.requests)), 1),
    errorsOf(rounds),
  ]);
  return markdownTable(header, rows);
}

function figureTable(result: CaseResult): string {
  const header = ['', ...result.figures.map(({ title, unit }) => `${title}, ${unit}`)];
  const rows = result.peers
    .filter(({ name }) => result.figures.some(({ rounds }) => (rounds[name] ?? []).length > 0))
    .map((peer) => [
      peer.title,
      ...result.figures.map(({ rounds, digits }) => cell(spread(rounds[peer.name] ?? []), digits)),
    ]);
  return markdownTable(header, rows);
}

function barGroups(result: CaseResult): BarGroup[] {
  return [
    ...result.loads.map((load) => ratioBars(result, load)),
    ...result.figures.map((figure) => figureBars(result, figure)),
  ].filter(({ bars }) => bars.length > 0);
}

function ratioBars(result: CaseResult, load: LoadResult): BarGroup {
  return {
    title: `${load.title}: processor time a request, ${ratioTitle(result)}`,
    reference: 1,
    digits: 2,
    bars: bars(
      present(result, load.rounds).map(({ peer, rounds }) => ({
        peer,
        spread: costRatio(rounds, load.rounds[result.base]),
      })),
    ),
  };
}

function figureBars(result: CaseResult, figure: FigureResult): BarGroup {
  return {
    title: `${figure.title}, ${figure.unit}`,
    digits: figure.digits,
    bars: bars(
      result.peers.map((peer) => ({ peer, spread: spread(figure.rounds[peer.name] ?? []) })),
    ),
  };
}

function bars(all: readonly { peer: MeasuredPeer; spread: Spread }[]): BarGroup['bars'] {
  return all
    .filter(({ spread: each }) => Number.isFinite(each.median))
    .map(({ peer, spread: each }) => ({
      label: peer.title,
      spread: each,
      own: peer.name.startsWith('sidepool'),
    }));
}

/** Round by round: what disturbs one round falls on both. */
function costRatio(own: readonly LoadRound[], base: readonly LoadRound[] | undefined): Spread {
  return spread(
    own.map(
      ({ processorUs }, nth) =>
        Number(processorUs ?? NaN) / Number(base?.[nth]?.processorUs ?? NaN),
    ),
  );
}

function over(rounds: readonly LoadRound[], figure: keyof LoadRound): Spread {
  // NaN is null once it has been through a file.
  return spread(rounds.map((round) => (round[figure] as number | null) ?? Number.NaN));
}

function ratioTitle({ base, peers }: CaseResult): string {
  return `${peers.find(({ name }) => name === base)?.title ?? base} = 1`;
}

function present(result: CaseResult, rounds: LoadResult['rounds']) {
  return result.peers.flatMap((peer) => {
    const own = rounds[peer.name] ?? [];
    return own.length === 0 ? [] : [{ peer, rounds: own }];
  });
}

function cell(figures: Spread, digits: number): string {
  return Number.isFinite(figures.median) ? shown(figures, digits) : '-';
}

function middle({ median }: Spread, digits: number): string {
  return Number.isFinite(median) ? median.toFixed(digits) : '-';
}

function errorsOf(rounds: readonly LoadRound[]): string {
  const errors = rounds.reduce((sum, round) => sum + round.errors, 0);
  const requests = rounds.reduce((sum, round) => sum + round.requests, 0);
  return errors === 0 ? '0' : `**${errors}** of ${requests}`;
}

function circumstancesLine({ circumstances: c, peers, missing }: CaseResult): string {
  const tools = Object.values(c.tools).filter(Boolean).join('; ');
  const lines = [
    `${c.date.slice(0, 16).replace('T', ' ')} UTC, commit ${c.commit.slice(0, 12)}, ${c.rounds} rounds, load average before the case ${c.loadAverage.toFixed(2)}`,
    `${c.processors} x ${c.processor}, ${c.memoryGiB} GiB, Linux ${c.kernel}`,
    `${[...new Set(peers.map(({ version }) => version))].join('; ')}; ${tools}`,
    ...missing.map(({ name, reason }) => `not measured: ${name}: ${reason}`),
  ];
  return `<details><summary>Circumstances</summary>\n\n${lines.map((line) => `- ${line}`).join('\n')}\n\n</details>`;
}

function settingsSection(results: readonly CaseResult[]): string {
  const peers = new Map(
    results.flatMap(({ peers: each }) => each.map((peer) => [peer.title, peer])),
  );
  const rows = [...peers.values()].map(({ title, settings }) => [title, settings]);
  return `## What was set beside the defaults\n\n${markdownTable(['', ''], rows)}`;
}

interface OtherPage {
  readonly file: string;
  readonly title: string;
}

function otherPages(folder: string): OtherPage[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.md') && file !== pageName)
    .sort()
    .map((file) => {
      const heading = /^# (.*)$/m.exec(readFileSync(join(folder, file), 'utf8'))?.[1];
      return { file, title: heading ?? file };
    });
}
