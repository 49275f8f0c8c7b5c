/** A certificate that somebody else makes and rotates, cert-manager as a rule, in a mounted folder. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeyPair } from './issue.ts';
import { pairOf } from './state.ts';

/** Rejects when it cannot be read or does not hold together: in the middle of a swap, the next look does better. */
export async function readMounted(directory: string): Promise<KeyPair> {
  const [cert, key] = await Promise.all([
    readFile(join(directory, 'tls.crt'), 'utf8'),
    readFile(join(directory, 'tls.key'), 'utf8'),
  ]);
  const pair = pairOf(cert, key);
  if (pair === null)
    throw new Error(`${directory}: tls.crt and tls.key are no certificate with its key`);
  return pair;
}
