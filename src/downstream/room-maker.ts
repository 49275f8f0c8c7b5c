/**
 * Room for new clients when as many are connected as there may be, or descriptors run out.
 *
 * A connection that owes a request is worth less than a client that has one: its client may come again at any time
 * (RFC 9112 9.5 lets either side close an idle connection, and clients must reckon with it), while whoever is refused now has
 * failed. So those who have owed one for longest give way, and a crowd that connects and says nothing, or says it octet by
 * octet, keeps out nobody but itself. One that came a moment ago is left alone: its request may be on its way.
 */
import type { Crowd } from './client-parts.ts';
import type { ClientObserver } from './observer.ts';

/** Whoever has owed a request for less is left alone: a client on the same machine that has one sends it at once. */
const LEAST_WAIT_MS = 250;
/** A share of all gives way at a time, so that a flood does not cost a look at all of them for each connection. */
const SHARE = 1 / 64;

export class RoomMaker {
  readonly #crowds: ReadonlySet<Crowd>;
  readonly #observer: ClientObserver;
  /** Nobody will have waited for long enough before. */
  #noneUntilMs = 0;

  constructor(crowds: ReadonlySet<Crowd>, observer: ClientObserver) {
    this.#crowds = crowds;
    this.#observer = observer;
  }

  /** Closes some of those that have owed a request for longest. False when there are none. */
  make(nowMs: number): boolean {
    if (nowMs < this.#noneUntilMs) return false;
    let count = 0;
    let longestMs = 0;
    for (const { connections } of this.#crowds) {
      count += connections.size;
      for (const each of connections) longestMs = Math.max(longestMs, each.owesForMs(nowMs));
    }
    if (longestMs < LEAST_WAIT_MS) {
      this.#noneUntilMs = nowMs + LEAST_WAIT_MS - longestMs;
      return false;
    }
    this.#close(Math.max(1, Math.floor(count * SHARE)), nowMs, longestMs);
    return true;
  }

  /** Without sorting ten thousand: of those that have waited half as long as the longest, the first to come. */
  #close(count: number, nowMs: number, longestMs: number): void {
    const leastMs = Math.max(LEAST_WAIT_MS, longestMs / 2);
    let left = count;
    for (const crowd of this.#crowds) {
      for (const each of crowd.connections) {
        if (each.owesForMs(nowMs) < leastMs) continue;
        each.destroy();
        this.#observer.onRefused('gave-way');
        // Its place is free from now on, and not only when its socket tells.
        crowd.onClosed(each);
        left -= 1;
        if (left === 0) return;
      }
    }
  }
}
