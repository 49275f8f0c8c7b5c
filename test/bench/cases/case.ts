/** A case: one question, measured over all peers in the same rounds, with one file of results. */
import type { Peer } from '../peers/peer.ts';
import type { Progress } from '../progress.ts';
import type { FigureResult, LoadResult } from '../result.ts';

export interface Case {
  readonly name: string;
  readonly title: string;
  /** For the page: what is done, and how to read it. */
  readonly about: string;
  /** The peer that ratios are taken to. */
  readonly base: string;
  /** Programs without which it cannot run. */
  readonly programs: readonly string[];
  /** Peers that it says nothing about. */
  readonly without?: readonly string[];
  readonly expectedSeconds: (peers: number, rounds: number) => number;
  readonly run: (context: CaseContext) => Promise<Measured>;
}

export interface CaseContext {
  readonly peers: readonly Peer[];
  readonly rounds: number;
  readonly progress: Progress;
  /** A peer that could not be measured is left out of the rest of the case, and named. */
  readonly leaveOut: (peer: Peer, cause: unknown) => void;
}

export interface Measured {
  readonly loads: readonly LoadResult[];
  readonly figures: readonly FigureResult[];
}

/** Every round begins with another peer: whoever follows finds caches and sockets as the one before left them. */
export function rotated<T>(list: readonly T[], round: number): T[] {
  const first = list.length === 0 ? 0 : round % list.length;
  return [...list.slice(first), ...list.slice(0, first)];
}
