import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isFairShare } from '../../../src/base/fair-share.ts';

const LIMIT = 1_000;

/** Takes one by one, as each may. */
function take(owns: number[], who: number): boolean {
  const used = owns.reduce((sum, own) => sum + own, 0);
  const isFair = isFairShare({ own: owns[who] as number, used, limit: LIMIT }, 1);
  if (isFair) owns[who] = (owns[who] as number) + 1;
  return isFair;
}

it('one alone gets three quarters, and the next one finds room at once', () => {
  const owns = [0, 0];
  while (take(owns, 0));
  expect(owns).toEqual([750, 0]);
  while (take(owns, 1));
  expect(owns[1]).toBeGreaterThan(180);
  // The first does not get more meanwhile, and what it gives back is for both.
  expect(take(owns, 0)).toBe(false);
});

it('nothing is fair when there is nothing', () => {
  expect(isFairShare({ own: 0, used: 0, limit: 0 }, 1)).toBe(false);
});

it('there is always room for one that has nothing, as long as there are not too many', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(2), { maxLength: 2_000 }), (steps) => {
      const owns = [0, 0, 0, 0];
      for (const who of steps) take(owns, who);
      expect(owns.reduce((sum, own) => sum + own, 0)).toBeLessThan(LIMIT);
      // Three that take all they may leave a tenth: 3 f each, and f.
      expect(take(owns, 3)).toBe(true);
    }),
  );
});
