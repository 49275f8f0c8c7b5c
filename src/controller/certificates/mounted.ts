/** A certificate that somebody else makes and rotates, cert-manager as a rule, in a mounted folder. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeyPair } from './issue.ts';
import { certificateOf, pairOf } from './state.ts';

export interface Mounted {
  readonly pair: KeyPair;
  /** What it was signed by, in PEM; null if that is not there. */
  readonly authority: string | null;
}

/** Rejects when it cannot be read or does not hold together: in the middle of a swap, the next look does better. */
export async function readMounted(directory: string): Promise<Mounted> {
  const [cert, key, authority] = await Promise.all([
    readFile(join(directory, 'tls.crt'), 'utf8'),
    readFile(join(directory, 'tls.key'), 'utf8'),
    readFile(join(directory, 'ca.crt'), 'utf8').catch(() => ''),
  ]);
  const pair = pairOf(cert, key);
  if (pair === null)
    throw new Error(`${directory}: tls.crt and tls.key are no certificate with its key`);
  return { pair, authority: certificateOf(authority) === null ? null : authority };
}
