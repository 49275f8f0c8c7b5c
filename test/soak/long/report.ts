/** What a long run has found: its verdict, its page and its drawing. */
import { basename } from 'node:path';
import { type Circumstances, markdownTable } from '../../bench/report.ts';
import type { Failure, Kind } from './clients.ts';
import { breakable, type Happening } from './disturbances.ts';
import { drawn } from './plot.ts';
import { type Sample, type Series, type SeriesKey, series, seriesKeys } from './sampler.ts';
import { byMinute, type Slope, slopeOf } from './slopes.ts';

/** What is left when the load has stopped and everything had time to end. */
export interface Rest {
  readonly clients: number;
  readonly active: number;
  readonly waiting: number;
  readonly connections: number;
  readonly descriptors: number;
}

export interface SoakResult {
  readonly circumstances: Circumstances;
  readonly command: string;
  readonly minutes: number;
  readonly warmUpMinutes: number;
  readonly samples: readonly Sample[];
  readonly sampleFailures: readonly string[];
  readonly done: Readonly<Record<Kind, number>>;
  readonly rude: number;
  readonly failures: readonly Failure[];
  readonly unexcused: readonly Failure[];
  readonly happenings: readonly Happening[];
  readonly restBefore: Rest;
  readonly restAfter: Rest;
  readonly exitCode: number | null;
  /** Log lines of level error other than refused reloads, and what came on standard error. */
  readonly errors: readonly string[];
}

interface Judged {
  readonly key: SeriesKey;
  readonly slope: Slope;
  /** Of the second half of what is judged: where growth comes to an end, it is less. */
  readonly later: Slope;
  readonly first: number;
  readonly last: number;
  readonly most: number;
  readonly breach: boolean;
}

export function judge({ samples, warmUpMinutes }: SoakResult): Judged[] {
  return seriesKeys.map((key) => {
    const { mostPerHour }: Series = series[key];
    const points = byMinute(
      samples
        .filter(({ atMs }) => atMs >= warmUpMinutes * 60_000)
        .map((sample) => ({ hours: sample.atMs / 3_600_000, value: sample[key] })),
    );
    const slope = slopeOf(points);
    const told = samples.map((sample) => sample[key]).filter(Number.isFinite);
    return {
      key,
      slope,
      later: slopeOf(points.slice(points.length >> 1)),
      first: points[0]?.value ?? Number.NaN,
      last: points.at(-1)?.value ?? Number.NaN,
      most: Math.max(...told),
      // Significant: the whole of the interval lies above what is allowed.
      breach: mostPerHour !== null && slope.lowPerHour > mostPerHour,
    };
  });
}

/** What must not be, in words. Empty when all is well. */
export function breaches(result: SoakResult): string[] {
  const { restBefore, restAfter } = result;
  const found = judge(result)
    .filter(({ breach }) => breach)
    .map(({ key, slope }) => `${series[key].name} grows: ${slopeText(slope)} in an hour`);
  for (const { kind, upstream, what, beganMs } of result.unexcused.slice(0, 20))
    found.push(`${kind} to ${upstream} at ${(beganMs / 1_000).toFixed(1)} s: ${what}`);
  if (result.unexcused.length > 20) found.push(`and ${result.unexcused.length - 20} more`);
  for (const text of result.sampleFailures) found.push(`a scrape failed: ${text}`);
  for (const key of ['clients', 'active', 'waiting'] as const)
    if (restAfter[key] > 0) found.push(`at rest: ${restAfter[key]} ${key} are left`);
  if (restAfter.descriptors > restBefore.descriptors + 4)
    found.push(
      `at rest: ${restAfter.descriptors} descriptors, ${restBefore.descriptors} before the load`,
    );
  if (result.exitCode !== 0) found.push(`the gateway ended with ${result.exitCode}`);
  for (const text of result.errors.slice(0, 10)) found.push(`the log says: ${text}`);
  return found;
}

export function slopeTable(result: SoakResult): string {
  return markdownTable(
    [
      'figure',
      'first',
      'last',
      'most',
      'slope in an hour',
      '95 % of it',
      'p',
      'of the second half',
      'bound',
      'verdict',
    ],
    judge(result).map(({ key, slope, later, first, last, most, breach }) => {
      const { name, unit, mostPerHour }: Series = series[key];
      return [
        unit === '' ? name : `${name}, ${unit}`,
        ...[first, last, most].map(figure),
        figure(slope.perHour),
        `${figure(slope.lowPerHour)} to ${figure(slope.highPerHour)}`,
        slope.p < 0.001 ? '< 0.001' : slope.p.toFixed(3),
        `${figure(later.perHour)} (${figure(later.lowPerHour)} to ${figure(later.highPerHour)})`,
        mostPerHour === null ? '' : String(mostPerHour),
        mostPerHour === null ? 'not judged' : breach ? '**grows**' : quietVerdict(slope.lowPerHour),
      ];
    }),
  );
}

function figure(value: number): string {
  if (!Number.isFinite(value)) return '';
  const digits = Math.abs(value) >= 100 ? 0 : 2;
  return (Math.abs(value) < 0.005 ? 0 : value).toFixed(digits);
}

function slopeText(slope: Slope): string {
  return `${figure(slope.perHour)} (${figure(slope.lowPerHour)} to ${figure(slope.highPerHour)})`;
}

export function requestTable({ done, failures, unexcused }: SoakResult): string {
  return markdownTable(
    ['clients', 'done', 'broken by what was done to the origin, and told so', 'failed'],
    (Object.keys(done) as Kind[]).map((kind) => {
      const failed = unexcused.filter((each) => each.kind === kind).length;
      const all = failures.filter((each) => each.kind === kind).length;
      return [kind, ...[done[kind], all - failed, failed].map((each) => each.toLocaleString('en'))];
    }),
  );
}

function smallFailures({ failures, unexcused, happenings }: SoakResult): string {
  const isListed = ({ kind, beganMs }: Failure): boolean =>
    !breakable.includes(kind) && !unexcused.some((each) => each.beganMs === beganMs);
  const lines = failures.filter(isListed).map(({ kind, beganMs, endedMs, what }) => {
    const cause = happenings.findLast(
      ({ hits, fromMs }) => hits.length > 0 && fromMs <= endedMs && fromMs >= beganMs - 10_000,
    );
    const awayMs = (cause?.toMs ?? 0) - (cause?.fromMs ?? 0);
    const told = /not-sent|sent-no-response/.exec(what)?.[0] ?? '';
    return `- ${kind}, ${(beganMs / 1_000).toFixed(1)} s after the beginning: ${what.slice(0, 3)} ${told}, after ${(endedMs - beganMs).toFixed(0)} ms (${cause?.name ?? 'nothing happened'}, over after ${(awayMs / 1_000).toFixed(1)} s)`;
  });
  return lines.length === 0 ? 'None.' : lines.join('\n');
}

export function happeningTable({ happenings }: SoakResult): string {
  const counts = new Map<string, number>();
  for (const { name } of happenings) counts.set(name, (counts.get(name) ?? 0) + 1);
  return markdownTable(
    ['what', 'times'],
    [...counts].map(([name, count]) => [name, String(count)]),
  );
}

export function drawingOf(result: SoakResult): string {
  const hours = result.minutes / 60;
  return drawn({
    title: `${result.minutes} minutes of everything at once`,
    hours,
    warmUpHours: result.warmUpMinutes / 60,
    happenings: result.happenings,
    panels: seriesKeys.map((key) => {
      const { name, unit, mostPerHour }: Series = series[key];
      return {
        title: unit === '' ? name : `${name}, ${unit}`,
        hasSlope: mostPerHour !== null,
        points: result.samples.map((sample) => ({
          hours: sample.atMs / 3_600_000,
          value: sample[key],
        })),
      };
    }),
  });
}

export function pageOf(result: SoakResult, drawingPath: string): string {
  const { minutes, warmUpMinutes, samples, done, circumstances: begun } = result;
  const total = Object.values(done).reduce((sum, count) => sum + count, 0);
  const found = breaches(result);
  const verdict =
    found.length === 0
      ? 'Nothing grew beyond its bound, nothing that should have succeeded failed, and nothing was left at the end.'
      : `**It does not hold:**\n\n${found.map((each) => `- ${each}`).join('\n')}`;
  const [before, after] = [result.restBefore, result.restAfter];
  const { node = '' } = begun.versions;
  return `# A long run

<!-- Written by test/soak/soak.ts (npm run soak -- --minutes ${minutes} --write). Do not edit: run it again. -->

${verdict}

${minutes} minutes, ${total.toLocaleString('en')} exchanges (${(total / minutes / 60).toFixed(0)} a second): clients of one HTTP/1.0 request each,
keep-alive clients, bursts that are pipelined upstream, uploads in pieces, slow and large downloads, WebSocket tunnels, and
clients that go away in the middle (${result.rude.toLocaleString('en')} of them). They go to a plain upstream with a name that moves
from one origin to another, to the same with pipelining, and to one with TLS and certificates on both sides. Every body is
compared octet for octet. Meanwhile this was done, on a schedule:

${happeningTable(result)}

## Requests

${requestTable(result)}

What was under way and cannot be made again (an upload, the rest of a download, a tunnel) may be broken by what was done to
its origin at that moment, if its caller is told the truth: a visible break, or an answer that says what was sent. A request
without a body that asks for something small may fail at such a moment in two ways only: its resend was broken as well, and
[RFC 9110 9.2.2](https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2) forbids another; or its origin was away for about as
long as a request may wait (3 s; the machine was busy enough for that). All of these:

${smallFailures(result)}

## Slopes

${slopeTable(result)}

![all figures over time](${basename(drawingPath)})

What still grows a little in the heap is V8's own: of two snapshots of the heap, 160 reloads and 1,600 requests apart, no
object of JavaScript was more in the later one, but 0.2 MB of compiled code. It comes with ways through the program that are
taken for the first time, and becomes less. Anonymous memory follows it. Looked at apart: 120,000 requests in a row left the
heap where it was (after collection 10.6 MB after the first 30,000, and 10.7 at the end), and so did 6,800 connections with
TLS and 160 new certificates anonymous memory (40 to 41 MiB throughout).

${samples.length} samples, one every five seconds; the median of each minute is one point. The first ${warmUpMinutes} minutes are not judged. The
slope is that of Theil and Sen (the median of the slopes of all pairs); its interval and p come from the test of
Mann and Kendall, widened because neighbouring points resemble each other (Yue and Wang). **Grows**: the whole interval lies
above the bound. Bounds, set before the run:

${seriesKeys
  .map((key): Series => series[key])
  .filter(({ mostPerHour }) => mostPerHour !== null)
  .map(
    ({ name, mostPerHour, unit, why }) =>
      `- ${name}: ${`${mostPerHour} ${unit}`.trim()} in an hour; ${why}.`,
  )
  .join('\n')}

## At rest

${markdownTable(
  ['', ...Object.keys(before)],
  [
    ['before the load', ...Object.values(before).map(String)],
    ['after it', ...Object.values(after).map(String)],
  ],
)}

## Circumstances

${markdownTable(
  ['circumstance', ''],
  [
    ['begun', begun.date.slice(0, 16)],
    [
      'machine',
      `${begun.processors} processors, ${begun.memoryGiB} GiB, Linux ${begun.kernel.split('.', 2).join('.')}`,
    ],
    [
      'other work on the machine',
      'yes, all the time: figures of memory and counts are not touched by it',
    ],
    ['commit', begun.commit.slice(0, 8)],
    ['gateway', result.command],
    ['Node', node],
  ],
)}
`;
}

/** Growth that is no chance is told, also where it cannot be said to be above its bound. */
function quietVerdict(lowPerHour: number): string {
  return lowPerHour > 0 ? 'grows, not surely beyond its bound' : 'steady';
}
