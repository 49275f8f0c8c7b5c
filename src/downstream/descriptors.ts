/**
 * Whether descriptors are about to run out.
 *
 * When none is left libuv accepts and closes what waits, and tells nobody (`uv__emfile_trick`): clients would be cut
 * off uncounted, and the dials that those who are in are waiting for would fail. So a few are kept back, and what is
 * refused for their sake is told. The kernel gives the lowest number that is free: a high one says that all below are
 * in use, for whatever purpose, and nothing has to be counted.
 */
import { readFileSync } from 'node:fs';

/** Kept for connections to upstreams, files and the admin server; of a small limit a quarter. */
const KEPT_BACK = 64;

let firstTooHigh: number | null = null;

/** Whether this new connection is one too many. Its handle has a number on POSIX systems. */
export function isOneTooMany(socket: object): boolean {
  const { _handle: handle } = socket as { _handle?: { fd?: number } | null };
  return (handle?.fd ?? 0) >= mostDescriptors();
}

/** How many there may be before new connections are refused. */
export function mostDescriptors(): number {
  firstTooHigh ??= highest(softLimit());
  return firstTooHigh;
}

function highest(limit: number): number {
  return limit - Math.min(KEPT_BACK, Math.floor(limit / 4));
}

/** Node raises it to the hard limit when it starts. Without /proc it is not known. */
function softLimit(): number {
  try {
    const found = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'));
    return found === null ? Number.POSITIVE_INFINITY : Number(found[1]);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
