/**
 * Fuzzes the codec: wire documents, spoilt by chance, cut by chance.
 *
 *   node test/fuzz/codec.ts --seconds 60 [--seed 7]
 *
 * Prints how many trials were made and each finding with the octets that show it; ends with 1 if there is any.
 */
import { parseArgs } from 'node:util';
import { seeded } from '../../src/base/clock.ts';
import { escapeText } from '../wire/escapes.ts';
import type { Side } from '../wire/play.ts';
import { readWireCases } from '../wire/read-wire.ts';
import { check } from './codec-oracle.ts';
import { mutate, randomCuts } from './mutate.ts';

const MAX_FINDINGS = 10;
/** A trial that takes longer has found a way to make the codec slow. */
const MAX_TRIAL_MS = 500;

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, seed: { type: 'string' } },
});
const seed = values.seed === undefined ? Date.now() % 2 ** 32 : Number(values.seed);
const random = seeded(seed);
const sides: readonly Side[] = ['requests', 'responses'];
const corpus = { requests: readWireCases('requests'), responses: readWireCases('responses') };
const octets = {
  requests: corpus.requests.map(({ bytes }) => bytes),
  responses: corpus.responses.map(({ bytes }) => bytes),
};

const begunMs = performance.now();
const endMs = begunMs + Number(values.seconds) * 1000;
const findings = new Map<string, string>();
let trials = 0;
while (performance.now() < endMs && findings.size < MAX_FINDINGS) {
  const side = sides[trials % 2] as Side;
  const wire = corpus[side][Math.floor(random() * corpus[side].length)];
  if (wire === undefined) continue;
  // Documents with limits of their own would only say that the limits hold.
  const settings = new Map(
    [...wire.settings].filter(([key]) => /^(?:method|eof|pipelined)$/.test(key)),
  );
  if (random() < 0.3) settings.set('pipelined', '');
  const bytes = mutate(wire.bytes, octets[side], random);
  const cuts = randomCuts(bytes.length, random);
  const trialBegunMs = performance.now();
  const found = check({ side, bytes, cuts, settings });
  const tookMs = performance.now() - trialBegunMs;
  if (tookMs > MAX_TRIAL_MS) found.push(`slow: a trial took ${Math.round(tookMs)} ms`);
  for (const finding of found) {
    // One of each sort: the first line, without its numbers and stack.
    const sort = finding.split('\n', 1)[0]?.replaceAll(/\d+/g, 'N') ?? '';
    if (findings.has(sort)) continue;
    const shown = [...settings].map(([key, value]) => `${key}=${value}`).join(' ');
    findings.set(
      sort,
      `${finding}\nin ${wire.document} "${wire.name}", ${side} ${shown}, cut at ${cuts.slice(0, 20).join(' ')}\n${escapeText(bytes.toString('latin1'))}`,
    );
  }
  trials += 1;
}

for (const finding of findings.values()) console.log(`FINDING ${finding}\n`);
const seconds = (performance.now() - begunMs) / 1000;
console.log(
  `${trials} trials in ${seconds.toFixed(1)} s with seed ${seed}: ${findings.size} sorts of findings`,
);
process.exitCode = findings.size === 0 ? 0 : 1;
