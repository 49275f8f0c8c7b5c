/** What upstreams and the machine can do. */
import { execFileSync } from 'node:child_process';
import {
  accessSync,
  constants,
  mkdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { requestOnce } from '../support/raw-client.ts';
import type { CaseScene, OverloadCase } from './case.ts';
import { baseMiB } from './client-cases.ts';
import type { Subject } from './subject.ts';

const upstreamMiB = baseMiB + 3 * 32 * 0.25 + 3;
const upstreamWhy = `${baseMiB} MiB for the gateway itself, 24 MiB for 3 upstreams x 32 connections with 256 KiB on their way at most, 3 MiB for clients and those that wait`;

const cgroups = '/sys/fs/cgroup/memory';
const limitMiB = 96;

export const worldCases: readonly OverloadCase[] = [
  {
    name: 'interims',
    title: 'An upstream that sends 103 without end',
    about: '40 clients ask it, again and again.',
    harm: 'interims',
    abusers: [{ abuse: 'ask', way: 'bad', count: 40, openPerSecond: 100 }],
    calm: ['beside'],
    seconds: 8,
    bound: { MiB: upstreamMiB, why: `${upstreamWhy}.` },
  },
  {
    name: 'response-heads',
    title: 'An upstream whose heads never end',
    about: '40 clients ask it, again and again.',
    harm: 'endless-heads',
    abusers: [{ abuse: 'ask', way: 'bad', count: 40, openPerSecond: 100 }],
    calm: ['beside'],
    seconds: 8,
    bound: { MiB: upstreamMiB, why: `${upstreamWhy}.` },
  },
  {
    name: 'response-chunks',
    title: 'An upstream that sends chunks of one octet without end',
    about: '20 clients read as fast as they can.',
    harm: 'tiny-chunks',
    abusers: [{ abuse: 'ask-once', way: 'bad', count: 20, openPerSecond: 100 }],
    calm: ['beside'],
    seconds: 8,
    nginx: true,
    bound: { MiB: upstreamMiB, why: `${upstreamWhy}.` },
  },
  {
    name: 'response-trailers',
    title: 'An upstream whose trailers never end',
    about: '40 clients ask it, again and again.',
    harm: 'trailers',
    abusers: [{ abuse: 'ask', way: 'bad', count: 40, openPerSecond: 100 }],
    calm: ['beside'],
    seconds: 8,
    bound: { MiB: upstreamMiB, why: `${upstreamWhy}.` },
  },
  {
    name: 'silent-upstream',
    title: 'An upstream that accepts and says nothing',
    about: '200 clients ask it and wait.',
    harm: 'silent',
    abusers: [{ abuse: 'ask', way: 'bad', count: 200, openPerSecond: 100 }],
    calm: ['beside'],
    seconds: 10,
    nginx: true,
    bound: { MiB: upstreamMiB, why: `${upstreamWhy}.` },
  },
  {
    name: 'dripping-upstream',
    title: 'An upstream that answers an octet a second',
    about: '200 clients ask it and wait.',
    harm: 'drip',
    abusers: [{ abuse: 'ask-once', way: 'bad', count: 200, openPerSecond: 100 }],
    calm: ['beside'],
    seconds: 10,
    bound: { MiB: upstreamMiB, why: `${upstreamWhy}.` },
  },
  {
    name: 'resetting-upstream',
    title: 'An upstream that resets every request',
    about: '50 clients ask it, again and again.',
    harm: 'reset',
    abusers: [{ abuse: 'ask', way: 'bad', count: 50, openPerSecond: 100 }],
    calm: ['beside'],
    seconds: 8,
    nginx: true,
    bound: { MiB: upstreamMiB, why: `${upstreamWhy}.` },
  },
  {
    name: 'slamming-upstream',
    title: 'An upstream that resets every connection as it comes',
    about: '50 clients ask it, again and again.',
    harm: 'reset-at-once',
    abusers: [{ abuse: 'ask', way: 'bad', count: 50, openPerSecond: 100 }],
    calm: ['beside'],
    seconds: 8,
    bound: { MiB: upstreamMiB, why: `${upstreamWhy}.` },
  },
  {
    name: 'dead-upstream',
    title: 'An upstream where nobody listens',
    about: '50 clients ask it, again and again.',
    harm: 'dead',
    abusers: [{ abuse: 'ask', way: 'bad', count: 50, openPerSecond: 100 }],
    calm: ['beside'],
    seconds: 8,
    nginx: true,
    bound: { MiB: upstreamMiB, why: `${upstreamWhy}.` },
  },
  {
    name: 'waiting-uploads',
    title: '1,500 uploads to an upstream that takes nothing',
    about:
      'Each of 1 GB, as fast as it is taken; 32 connections, 1,024 may wait, the rest is refused.',
    harm: 'silent-unread',
    abusers: [{ abuse: 'upload', way: 'bad', count: 1_500, openPerSecond: 1_000 }],
    calm: ['beside'],
    seconds: 10,
    bound: {
      MiB: baseMiB + 24 + 16 + 64 + 9,
      why: `${baseMiB} MiB for the gateway itself, 24 for connections, 16 (\`limits.bufferTotal\`), 64 for 1,024 that wait with a read of 64 KiB each, 9 for client connections`,
    },
  },
  {
    name: 'descriptors',
    title: '400 clients and 256 descriptors',
    about: '`ulimit -n 256`; the crowd connects and says nothing.',
    abusers: [{ abuse: 'idle', way: 'among', count: 400, openPerSecond: 400 }],
    seconds: 14,
    bound: { MiB: baseMiB + 2, why: 'as for so many clients.' },
    plan: () => ({ before: 'ulimit -n 256' }),
  },
  {
    name: 'memory',
    title: `Slow readers and uploads in ${limitMiB} MiB`,
    about: `A cgroup of ${limitMiB} MiB, files' pages included; 100 slow readers of 10 MB, and 100 uploads that nobody takes.`,
    harm: 'silent-unread',
    abusers: [
      { abuse: 'slow-reader', way: 'among', count: 100, openPerSecond: 100 },
      { abuse: 'upload', way: 'bad', count: 100, openPerSecond: 100 },
    ],
    calm: ['beside'],
    seconds: 12,
    bound: { MiB: limitMiB, why: 'the cgroup: past it the kernel ends the process.' },
    skip: () =>
      isWritable(cgroups) ? undefined : `no cgroup of version 1 for memory that is ours to write`,
    plan: () => ({
      before: `mkdir -p ${cgroupOf()} && echo ${limitMiB}M > ${cgroupOf()}/memory.limit_in_bytes && echo $$ > ${cgroupOf()}/cgroup.procs`,
    }),
    meanwhile: async () => {
      await sleep(11_000);
      const read = (file: string): number => Number(readFileSync(`${cgroupOf()}/${file}`, 'utf8'));
      const peakMiB = read('memory.max_usage_in_bytes') / 2 ** 20;
      return [
        `the cgroup's peak was ${peakMiB.toFixed(0)} MiB, pages of files included; it ran into its limit ${read('memory.failcnt')} times, and the kernel took such pages back`,
      ];
    },
    after: () => {
      try {
        rmdirSync(cgroupOf());
      } catch {
        // It was never made.
      }
    },
  },
  {
    name: 'full-disk',
    title: 'A full disk for the log',
    about:
      'Standard output is a file on a disk of 16 KiB; 5 clients send no HTTP; half-way the disk is emptied.',
    abusers: [{ abuse: 'garbage', way: 'among', count: 5, openPerSecond: 10 }],
    seconds: 12,
    bound: { MiB: baseMiB + 5, why: 'at most 1 MiB of lines waits.' },
    skip: () => (process.getuid?.() === 0 ? undefined : 'mounting needs root'),
    plan: (scene) => {
      mkdirSync(diskOf(scene));
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', diskOf(scene)]);
      return { outputTo: logOf(scene) };
    },
    meanwhile: async (_, scene) => {
      await sleep(6_000);
      const full = statSync(logOf(scene)).size;
      truncateSync(logOf(scene), 0);
      await sleep(5_000);
      const lines = readFileSync(logOf(scene), 'utf8').split('\n').length - 1;
      return [
        `full at ${full} octets; in the five seconds after it was emptied ${lines} lines were written`,
      ];
    },
    after: (scene) => execFileSync('umount', ['-l', diskOf(scene)]),
  },
  {
    name: 'clock',
    title: 'A wall clock that jumps',
    about: 'A year and more forward, two back, and home again, four seconds each.',
    abusers: [],
    seconds: 14,
    bound: { MiB: baseMiB, why: 'nothing is held for it.' },
    plan: (scene) => {
      writeFileSync(scene.dir.file('shift'), '0');
      writeFileSync(scene.dir.file('clock.cjs'), shiftedClock(scene.dir.file('shift')));
      return { env: { NODE_OPTIONS: `--require ${scene.dir.file('clock.cjs')}` } };
    },
    meanwhile: jumps,
  },
];

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function cgroupOf(): string {
  return `${cgroups}/sidepool-overload-${process.pid}`;
}

function diskOf({ dir }: CaseScene): string {
  return dir.file('disk');
}

function logOf(scene: CaseScene): string {
  return `${diskOf(scene)}/log`;
}

/** Loaded before the gateway: its Date is that of the system and a shift, read again on SIGUSR2. */
function shiftedClock(path: string): string {
  return `const { readFileSync } = require('node:fs');
const System = Date;
let shiftMs = 0;
globalThis.Date = class Date extends System {
  constructor(...given) { given.length === 0 ? super(System.now() + shiftMs) : super(...given); }
  static now() { return System.now() + shiftMs; }
};
process.on('SIGUSR2', () => { shiftMs = Number(readFileSync(${JSON.stringify(path)}, 'utf8')); });
`;
}

const dayMs = 24 * 3_600_000;

async function jumps(subject: Subject, { dir }: CaseScene): Promise<readonly string[]> {
  const notes: string[] = [];
  const opened = await openedBy(subject);
  for (const days of [400, -400, 0]) {
    writeFileSync(dir.file('shift'), String(days * dayMs));
    subject.process.signal('SIGUSR2');
    await sleep(4_000);
    // An answer of the gateway's own has a Date of its own.
    const own = await requestOnce(subject.ports.among, 'BREW / HTTP/1.1\r\nHost : a\r\n\r\n');
    const date = /^date: *(.*?)\r?$/im.exec(own.rawHead)?.[1] ?? 'no Date';
    const awryMs = Math.abs(Date.parse(date) - Date.now() - days * dayMs);
    notes.push(`${days} days: Date ${awryMs < 5_000 ? 'follows' : `is wrong: ${date}`}`);
  }
  const more = (await openedBy(subject)) - opened;
  return [...notes, `upstream connections opened meanwhile: ${more}`];
}

async function openedBy(subject: Subject): Promise<number> {
  let sum = 0;
  for (const [key, value] of (await subject.metrics()) ?? [])
    if (key.startsWith('sidepool_upstream_connections_opened_total')) sum += value;
  return sum;
}
