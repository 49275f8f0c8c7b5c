/** What the fuzzer is given to break. */

export interface FuzzTarget {
  readonly name: string;
  /** What is promised, in a few words. */
  readonly promise: string;
  /** Octets to begin with. */
  seeds(): readonly Buffer[];
  /**
   * Does with these octets what the outside could make the gateway do with them. Returns when every promise holds;
   * throws a `Finding`, or whatever the code under test threw, when one does not. The same octets always do the same.
   */
  run(data: Buffer): void;
  /** More than the code's own literals: what attackers would try. */
  readonly morsels?: readonly string[];
  readonly maxBytes?: number;
  /** Packages of others whose branches count too. */
  readonly alsoInstrument?: RegExp;
}

/** A promise that does not hold. The first line says which; numbers in it make no difference. */
export class Finding extends Error {
  override readonly name = 'Finding';
}

export function promise(holds: boolean, otherwise: () => string): asserts holds {
  if (!holds) throw new Finding(otherwise());
}

/** What two findings of the same sort have in common. */
export function sortOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return (text.split('\n', 1)[0] ?? '').replaceAll(/\d+/g, 'N').slice(0, 120);
}

/** A number that depends on every octet: what stands for chance in a target (FNV-1a). */
export function fingerprint(data: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const octet of data) hash = Math.imul(hash ^ octet, 0x01000193);
  return hash >>> 0;
}
