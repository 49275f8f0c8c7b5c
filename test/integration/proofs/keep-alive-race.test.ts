/** The keep-alive race of test/soak/keep-alive-race.ts, shorter: a few sweeps, all methods at once. */
import { expect, it } from 'vitest';
import { type RaceOptions, race } from '../../soak/race.ts';
import { raceBreaches } from '../../soak/race-bounds.ts';

const sweep = (method: string): RaceOptions => ({
  method,
  learns: true,
  count: 450,
  fromMs: 56,
  toMs: 74,
  thenCount: method === 'POST' ? 600 : 0,
});

it('an origin that closes idle connections as requests come: no GET and no PUT fails, POSTs hardly once it is learned', async () => {
  const results = await Promise.all(['GET', 'PUT', 'POST'].map((method) => race(sweep(method))));
  for (const result of results) {
    // Less reuse than in the long run: other suites hold up the gateway, and connections grow too old meanwhile.
    expect(raceBreaches(result, { leastReuse: 0.95 })).toEqual([]);
    // Else it was no race.
    expect(result.origin.resets).toBeGreaterThan(0);
    expect(result.idleLimitMs).toBeLessThan(74);
  }
}, 60_000);
