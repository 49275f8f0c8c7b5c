/** The restarts of test/soak/origin-restarts.ts, shorter: one stop of each kind for each method. */
import { describe, expect, it } from 'vitest';
import { restartBreaches, restarts } from '../../soak/restarts.ts';
import { skipReason, titled } from '../../support/program.ts';

const reason = skipReason('nginx');

describe.skipIf(reason !== undefined)(
  titled('nginx stopped for a second under 200 requests a second', reason),
  () => {
    it.concurrent.each([
      ['GET', 'SIGTERM'],
      ['GET', 'SIGKILL'],
      ['POST', 'SIGTERM'],
      ['POST', 'SIGKILL'],
    ] as const)(
      '%s, %s: nothing is lost but POSTs under way, and their callers are told',
      async (method, signal) => {
        const result = await restarts({
          method,
          signal,
          stops: 1,
          perSecond: 200,
          downMs: 1_000,
          upMs: 1_000,
        });
        expect(restartBreaches(result)).toEqual([]);
        // Else nothing was under way, and nothing was shown.
        expect(result.dialsFailed).toBeGreaterThan(0);
        expect(result.sent).toBe(600);
      },
      30_000,
    );
  },
);
