import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, nearest } from '../../../../src/controller/injection/nearest.ts';

describe('nearest', () => {
  const known = ['upstreams', 'env', 'warm', 'log-level', 'memory-limit', 'memory-request'];

  it.each([
    ['upstream', 'upstreams'],
    ['wram', 'warm'],
    ['loglevel', 'log-level'],
    ['memory-limits', 'memory-limit'],
    ['colour', null],
    ['', null],
  ])('%s: %s', (word, meant) => {
    expect(nearest(word, known)).toBe(meant);
  });

  it('is a distance', () => {
    expect(editDistance('warm', 'wram')).toBe(1);
    expect(editDistance('', 'abc')).toBe(3);
    expect(editDistance('kitten', 'sitting')).toBe(3);
    const word = fc.string({ maxLength: 8 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a === b);
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });
});
