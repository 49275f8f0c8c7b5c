/** Bodies with known bytes: noise, so that any exchange, loss or doubling of a part changes the hash. */
import { createCipheriv, createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const sizes = { '10k': 10 * 1024, '100k': 100 * 1024, '10m': 10 * 1024 * 1024 } as const;

export type SizeName = keyof typeof sizes;

/** The same bytes for the same size and seed, always. */
export function noise(bytes: number, seed = 0): Buffer {
  const iv = Buffer.alloc(16);
  iv.writeUInt32BE(seed, 0);
  const stream = createCipheriv('aes-128-ctr', Buffer.from('sidepool noise..'), iv);
  return stream.update(Buffer.alloc(bytes));
}

export function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The folder that every file-serving origin serves: `/ok` and `/size/10k`, `/size/100k`, `/size/10m`. */
export function writeDocuments(folder: string): void {
  mkdirSync(join(folder, 'size'), { recursive: true });
  writeFileSync(join(folder, 'ok'), 'ok');
  for (const [name, bytes] of Object.entries(sizes)) {
    writeFileSync(join(folder, 'size', name), noise(bytes));
  }
}
