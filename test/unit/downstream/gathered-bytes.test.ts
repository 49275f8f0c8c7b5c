import { describe, expect, it } from 'vitest';
import { seeded } from '../../../src/base/clock.ts';
import { GatheredBytes } from '../../../src/downstream/gathered-bytes.ts';
import { noise } from '../../support/bodies.ts';

describe('GatheredBytes', () => {
  it('gives the octets in their order, however they were cut, and never the memory that they came in', () => {
    const random = seeded(7);
    for (let round = 0; round < 200; round += 1) {
      const read = noise(1 + Math.floor(random() * 64 * 1024), round);
      const expected = Buffer.from(read);
      const gathered = new GatheredBytes();
      const given: Buffer[] = [];
      for (let at = 0; at < read.length; ) {
        const longest = random() < 0.9 ? 300 : 20_000;
        const piece = read.subarray(at, at + 1 + Math.floor(random() * longest));
        at += piece.length;
        if (!gathered.add(piece, read.length - at)) given.push(gathered.takeWith(piece));
      }
      const rest = gathered.take();
      if (rest !== null) given.push(rest);
      // The next read is written over this one.
      read.fill(0);
      expect(Buffer.concat(given).equals(expected)).toBe(true);
      expect(gathered.take()).toBe(null);
    }
  });

  it('puts small ones together, and hands a large one on with what came before it', () => {
    const gathered = new GatheredBytes();
    for (let nth = 0; nth < 1_000; nth += 1)
      expect(gathered.add(Buffer.from('ab'), 10_000)).toBe(true);
    const large = Buffer.alloc(5_000, 'c');
    expect(gathered.add(large, 0)).toBe(false);
    const taken = gathered.takeWith(large);
    expect(taken.length).toBe(7_000);
    expect(taken.toString('latin1', 1_999, 2_001)).toBe('bc');
  });

  it('holds no more than a block, and no larger one than the read can fill', () => {
    const gathered = new GatheredBytes();
    gathered.add(Buffer.from('a'), 1);
    gathered.add(Buffer.from('b'), 0);
    expect(gathered.take()?.buffer.byteLength).toBe(2);
    let held = 0;
    while (gathered.add(Buffer.alloc(100), 60_000)) held += 100;
    expect(held).toBeLessThanOrEqual(16 * 1024);
    expect(gathered.take()?.buffer.byteLength).toBe(16 * 1024);
  });
});

describe('a large piece', () => {
  const large = (octet: string) => Buffer.alloc(40_000, octet);

  it('is lent in a block that is lent again once it is released', () => {
    const bytes = new GatheredBytes();
    const first = bytes.takeWith(large('a'));
    bytes.release();
    const second = new GatheredBytes().takeWith(large('b'));
    expect(second.buffer).toBe(first.buffer);
    expect(second).toEqual(large('b'));
  });

  it('is its taker’s when it is not released', () => {
    const bytes = new GatheredBytes();
    const first = bytes.takeWith(large('a'));
    bytes.leave();
    bytes.release();
    expect(bytes.takeWith(large('b')).buffer).not.toBe(first.buffer);
    expect(first).toEqual(large('a'));
  });

  it('is not lent to two at a time', () => {
    const [one, other] = [new GatheredBytes(), new GatheredBytes()];
    const first = one.takeWith(large('a'));
    expect(other.takeWith(large('b')).buffer).not.toBe(first.buffer);
    one.release();
    other.release();
    expect(first).toEqual(large('a'));
  });

  it('larger than a read is a copy like any', () => {
    const bytes = new GatheredBytes();
    const first = bytes.takeWith(Buffer.alloc(70_000, 'a'));
    bytes.release();
    expect(bytes.takeWith(Buffer.alloc(70_000, 'b')).buffer).not.toBe(first.buffer);
  });
});
