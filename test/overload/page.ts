/** The results as a page for people, and as lines for a terminal. */
import { type Circumstances, markdownTable } from '../bench/report.ts';
import type { OverloadCase } from './case.ts';
import { failuresOf, type Latency } from './figures.ts';
import type { Measured, Phases } from './measure.ts';
import type { Way } from './subject.ts';

export interface OverloadReport {
  readonly circumstances: Circumstances;
  readonly command: string;
  readonly results: readonly (Measured & { readonly date: string; readonly commit: string })[];
  readonly skipped: Readonly<Record<string, string>>;
}

/** What a run breaks of what was promised; of nginx nothing was. */
export function breachesOf(each: OverloadCase, measured: Measured): string[] {
  if (measured.subject !== 'Sidepool') return [];
  const breaches: string[] = [];
  const breach = (what: string): void => {
    breaches.push(`${each.name}: ${what}`);
  };
  if (measured.endedEarly) breach('the gateway ended');
  for (const [way, { calm, during, after }] of phasesOf(measured)) {
    if (failuresOf(calm) > 0) breach(`${way}: failures while all was calm`);
    if (failuresOf(during) > 0 && each.mayFail?.[way] === undefined)
      breach(`${way}: ${textOf(during.failures)}`);
    if (failuresOf(after) > 0) breach(`${way}, afterwards: ${textOf(after.failures)}`);
  }
  const peakMiB = measured.during.peakAnonymousKiB / 1024;
  if (peakMiB > each.bound.MiB)
    breach(`${peakMiB.toFixed(0)} MiB, and ${each.bound.MiB.toFixed(0)} was the bound`);
  if (measured.recoveredSeconds === null) breach('did not recover');
  return breaches;
}

function phasesOf(measured: Measured): [Way, Phases][] {
  return Object.entries(measured.ways) as [Way, Phases][];
}

function textOf(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([what, count]) => `${what} × ${count.toLocaleString('en')}`)
    .join(', ');
}

export function linesOf(each: OverloadCase, measured: Measured): string {
  const ways = phasesOf(measured).map(([way, { calm, during, after }]) =>
    [
      `  ${way}: p50/p99 ${times(calm)} calm, ${times(during)} during, ${times(after)} after;`,
      `failures ${failuresOf(during)} of ${during.count}`,
      textOf(during.failures),
    ].join(' '),
  );
  const { before, during } = measured;
  return [
    `${each.name} (${measured.subject})`,
    ...ways,
    `  memory ${mib(before.peakAnonymousKiB)} -> ${mib(during.peakAnonymousKiB)} MiB anonymous (bound ${each.bound.MiB.toFixed(0)}), ${mib(during.peakResidentKiB)} resident; descriptors ${during.peakDescriptors}; processor ${(100 * during.processor).toFixed(0)} %; recovered in ${measured.recoveredSeconds?.toFixed(1) ?? 'NEVER'} s`,
    ...measured.abusers.map(
      ({ opened, got, bytesSent }) =>
        `  abusers opened ${opened}, sent ${(bytesSent / 2 ** 20).toFixed(1)} MiB, got: ${textOf(got)}`,
    ),
    `  counted: ${textOf(measured.counted)}`,
    ...measured.notes.map((note) => `  ${note}`),
  ].join('\n');
}

function times({ p50Ms, p99Ms }: Latency): string {
  return `${shown(p50Ms)}/${shown(p99Ms)}`;
}

function shown(ms: number): string {
  return ms >= 100 ? ms.toFixed(0) : ms.toFixed(1);
}

function mib(KiB: number): string {
  return (KiB / 1024).toFixed(0);
}

export function overloadPage(report: OverloadReport, cases: readonly OverloadCase[]): string {
  const own = (each: OverloadCase): OverloadReport['results'] =>
    report.results.filter(({ name }) => name === each.name);
  const run = cases.filter((each) => own(each).length > 0);
  const { circumstances: begun } = report;
  const { node = '', nginx = '' } = begun.versions;
  const missed = run.flatMap((each) => own(each).flatMap((result) => breachesOf(each, result)));
  const verdict =
    missed.length === 0
      ? 'Others stayed served, memory stayed below its bound, and everything recovered by itself, with the exceptions that are argued below.'
      : `**Not as promised:**\n\n${missed.map((each) => `- ${each}`).join('\n')}`;
  return `# Overload and abuse

<!-- Written by test/overload/run.ts (node test/overload/run.ts --write). Do not edit: run it again. -->

${verdict}

Each abuse is done to a gateway with default settings, unless told otherwise, and where it makes sense to nginx as a proxy
too, in the same way. Beside it calm clients ask for two octets, 50 times a second each way, whether or not the earlier ones
were answered; every second one on a connection of its own, as HTTP/1.0. Their time counts from when a request was due.
They come two ways: **among** the abusers, to the same listener and upstream; and **beside** them, to another
listener and upstream of the same gateway. (What upstreams do is done by a third upstream, **bad**.) Latencies are in milliseconds, p50 / p99: first in
six calm seconds, then during the abuse, in the same run. A machine with two processors does all of this, abusers and
origins too, and other work at the same time: compare rows with each other and with their own calm, and nothing else.

**Memory** is the most anonymous memory (RssAnon) during the abuse and until recovery, and the bound that was set before, from
configuration. **Recovery** is the time from the end of the abuse until clients, descriptors and latencies are as before.

${markdownTable(
  [
    'abuse',
    'proxy',
    'calm',
    'among, during',
    'beside, during',
    'refused or failed',
    'memory (bound), MiB',
    'recovery, s',
  ],
  run.flatMap((each) => own(each).map((result) => row(each, result))),
)}

## What was done, what the abusers got, and why the bounds are what they are

${run.map((each) => story(each, own(each))).join('\n\n')}

${Object.entries(report.skipped)
  .map(([name, reason]) => `Not run: ${name} (${reason}).`)
  .join('\n')}

## Circumstances

${markdownTable(
  ['circumstance', ''],
  [
    ['begun', begun.date.slice(0, 16)],
    [
      'machine',
      `${begun.processors} processors, ${begun.memoryGiB} GiB, Linux ${begun.kernel.split('.', 2).join('.')}`,
    ],
    ['other work on the machine', 'yes'],
    ['commit', [...new Set(report.results.map(({ commit }) => commit.slice(0, 8)))].join(', ')],
    ['gateway', report.command],
    ['Node, nginx', `${node}; ${nginx}`],
  ],
)}
`;
}

function row(each: OverloadCase, measured: Measured): string[] {
  const among = measured.ways.among ?? measured.ways.bad;
  const { beside } = measured.ways;
  const calm = beside?.calm ?? among?.calm;
  const failed = phasesOf(measured).map(([way, { during }]) => {
    const count = failuresOf(during);
    if (count === 0) return '';
    const isArgued = measured.subject === 'Sidepool' && each.mayFail?.[way] !== undefined;
    return `${way}: ${count} of ${during.count}${isArgued ? ' (argued below)' : ''}`;
  });
  const peak = mib(measured.during.peakAnonymousKiB);
  return [
    measured.subject === 'Sidepool' ? each.title : '',
    measured.subject,
    calm === undefined ? '' : times(calm),
    among === undefined ? '' : times(among.during),
    beside === undefined ? '' : times(beside.during),
    failed.filter((text) => text !== '').join('; ') || '0',
    measured.subject === 'Sidepool' ? `${peak} (${each.bound.MiB.toFixed(0)})` : peak,
    measured.endedEarly ? 'it ended' : (measured.recoveredSeconds?.toFixed(1) ?? 'not within 45'),
  ];
}

function story(each: OverloadCase, results: readonly Measured[]): string {
  const lines = [`### ${each.title}`, '', each.about, ''];
  lines.push(`- Bound: ${each.bound.MiB.toFixed(0)} MiB: ${each.bound.why}`);
  for (const [way, why] of Object.entries(each.mayFail ?? {})) lines.push(`- ${way}: ${why}`);
  for (const { subject, abusers, counted, notes, during, ways } of results) {
    const got = abusers
      .map(
        ({ opened, got: each }) =>
          `${opened.toLocaleString('en')} connections: ${textOf(each) || 'nothing'}`,
      )
      .join('; ');
    if (got !== '') lines.push(`- ${subject}: abusers got, on ${got}.`);
    for (const [way, phases] of Object.entries(ways))
      if (failuresOf(phases.during) > 0)
        lines.push(`- ${subject}, ${way}: ${textOf(phases.during.failures)}.`);
    if (Object.keys(counted).length > 0) lines.push(`- Counted: ${textOf(counted)}.`);
    for (const note of notes) lines.push(`- ${note}.`);
    lines.push(
      `- ${subject}: ${(100 * during.processor).toFixed(0)} % of a processor, ${during.peakDescriptors.toLocaleString('en')} descriptors and ${mib(during.peakResidentKiB)} MiB resident at most.`,
    );
  }
  return lines.join('\n');
}
