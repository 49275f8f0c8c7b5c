/**
 * Heads of connections that read no more, for those that come: a new one, and its table that grows with each field, is a
 * tenth of what a one-request client leaves to the garbage collector.
 */
import { RequestHead } from '../message/head.ts';

/** More are not worth their memory: a crowd of one-request clients is seldom larger. */
const MOST = 64;

export class SpareHeads {
  readonly #spare: RequestHead[] = [];

  take(): RequestHead {
    return this.#spare.pop() ?? new RequestHead();
  }

  /** Once, and when nobody looks at it any more: the next connection writes into it. */
  giveBack(head: RequestHead): void {
    if (this.#spare.length >= MOST) return;
    head.clear();
    this.#spare.push(head);
  }
}
