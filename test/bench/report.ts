/** Figures as a Markdown table, and as JSON with what is needed to compare them later. */
import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';
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
  readonly machine: string;
  readonly kernel: string;
  readonly commit: string;
  readonly versions: Readonly<Record<string, string>>;
  /** Before the run: other work on the machine makes the figures worse, and uneven. */
  readonly loadAverage: number;
}

export function circumstances(): Circumstances {
  const [processor] = cpus();
  return {
    date: new Date().toISOString(),
    machine: `${cpus().length} x ${processor?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    kernel: release(),
    commit: firstLine('git', ['rev-parse', 'HEAD']),
    versions: {
      node: process.version,
      nginx: firstLine('nginx', ['-v']),
      haproxy: firstLine('haproxy', ['-v']),
      wrk: firstLine('wrk', ['-v']),
      ab: firstLine('ab', ['-V']),
    },
    loadAverage: loadavg()[0] ?? 0,
  };
}

/** What a program says of itself; some say it on standard error, or with a code other than zero. */
function firstLine(program: string, args: readonly string[]): string {
  const path = findProgram(program);
  if (path === undefined) return 'not installed';
  try {
    const said = execFileSync('/bin/sh', ['-c', '"$0" "$@" 2>&1 || true', path, ...args], {
      encoding: 'utf8',
      cwd: import.meta.dirname,
    });
    return said.split('\n')[0]?.trim() ?? '';
  } catch {
    return 'unknown';
  }
}
