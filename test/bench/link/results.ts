/** What was measured, and under which circumstances: kept as JSON, part by part, so that parts can be measured one by one. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import type { WayFigures } from './distribution.ts';
import { envoyProgram } from './envoy.ts';
import type { FirstFigures } from './first-request.ts';
import type { FirstPartName } from './options.ts';
import type { Scheme } from './peers.ts';
import type { Distribution } from './quantiles.ts';

export interface Circumstances {
  readonly date: string;
  readonly commit: string;
  readonly processors: number;
  readonly processor: string;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly versions: Readonly<Record<string, string>>;
}

interface Measured {
  readonly nominalMs: number;
  /** Pings of the link right before and right after: all figures are told as multiples of its median. */
  readonly roundTrip: Distribution;
  readonly circumstances: Circumstances;
}

export interface DistributionResult extends Measured {
  readonly part: 'distribution';
  readonly scheme: Scheme;
  readonly clients: number;
  readonly ways: readonly WayFigures[];
}

export interface FirstResult extends Measured {
  readonly part: FirstPartName;
  readonly peers: readonly FirstFigures[];
}

export type Result = DistributionResult | FirstResult;

export function readResults(path: string): Result[] {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).results : [];
}

/** With this one in place of an earlier one of the same part, round trip and scheme. */
export function withResult(results: readonly Result[], result: Result): Result[] {
  return [...results.filter((each) => keyOf(each) !== keyOf(result)), result].sort((a, b) =>
    keyOf(a) < keyOf(b) ? -1 : 1,
  );
}

export function writeResults(path: string, results: readonly Result[]): void {
  const lines = results.map((result) => JSON.stringify(result));
  writeFileSync(path, `{ "results": [\n${lines.join(',\n')}\n] }\n`);
}

function keyOf(result: Result): string {
  const scheme = result.part === 'distribution' ? result.scheme : '';
  return `${String(result.nominalMs).padStart(6)} ${result.part} ${scheme}`;
}

/** Nothing that tells whose machine it was. */
export function circumstances(): Circumstances {
  return {
    date: new Date().toISOString(),
    commit: said('git', '-C', import.meta.dirname, 'rev-parse', 'HEAD'),
    processors: cpus().length,
    processor: cpus()[0]?.model ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release().split('-')[0] ?? '',
    versions: {
      Node: process.version,
      nginx: said('nginx', '-v').replace(/^.*\//, ''),
      HAProxy: said('haproxy', '-v').split(' ')[2] ?? '',
      Envoy: said(envoyProgram() ?? 'envoy', '--version').match(/\d+\.\d+\.\d+/)?.[0] ?? '',
      curl: said('curl', '--version').split(' ')[1] ?? '',
      Python: said('python3', '--version').split(' ')[1] ?? '',
    },
  };
}

/** The first line; some say it on standard error. */
function said(program: string, ...args: string[]): string {
  const text = execFileSync('/bin/sh', ['-c', '"$0" "$@" 2>&1 || true', program, ...args], {
    encoding: 'utf8',
  });
  return text.split('\n').find((line) => line !== '') ?? '';
}
