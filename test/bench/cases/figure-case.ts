/** Cases that are figures of each proxy and no load: memory, rest, start. A peer that fails is left out and named. */
import type { Peer } from '../peers/peer.ts';
import type { FigureResult } from '../result.ts';
import type { CaseContext, Measured } from './case.ts';

export type FigureTitle = Pick<FigureResult, 'name' | 'title' | 'unit' | 'digits'>;

/** Collects figures of peers, round by round. */
export class FigureTable {
  readonly #titles: readonly FigureTitle[];
  /** By figure, then by peer. */
  readonly #rounds = new Map<string, Map<string, number[]>>();

  constructor(titles: readonly FigureTitle[]) {
    this.#titles = titles;
    for (const { name } of titles) this.#rounds.set(name, new Map());
  }

  add(peer: Peer, figures: Readonly<Record<string, number>>): void {
    for (const [name, value] of Object.entries(figures)) {
      const byPeer = this.#rounds.get(name);
      if (byPeer === undefined) throw new Error(`${name} is none of the figures of this case`);
      byPeer.set(peer.name, [...(byPeer.get(peer.name) ?? []), value]);
    }
  }

  measured(): Measured {
    const figures = this.#titles.map((title) => ({
      ...title,
      rounds: Object.fromEntries(this.#rounds.get(title.name) ?? []),
    }));
    return { loads: [], figures };
  }
}

/** The peers that `measure` succeeds for; each other one is left out of the rest of the case. */
export async function unlessItFails(
  peer: Peer,
  context: CaseContext,
  measure: () => Promise<void>,
): Promise<boolean> {
  try {
    await measure();
    return true;
  } catch (cause) {
    context.leaveOut(peer, cause);
    return false;
  }
}
