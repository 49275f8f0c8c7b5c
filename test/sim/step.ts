/** What may happen next. A step says what kind of thing, and a number from which all of its choices follow. */
import type { Random } from '../../src/base/clock.ts';

/** How often each happens, unless a seed has it otherwise. */
export const stepWeights = {
  // The loop, the network and time.
  turn: 30,
  'turn-race': 5,
  arrive: 10,
  pass: 8,
  'pass-long': 0.6,
  stall: 0.4,
  wall: 0.1,
  // Clients.
  'client-new': 5,
  'client-send': 6,
  'client-send-all': 10,
  'client-burst': 1,
  'client-read': 4,
  'client-deaf': 0.6,
  'client-hears': 2,
  'client-fin': 0.6,
  'client-reset': 0.4,
  'client-close': 1,
  'client-tunnel': 1,
  // Dials and hosts.
  dial: 20,
  'dial-fails': 0.8,
  host: 0.5,
  // Origins.
  'origin-serve': 14,
  'origin-read': 4,
  'origin-answer': 5,
  'origin-send': 8,
  'origin-continue': 1,
  'origin-fin': 0.8,
  'origin-close': 0.4,
  'origin-reset': 0.6,
  'origin-stray': 0.3,
  'origin-double': 0.5,
  'origin-deaf': 0.4,
  'origin-tunnel': 1,
  // Administration.
  policy: 0.2,
  pools: 0.15,
  listener: 0.1,
  endpoints: 0.3,
  'resolve-fails': 0.1,
  drain: 0.02,
} as const;

export type StepKind = keyof typeof stepWeights;

export interface Step {
  readonly kind: StepKind;
  readonly r: number;
}

const kinds = Object.keys(stepWeights) as StepKind[];
/** Without these nothing ever happens. */
const needed: ReadonlySet<StepKind> = new Set(['turn', 'client-new', 'dial']);

/**
 * A schedule. Each seed has tastes of its own: some things happen more often, some never, so that what is rare together
 * comes up somewhere.
 */
export function makeSchedule(count: number, random: Random): Step[] {
  const bounds: number[] = [];
  let sum = 0;
  for (const kind of kinds) {
    const taste = random();
    const factor = taste < 0.15 && !needed.has(kind) ? 0 : taste < 0.3 ? 0.3 : taste < 0.85 ? 1 : 3;
    sum += stepWeights[kind] * factor;
    bounds.push(sum);
  }
  const steps: Step[] = [];
  while (steps.length < count) {
    const at = random() * sum;
    const index = bounds.findIndex((bound) => at < bound);
    steps.push({ kind: kinds[index] as StepKind, r: Math.floor(random() * 2 ** 32) });
  }
  return steps;
}
