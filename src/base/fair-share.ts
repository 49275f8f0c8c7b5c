/**
 * How much of something that all share one of them may take.
 *
 * The argument. Fixed parts are wasted on who does not use them; no parts at all let one that is stuck, a dead upstream
 * with everybody waiting for it, take all, and the others pay. So each may take up to three times what it leaves free:
 * one alone gets three quarters, and whoever comes next finds a quarter at once, and more as the first gives back. (The
 * "dynamic threshold" by which switches share buffer memory between ports: Choudhury and Hahne, 1998.)
 */
const TIMES_FREE = 3;

/** Whether one that has `own` of the `used` may take `more`, where there are `limit` in all. */
export function isFairShare(
  { own, used, limit }: { readonly own: number; readonly used: number; readonly limit: number },
  more: number,
): boolean {
  return own + more <= TIMES_FREE * (limit - used - more);
}
