/** A short form with a fixed seed; `node test/differential/run.ts` is the long one. */
import { describe, expect, it, vi } from 'vitest';
import { skipReason, titled } from '../support/program.ts';
import { clientKinds } from './clients/driver.ts';
import { originKinds } from './origins/catalogue.ts';
import { RequestCampaign } from './request-campaign.ts';
import { ResponseCampaign } from './response-campaign.ts';

vi.setConfig({ testTimeout: 120_000 });

const seed = 20_260_101;
/** To compile or to install takes longer than all the rest: these are for the long form. */
const inShort = ({ name }: { readonly name: string }) => name !== 'go' && name !== 'gunicorn';

describe('requests by grammar', () => {
  for (const kind of originKinds.filter(inShort)) {
    const reason = skipReason(...kind.programs);
    it.skipIf(reason !== undefined)(
      titled(`are read by ${kind.name} as they were sent`, reason),
      async () => {
        const campaign = await RequestCampaign.start(kind, seed);
        try {
          for (let batch = 0; batch < 2; batch += 1) await campaign.batch(150);
        } finally {
          await campaign.end();
        }
        expect(campaign.findings).toEqual([]);
        // Else it would guard nothing: most went on, many were refused.
        expect(campaign.figures.sent).toBeGreaterThan(200);
        expect(campaign.figures.read).toBeGreaterThan(150);
        expect(campaign.figures.refused).toBeGreaterThan(30);
      },
    );
  }
});

describe('responses by grammar', () => {
  for (const kind of clientKinds.filter(inShort)) {
    const reason = skipReason(...kind.programs);
    it.skipIf(reason !== undefined)(
      titled(`are given to ${kind.name} as they were meant, or not at all`, reason),
      async () => {
        const campaign = await ResponseCampaign.start(kind, seed);
        try {
          await campaign.batch(200);
        } finally {
          await campaign.end();
        }
        expect(campaign.findings).toEqual([]);
        expect(campaign.kinds.given).toBeGreaterThan(80);
        expect(campaign.kinds.refused + campaign.kinds.cut).toBeGreaterThan(10);
      },
    );
  }
});
