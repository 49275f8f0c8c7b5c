/** One file of results for each case: raw figures, round by round, and under what circumstances. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadFigures } from './load.ts';

export interface Circumstances {
  /** ISO 8601. */
  readonly date: string;
  readonly processors: number;
  readonly processor: string;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly commit: string;
  readonly rounds: number;
  /** Before the case: other work on the machine makes figures worse, and uneven. */
  readonly loadAverage: number;
  /** The load generators. */
  readonly tools: Readonly<Record<string, string>>;
}

export interface MeasuredPeer {
  readonly name: string;
  readonly title: string;
  readonly version: string;
  readonly settings: string;
}

/** Round by round; null for what could not be told. */
export type Rounds<T> = readonly T[];

export interface LoadRound extends LoadFigures {
  /** Connections that the origin accepted meanwhile: few, when connections are kept. */
  readonly originConnections: number;
}

export interface LoadResult {
  readonly name: string;
  readonly title: string;
  /** One-request clients against no proxy open a connection each, by their nature. */
  readonly seconds: number;
  /** Another load of the case whose cost, in the same round, this one's is divided by. */
  readonly relativeTo?: string;
  /** By the name of the peer. */
  readonly rounds: Readonly<Record<string, Rounds<LoadRound>>>;
}

export interface FigureResult {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly digits: number;
  readonly rounds: Readonly<Record<string, Rounds<number>>>;
}

export interface CaseResult {
  readonly case: string;
  readonly title: string;
  readonly about: string;
  /** The name of the peer that ratios are taken to. */
  readonly base: string;
  readonly circumstances: Circumstances;
  readonly peers: readonly MeasuredPeer[];
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
  readonly loads: readonly LoadResult[];
  readonly figures: readonly FigureResult[];
}

const prefix = 'case-';

export function writeResult(folder: string, result: CaseResult): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, `${prefix}${result.case}.json`),
    `${JSON.stringify(result, rounded, 1)}\n`,
  );
}

/** What is in the folder, in the order of `names`; what is not among them comes last. */
export function readResults(folder: string, names: readonly string[]): CaseResult[] {
  if (!existsSync(folder)) return [];
  const found = readdirSync(folder)
    .filter((file) => file.startsWith(prefix) && file.endsWith('.json'))
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as CaseResult);
  const place = (name: string) => (names.includes(name) ? names.indexOf(name) : names.length);
  return found.sort((a, b) => place(a.case) - place(b.case));
}

/** Four significant digits are more than these figures have; NaN becomes null in JSON. */
function rounded(_key: string, value: unknown): unknown {
  if (typeof value !== 'number' || Number.isInteger(value)) return value;
  return Number(value.toPrecision(4));
}
