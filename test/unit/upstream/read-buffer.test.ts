import { describe, expect, it } from 'vitest';
import { ReadBuffer } from '../../../src/upstream/socket-wire.ts';

const SMALL_BYTES = 16 * 1024;
const LARGE_BYTES = 64 * 1024;

/** Reads as a socket does: asks where to, and fills some of it. */
function read(reads: ReadBuffer, length?: number): Buffer {
  const bytes = reads.buffer();
  reads.callback(length ?? bytes.length);
  return bytes;
}

function untilLarge(reads: ReadBuffer): Buffer {
  read(reads);
  read(reads);
  return read(reads);
}

describe('a read buffer', () => {
  it('is the same small one for every read that does not fill it', () => {
    const reads = new ReadBuffer({ isEncrypted: false });
    const first = read(reads, 100);
    expect(first).toHaveLength(SMALL_BYTES);
    expect(read(reads, SMALL_BYTES - 1)).toBe(first);
    expect(read(reads, 1)).toBe(first);
  });

  it('is large while a large body streams, and the small one again after it', () => {
    const reads = new ReadBuffer({ isEncrypted: false });
    const small = read(reads);
    expect(read(reads)).toBe(small);
    expect(read(reads)).toHaveLength(LARGE_BYTES);
    expect(read(reads, 10)).toHaveLength(LARGE_BYTES);
    expect(read(reads, 10)).toBe(small);
  });

  it('stays small over TLS, which gives a record at a time', () => {
    const reads = new ReadBuffer({ isEncrypted: true });
    const small = read(reads);
    for (let times = 0; times < 5; times += 1) expect(read(reads)).toBe(small);
  });

  it('hands its large one on when it needs it no more', () => {
    const reads = new ReadBuffer({ isEncrypted: false });
    const large = untilLarge(reads);
    read(reads, 10);
    read(reads, 10);
    expect(untilLarge(new ReadBuffer({ isEncrypted: false }))).toBe(large);
  });

  it('never hands on, nor reads again into, one whose bytes are still needed', () => {
    const reads = new ReadBuffer({ isEncrypted: false });
    const large = untilLarge(reads);
    reads.keep();
    const next = read(reads, 10);
    expect(next).not.toBe(large);
    expect(next).toHaveLength(LARGE_BYTES);
    const small = read(reads, 10);
    reads.keep();
    expect(read(reads, 10)).not.toBe(small);
    for (let times = 0; times < 12; times += 1)
      expect(untilLarge(new ReadBuffer({ isEncrypted: false }))).not.toBe(large);
  });

  it('never gives two connections the same one at a time', () => {
    const all = Array.from({ length: 20 }, () => new ReadBuffer({ isEncrypted: false }));
    const given = all.map(untilLarge);
    expect(new Set(given).size).toBe(all.length);
    // All give theirs back; more than are kept are let go, and what is handed on is handed to one.
    for (const each of all) {
      read(each, 10);
      read(each, 10);
    }
    expect(new Set(all.map(untilLarge)).size).toBe(all.length);
  });
});
