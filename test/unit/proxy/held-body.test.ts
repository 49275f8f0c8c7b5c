/** How much of a request's body is held, and that all of it is given back. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BodyBudget, HeldBody } from '../../../src/proxy/held-body.ts';

const bytes = (length: number) => Buffer.alloc(length);
const sent = { mustKeep: false };
const unsent = { mustKeep: true };

describe('a held body', () => {
  it('is held up to its limit, and can be sent again', () => {
    const budget = new BodyBudget(100);
    const body = new HeldBody(10, budget);
    expect(body.add(bytes(4), sent)).toBe(true);
    expect(body.add(bytes(6), sent)).toBe(true);
    expect(body.canReplay).toBe(true);
    expect(body.bytes).toBe(10);
    expect(budget.usedBytes).toBe(10);
    body.onSent();
    expect(body.chunks).toHaveLength(2);
    body.release();
    expect(budget.usedBytes).toBe(0);
  });

  it('that is a view of a block holds no more than its own octets, and says that the block is free', () => {
    const body = new HeldBody(64 * 1024, new BodyBudget(64 * 1024));
    const block = Buffer.alloc(64 * 1024, 7);
    expect(body.add(block.subarray(0, 17_000), sent)).toBe(true);
    expect(body.keepsChunk).toBe(false);
    expect(body.chunks[0]?.buffer.byteLength).toBe(17_000);
    block.fill(0);
    expect(body.chunks[0]).toEqual(Buffer.alloc(17_000, 7));
    expect(body.add(Buffer.alloc(20_000), sent)).toBe(true);
    expect(body.keepsChunk).toBe(true);
  });

  it('of one octet at a time takes little more memory than its octets', () => {
    const body = new HeldBody(10_000, new BodyBudget(10_000));
    // Each a view of as much as a read can take.
    for (let at = 0; at < 10_000; at += 1)
      body.add(Buffer.alloc(64 * 1024, at % 251).subarray(0, 1), sent);
    const memory = new Set(body.chunks.map(({ buffer }) => buffer));
    expect([...memory].reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeLessThan(20_000);
    const whole = Buffer.concat(body.chunks);
    expect(whole).toHaveLength(10_000);
    expect(whole.every((octet, at) => octet === at % 251)).toBe(true);
  });

  it('leaves what it has given out as it was, whatever is added', () => {
    const body = new HeldBody(10_000, new BodyBudget(10_000));
    body.add(Buffer.from('first'), sent);
    body.add(Buffer.from('second'), sent);
    const given = body.chunks.at(-1) as Buffer;
    body.add(Buffer.from('third'), sent);
    expect(given.toString()).toBe('second');
    expect(Buffer.concat(body.chunks).toString()).toBe('firstsecondthird');
  });

  it('past its limit is let go, as it has been sent', () => {
    const budget = new BodyBudget(100);
    const body = new HeldBody(10, budget);
    body.add(bytes(10), sent);
    expect(body.add(bytes(1), sent)).toBe(false);
    expect(body.canReplay).toBe(false);
    expect(body.chunks).toEqual([]);
    expect(budget.usedBytes).toBe(0);
  });

  it('past its limit keeps what was not sent, until it is', () => {
    const budget = new BodyBudget(100);
    const body = new HeldBody(10, budget);
    body.add(bytes(10), unsent);
    expect(body.add(bytes(5), unsent)).toBe(true);
    expect(body.canReplay).toBe(false);
    expect(body.bytes).toBe(15);
    body.onSent();
    expect(body.chunks).toEqual([]);
    expect(budget.usedBytes).toBe(0);
  });

  it('never can be sent again once a piece is missing, though the next would fit', () => {
    const body = new HeldBody(10, new BodyBudget(100));
    body.add(bytes(11), sent);
    body.add(bytes(1), sent);
    expect(body.canReplay).toBe(false);
    expect(body.chunks).toEqual([]);
  });

  it('past the budget of all is as past its own limit', () => {
    const budget = new BodyBudget(10);
    const first = new HeldBody(100, budget);
    const second = new HeldBody(100, budget);
    first.add(bytes(8), sent);
    expect(second.add(bytes(3), sent)).toBe(false);
    expect(budget.usedBytes).toBe(8);
    first.release();
    expect(new HeldBody(100, budget).add(bytes(10), sent)).toBe(true);
  });

  it('gives back to the budget exactly what it took, in any order of calls', () => {
    const call = fc.oneof(
      fc.record({ body: fc.nat(2), length: fc.nat(40), mustKeep: fc.boolean() }),
      fc.record({ body: fc.nat(2), end: fc.constantFrom('onSent', 'release') }),
    );
    fc.assert(
      fc.property(fc.array(call, { maxLength: 40 }), (calls) => {
        const budget = new BodyBudget(100);
        const all = [30, 60, 90].map((limit) => new HeldBody(limit, budget));
        for (const each of calls) {
          const body = all[each.body] as HeldBody;
          if ('end' in each) body[each.end as 'onSent' | 'release']();
          else body.add(bytes(each.length), each);
          expect(budget.usedBytes).toBeGreaterThanOrEqual(0);
          expect(budget.usedBytes).toBeLessThanOrEqual(100);
        }
        for (const body of all) body.release();
        expect(budget.usedBytes).toBe(0);
      }),
    );
  });
});

describe('the share of an upstream', () => {
  it('leaves a quarter to the others, and is whole again when all is released', () => {
    const budget = new BodyBudget(1_000);
    const [dead, other] = [{}, {}];
    const ofDead = budget.shareOf(dead);
    let taken = 0;
    while (ofDead.take(10)) taken += 10;
    expect(taken).toBe(750);
    expect(budget.shareOf(other).take(180)).toBe(true);
    expect(budget.shareOf(dead)).toBe(ofDead);
    ofDead.release(taken);
    budget.shareOf(other).release(180);
    expect(budget.usedBytes).toBe(0);
    expect(ofDead.take(750)).toBe(true);
  });

  it('takes nothing where nothing is held, and heeds a limit that a reload has changed', () => {
    const budget = new BodyBudget(0);
    const share = budget.shareOf({});
    expect(share.take(1)).toBe(false);
    budget.limitBytes = 100;
    expect(share.take(75)).toBe(true);
    budget.limitBytes = 50;
    expect(share.take(1)).toBe(false);
    share.release(75);
    expect(budget.usedBytes).toBe(0);
  });
});
