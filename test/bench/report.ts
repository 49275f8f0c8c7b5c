/** Figures as a Markdown table, and as JSON with what is needed to compare them later. */
import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../support/program.ts';

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
  return { median, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

export function shown({ median, min, max }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;
}

export function markdownTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(header),
    line(header.map((_, nth) => (nth === 0 ? '---' : '---:'))),
    ...rows.map(line),
  ].join('\n');
}

export interface Circumstances {
  readonly date: string;
  /** `processors`, `processor` and `memoryGiB` in one line. */
  readonly machine: string;
  readonly processors: number;
  readonly processor: string;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly commit: string;
  readonly versions: Readonly<Record<string, string>>;
  /** The load generators. */
  readonly tools: Readonly<Record<'wrk' | 'ab', string>>;
  /** Before the run: other work on the machine makes the figures worse, and uneven. */
  readonly loadAverage: number;
}

export function circumstances(): Circumstances {
  const processors = cpus().length;
  const processor = cpus()[0]?.model ?? 'unknown';
  const memoryGiB = Math.round(totalmem() / 2 ** 30);
  const tools = {
    wrk: firstLine('wrk', ['-v']).split(' ').slice(0, 2).join(' '),
    ab: firstLine('ab', ['-V']).replace(/.*Version ([\d.]+).*/, 'ab $1'),
  };
  return {
    date: new Date().toISOString(),
    machine: `${processors} x ${processor}, ${memoryGiB} GiB`,
    processors,
    processor,
    memoryGiB,
    kernel: release(),
    commit: firstLine('git', ['rev-parse', 'HEAD']),
    versions: {
      node: process.version,
      nginx: firstLine('nginx', ['-v']),
      haproxy: firstLine('haproxy', ['-v']),
      ...tools,
    },
    tools,
    loadAverage: loadavg()[0] ?? 0,
  };
}

function firstLine(program: string, args: readonly string[]): string {
  const path = findProgram(program);
  return path === undefined ? 'not installed' : saidVersion(path, ...args);
}

/** What a program says of itself; some say it on standard error, or with a code other than zero. */
export function saidVersion(path: string, ...args: readonly string[]): string {
  try {
    const said = execFileSync('/bin/sh', ['-c', '"$0" "$@" 2>&1 || true', path, ...args], {
      encoding: 'utf8',
      cwd: join(import.meta.dirname, '..', '..'),
    });
    return said.trim().split('\n')[0]?.trim() ?? '';
  } catch {
    return 'unknown';
  }
}
