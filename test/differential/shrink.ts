/** Makes a finding small: takes pieces away, and octets out of pieces, while it is still found. */

const maxRuns = 120;
/** One that shows itself by taking long would else be shrunk for hours. */
const maxMs = 60_000;

export async function shrink(
  pieces: readonly string[],
  isFound: (pieces: readonly string[]) => Promise<boolean>,
): Promise<readonly string[]> {
  let best = pieces;
  let runs = 0;
  const endMs = performance.now() + maxMs;
  const attempt = async (candidate: readonly string[]): Promise<boolean> => {
    if (runs >= maxRuns || performance.now() > endMs) return false;
    runs += 1;
    if (!(await isFound(candidate))) return false;
    best = candidate;
    return true;
  };
  for (
    let size = Math.ceil(best.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let at = 0; at < best.length; ) {
      const without = [...best.slice(0, at), ...best.slice(at + size)];
      if (!(await attempt(without))) at += size;
    }
  }
  for (let nth = 0; nth < best.length; nth += 1) {
    for (let length = (best[nth] ?? '').length >> 1; length >= 4; length >>= 1) {
      const piece = best[nth] ?? '';
      await attempt([
        ...best.slice(0, nth),
        piece.slice(0, piece.length - length),
        ...best.slice(nth + 1),
      ]);
    }
  }
  return best;
}
