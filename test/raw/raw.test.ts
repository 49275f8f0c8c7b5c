/** Every wire document through the whole gateway: what it makes of the octets is what the document says. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Side } from '../wire/play.ts';
import { readWireCases, type WireCase } from '../wire/read-wire.ts';
import { describeRequestOutcome, expectedOf, playRequest } from './play-request.ts';
import { describeResponseOutcome, playResponse } from './play-response.ts';
import { type GatewayStage, hasOutcome, startGatewayStage } from './stage.ts';

let stage: GatewayStage;
beforeAll(async () => {
  stage = await startGatewayStage();
});
afterAll(() => stage.stop());

const cases = {
  requests: readWireCases('requests').filter(hasOutcome),
  responses: readWireCases('responses').filter(hasOutcome),
};

describe.each<Side>(['requests', 'responses'])('%s', (side) => {
  it('have an outcome each, and the sections that govern it', () => {
    const lacking = cases[side].filter(
      ({ outcome }) => !/^\d{4} \d[\d.]*(?:, \d{4} \d[\d.]*)*$/.test(outcome?.sections ?? ''),
    );
    expect(lacking.map(({ document, name }) => `${document} ${name}`)).toEqual([]);
  });

  it('are many, and most are malformed or doubtful', () => {
    const refused = cases[side].filter(({ outcome }) =>
      outcome?.lines.some((line) => /^(?:refused|cut|closed|upstream closed)/.test(line)),
    );
    expect(refused.length).toBeGreaterThan(side === 'requests' ? 300 : 120);
  });

  const documents = [...new Set(cases[side].map(({ document }) => document))];
  describe.each(documents)('%s', (document) => {
    it.each(cases[side].filter((each) => each.document === document))('$name', async (wire) => {
      const lines = side === 'requests' ? await request(wire) : await response(wire);
      expect(lines).toEqual(wire.outcome?.lines);
    });
  });
});

async function request(wire: WireCase): Promise<string[]> {
  const outcome = await playRequest(wire, stage, expectedOf(wire));
  // Whatever went on has one reading, document or not.
  expect(outcome.sent.flatMap(({ unclear }) => unclear)).toEqual([]);
  expect(outcome.wrong).toBeNull();
  return describeRequestOutcome(outcome, stage.origin.port);
}

async function response(wire: WireCase): Promise<string[]> {
  const outcome = await playResponse(wire, stage);
  expect(outcome.unclear).toEqual([]);
  expect(outcome.wrong).toBeNull();
  expect(outcome.next).toBe('own');
  return describeResponseOutcome(wire, outcome);
}
