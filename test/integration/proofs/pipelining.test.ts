/** test/soak/pipelining.ts, shorter: every response belongs to its request, whatever the origin does. */
import { describe, expect, it } from 'vitest';
import { pipeliningRefusal } from '../../soak/pipelining/modes.ts';
import { type OriginKind, originKinds } from '../../soak/pipelining/origins.ts';
import { type Pipelining, pipeliningBreaches, runPipelining } from '../../soak/pipelining/run.ts';
import { skipReason, titled } from '../../support/program.ts';

const modes: readonly Pipelining[] = ['off', 'auto', 8];

/** Off is what every other suite runs with: two of them show that the proof holds there as well. */
function originsFor(pipelining: Pipelining): readonly OriginKind[] {
  if (pipelining !== 'off') return originKinds;
  return originKinds.filter(({ name }) => name === 'node' || name === 'hostile');
}

for (const pipelining of modes) {
  const refusal = pipelining === 'off' ? undefined : pipeliningRefusal(pipelining);
  const suite = `pipelining: ${pipelining}`;
  describe.skipIf(refusal !== undefined)(titled(suite, refusal), { concurrent: true }, () => {
    for (const origin of originsFor(pipelining)) {
      const reason = refusal === undefined ? skipReason(...origin.programs) : undefined;
      it.skipIf(reason !== undefined)(
        titled(`${origin.name}: nothing wrong, nothing lost, no POST sent twice`, reason),
        async () => {
          const result = await runPipelining({
            origin,
            pipelining,
            requests: 2_000,
            seed: 7,
            keepAliveClients: 64,
            oneRequestClients: 4,
            maxConnections: 8,
            limitMs: 30_000,
          });
          expect(result.examples).toEqual([]);
          expect(pipeliningBreaches(result, origin.isHostile)).toEqual([]);
          // Else this shows little: each way of framing was seen, as far as the origin knows it.
          const { length = 0, none = 0 } = result.framings;
          expect(Math.min(length, none)).toBeGreaterThan(0);
        },
        120_000,
      );
    }
  });
}
