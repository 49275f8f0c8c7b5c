/**
 * Explores one target in a thread of its own, so that a trial that never ends, or takes all memory, can be ended from
 * outside. Loads a bundle; tells of each trial in shared memory and of the outcome in a message.
 */
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { seeded } from '../../src/base/clock.ts';
import { type Exploration, explore, minimise } from './engine/explore.ts';
import type { FuzzTarget } from './engine/target.ts';
import { morsels } from './mutate.ts';

export interface WorkerTask {
  readonly bundle: string;
  readonly counters: number;
  readonly literals: readonly string[];
  readonly seed: number;
  readonly milliseconds: number;
  /** The target's own too: reading them from files is for the other thread. */
  readonly seeds: readonly Uint8Array[];
  readonly shared: SharedArrayBuffer;
}

export interface WorkerResult extends Exploration {
  readonly minimised: Uint8Array | null;
}

/** Shared memory: trials begun, length of the input, the input. */
export const HEADER_BYTES = 8;
export const SHARED_BYTES = HEADER_BYTES + 128 * 1024;

/** The target's own words as often as all the others together. */
function dictionary(usual: readonly string[], own: readonly string[]): string[] {
  const times = own.length === 0 ? 0 : Math.ceil(usual.length / own.length);
  return [...usual, ...Array.from({ length: times }, () => own).flat()];
}

if (parentPort !== null) {
  const task = workerData as WorkerTask;
  const numbers = new Int32Array(task.shared, 0, 2);
  const octets = new Uint8Array(task.shared, HEADER_BYTES);
  const counters = new Uint32Array(task.counters);
  Object.assign(globalThis, { fuzzCounters: counters });
  const { target } = createRequire(import.meta.url)(task.bundle) as { target: FuzzTarget };
  const endMs = performance.now() + task.milliseconds;
  const explored = explore({
    target,
    counters,
    random: seeded(task.seed),
    seeds: task.seeds.map((seed) => Buffer.from(seed)),
    morsels: dictionary([...morsels, ...task.literals], target.morsels ?? []),
    isOver: (executions) => executions % 16 === 0 && performance.now() >= endMs,
    onTrial: (input) => {
      numbers[1] = input.length;
      octets.set(input.subarray(0, octets.length));
      Atomics.add(numbers, 0, 1);
    },
  });
  const untilMs = performance.now() + 10_000;
  const minimised =
    explored.found === null
      ? null
      : minimise(explored.found, target, () => performance.now() > untilMs);
  parentPort.postMessage({ ...explored, minimised } satisfies WorkerResult);
}
