/** What Linux tells about a process: processor time, memory, wakeups. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

export interface Memory {
  /** Not shared with any other process: what a pod pays for. */
  readonly anonymousKiB: number;
  /** With the binary's own pages, which the pods of a node share. */
  readonly residentKiB: number;
}

/** Processor time of all threads since the start, in microseconds; of the resolution of a tick, 10 ms. */
export function processorTimeUs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may have blanks of its own: count from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return (ticks / ticksPerSecond) * 1e6;
}

export function memory(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return { anonymousKiB: field(status, 'RssAnon'), residentKiB: field(status, 'VmRSS') };
}

/** Times that any thread went to sleep of its own will, and so was woken, since the start. */
export function wakeups(pid: number): number {
  return sumOverThreads(pid, 'status', (text) => field(text, 'voluntary_ctxt_switches'));
}

/** As `processorTimeUs`, but exact to the nanosecond; for a process that does next to nothing. */
export function exactProcessorTimeUs(pid: number): number {
  return sumOverThreads(pid, 'schedstat', (text) => Number(text.split(' ')[0]) / 1_000);
}

function sumOverThreads(pid: number, file: string, read: (text: string) => number): number {
  let sum = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      sum += read(readFileSync(`/proc/${pid}/task/${thread}/${file}`, 'utf8'));
    } catch {
      // It ended between the two reads.
    }
  }
  return sum;
}

function field(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN);
}
