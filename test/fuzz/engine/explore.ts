/**
 * The search itself: change an input that went somewhere new, see where that goes, keep what went somewhere new again.
 *
 * As AFL and libFuzzer do it. A feature is a branch together with how often it was taken, in eight classes. For each
 * feature the shortest input that shows it is kept; an input that owns none any more is dropped.
 */
import type { Random } from '../../../src/base/clock.ts';
import { mutate } from '../mutate.ts';
import { type FuzzTarget, sortOf } from './target.ts';

export interface Exploration {
  readonly executions: number;
  readonly seconds: number;
  /** Counters that were not zero once; 0 when there are none. */
  readonly edges: number;
  readonly features: number;
  readonly corpus: readonly Buffer[];
  readonly found: Found | null;
}

export interface Found {
  readonly sort: string;
  readonly text: string;
  readonly input: Buffer;
}

export interface ExploreOptions {
  readonly target: FuzzTarget;
  /** Counted by the instrumented code; empty when it is not instrumented. */
  readonly counters: Uint32Array;
  readonly random: Random;
  readonly seeds: readonly Buffer[];
  readonly morsels: readonly string[];
  readonly isOver: (executions: number) => boolean;
  /** Told of each input before it is tried: should the trial never end, somebody else knows which it was. */
  readonly onTrial?: (input: Buffer) => void;
}

/** Time of its own that one trial may take, instrumented. */
const MOST_TRIAL_MS = 1000;

interface Entry {
  readonly input: Buffer;
  owned: number;
}

export function explore(options: ExploreOptions): Exploration {
  return new Explorer(options).explore();
}

class Explorer {
  readonly #options: ExploreOptions;
  readonly #owners = new Map<number, Entry>();
  readonly #seen: Uint8Array;
  #entries: Entry[] = [];
  #executions = 0;
  #found: Found | null = null;

  constructor(options: ExploreOptions) {
    this.#options = options;
    this.#seen = new Uint8Array(options.counters.length);
  }

  explore(): Exploration {
    const { seeds, isOver } = this.#options;
    const beganMs = performance.now();
    for (const seed of seeds) {
      this.#try(seed);
      if (this.#found !== null || isOver(this.#executions)) break;
    }
    // Without counters nothing is new: the seeds are all there is to change.
    if (this.#entries.length === 0)
      this.#entries = [...seeds, Buffer.alloc(0)].map((input) => ({ input, owned: 1 }));
    while (this.#found === null && !isOver(this.#executions)) this.#try(this.#changed());
    return {
      executions: this.#executions,
      seconds: (performance.now() - beganMs) / 1000,
      edges: this.#seen.reduce((sum, each) => sum + each, 0),
      features: this.#owners.size,
      corpus: this.#entries.map(({ input }) => input),
      found: this.#found,
    };
  }

  #changed(): Buffer {
    const { random, target, morsels } = this.#options;
    const inputs = this.#entries;
    // What came last is the least explored.
    const recent = random() < 0.5 ? Math.min(inputs.length, 1 + (inputs.length >> 2)) : 0;
    const from = recent === 0 ? 0 : inputs.length - recent;
    const entry = inputs[from + Math.floor(random() * (inputs.length - from))];
    const other = inputs[Math.floor(random() * inputs.length)];
    const changed = mutate(
      entry?.input ?? Buffer.alloc(0),
      other === undefined ? [] : [other.input],
      random,
      morsels,
    );
    const most = target.maxBytes ?? 8192;
    return changed.length > most ? changed.subarray(0, most) : changed;
  }

  #try(input: Buffer): void {
    const { target, counters, onTrial } = this.#options;
    onTrial?.(input);
    this.#executions += 1;
    counters.fill(0);
    const beganMs = performance.now();
    try {
      target.run(Buffer.from(input));
    } catch (error) {
      this.#note(error, input);
      return;
    }
    if (performance.now() - beganMs > MOST_TRIAL_MS && this.#isSlow(input)) {
      this.#note(new Error(`slow: a trial takes more than ${MOST_TRIAL_MS} ms`), input);
      return;
    }
    this.#learn(input);
  }

  /** Whether it is the input and not a busy machine. */
  #isSlow(input: Buffer): boolean {
    for (let again = 0; again < 3; again += 1) {
      const { user, system } = process.threadCpuUsage();
      this.#options.target.run(Buffer.from(input));
      const now = process.threadCpuUsage();
      if (now.user - user + now.system - system < MOST_TRIAL_MS * 1000) return false;
    }
    return true;
  }

  #note(error: unknown, input: Buffer): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#found = { sort: sortOf(error), text, input: Buffer.from(input) };
  }

  #learn(input: Buffer): void {
    const { counters } = this.#options;
    let entry: Entry | null = null;
    for (let index = 0; index < counters.length; index += 1) {
      const count = counters[index] as number;
      if (count === 0) continue;
      this.#seen[index] = 1;
      const feature = index * 8 + classOf(count);
      const owner = this.#owners.get(feature);
      if (owner !== undefined && owner.input.length <= input.length) continue;
      entry ??= { input: Buffer.from(input), owned: 0 };
      entry.owned += 1;
      this.#owners.set(feature, entry);
      if (owner !== undefined) owner.owned -= 1;
    }
    if (entry === null) return;
    this.#entries.push(entry);
    if (this.#entries.some(({ owned }) => owned === 0))
      this.#entries = this.#entries.filter(({ owned }) => owned > 0);
  }
}

/** 1, 2, 3, 4 to 7, 8 to 15, 16 to 31, 32 to 127, more. */
function classOf(count: number): number {
  if (count <= 3) return count - 1;
  if (count < 8) return 3;
  if (count < 16) return 4;
  if (count < 32) return 5;
  return count < 128 ? 6 : 7;
}

/** A shorter input of the same sort, found by leaving out ever smaller pieces. */
export function minimise(found: Found, target: FuzzTarget, isOver: () => boolean): Buffer {
  const shows = (input: Buffer): boolean => {
    try {
      target.run(Buffer.from(input));
      return false;
    } catch (error) {
      return sortOf(error) === found.sort;
    }
  };
  let best = found.input;
  if (!shows(best)) return best;
  for (let size = best.length >> 1; size > 0 && !isOver(); ) {
    let isShorter = false;
    for (let at = 0; at < best.length && !isOver(); ) {
      const tried = Buffer.concat([best.subarray(0, at), best.subarray(at + size)]);
      if (shows(tried)) {
        best = tried;
        isShorter = true;
      } else at += size;
    }
    if (size > 1 || !isShorter) size >>= 1;
  }
  return best;
}
