/**
 * What a reload may keep. An upstream whose options are the same keeps its pools, and a listener its socket and
 * clients, whatever else has changed; a changed policy alone counts from the next exchange and replaces nothing.
 */
import { isDeepStrictEqual } from 'node:util';

/** Whether two options, out of two readings of the configuration, say the same. Sets are compared by what they hold. */
export function sameOptions<T extends object>(a: T, b: T): boolean {
  return isDeepStrictEqual(a, b);
}
