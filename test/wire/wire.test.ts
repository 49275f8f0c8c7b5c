/** Runs each wire document whole, octet by octet, and cut in two at every place: the events must be the same. */
import { describe, expect, it } from 'vitest';
import { play, type Side } from './play.ts';
import { readWireCases, type WireCase } from './read-wire.ts';

/** Cutting a document of n octets in two everywhere costs n times n: long ones are cut at this many places. */
const MAX_CUTS = 300;

describe.each<Side>(['requests', 'responses'])('%s', (side) => {
  const cases = readWireCases(side);

  it('are told apart by their names', () => {
    const names = cases.map(({ document, name }) => `${document} ${name}`);
    expect(new Set(names).size).toBe(names.length);
  });

  describe.each([...new Set(cases.map(({ document }) => document))])('%s', (document) => {
    // One by one and not as a table, whose names vitest shortens: a name may end with the ids of requirements.
    for (const wire of cases.filter((each) => each.document === document)) {
      it(wire.name, () => {
        expectEvents(side, wire, { how: 'whole', cuts: [] });
        expectEvents(side, wire, { how: 'octet by octet', cuts: wire.bytes.keys() });
        for (const cut of places(wire.bytes.length))
          expectEvents(side, wire, { how: `cut at ${cut}`, cuts: [cut] });
      });
    }
  });
});

function places(length: number): number[] {
  const step = Math.max(1, Math.floor(length / MAX_CUTS));
  const found: number[] = [];
  for (let cut = 1; cut < length; cut += cut < 100 || cut > length - 100 ? 1 : step)
    found.push(cut);
  return found;
}

function expectEvents(
  side: Side,
  { bytes, settings, expected }: WireCase,
  { how, cuts }: { how: string; cuts: Iterable<number> },
): void {
  const events = play(side, { bytes, cuts, settings });
  const last = events.at(-1) ?? '';
  const wanted = expected.at(-1) ?? '';
  // A refusal is named by its kind and part of its cause.
  const [kind, part] = /^(refused [a-z-]+|malformed): (.*)$/.exec(wanted)?.slice(1) ?? [];
  const isRefusal = kind !== undefined && part !== undefined;
  const isMet = isRefusal && last.startsWith(`${kind}: `) && last.includes(part);
  expect([...events.slice(0, -1), isMet ? wanted : last], how).toEqual(expected);
}
