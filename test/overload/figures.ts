/** Latencies, and what a process uses while it is looked at. */
import { readdirSync, readFileSync } from 'node:fs';
import { memory, processorTimeUs } from '../bench/process-figures.ts';
import type { CalmAnswer } from './calm.ts';

export interface Latency {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Each kind of failure, with how many there were. */
  readonly failures: Readonly<Record<string, number>>;
}

export function latencyOf(answers: readonly CalmAnswer[]): Latency {
  const good = answers.filter(({ failure }) => failure === '').map(({ tookMs }) => tookMs);
  good.sort((a, b) => a - b);
  const at = (share: number): number =>
    good[Math.min(good.length - 1, Math.ceil(good.length * share) - 1)] ?? Number.NaN;
  const failures: Record<string, number> = {};
  for (const { failure } of answers)
    if (failure !== '') failures[failure] = (failures[failure] ?? 0) + 1;
  return { count: answers.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1), failures };
}

export function failuresOf({ failures }: Latency): number {
  return Object.values(failures).reduce((sum, count) => sum + count, 0);
}

export interface Usage {
  readonly peakAnonymousKiB: number;
  readonly peakResidentKiB: number;
  readonly peakDescriptors: number;
  /** Share of one processor. */
  readonly processor: number;
}

/** Looks at a process ten times a second; at its descriptors less often, for ten thousand take a while to list. */
export class Watch {
  readonly #pid: number;
  readonly #timer: NodeJS.Timeout;
  readonly #beganMs = performance.now();
  readonly #processorUs: number;
  #processor: number | null = null;
  #looks = 0;
  #peakAnonymousKiB = 0;
  #peakResidentKiB = 0;
  #peakDescriptors = 0;

  constructor(pid: number) {
    this.#pid = pid;
    this.#processorUs = processorTimeUs(pid);
    this.#timer = setInterval(() => this.#look(), 100);
    this.#look();
  }

  #look(): void {
    try {
      const { anonymousKiB, residentKiB } = memory(this.#pid);
      this.#peakAnonymousKiB = Math.max(this.#peakAnonymousKiB, anonymousKiB);
      this.#peakResidentKiB = Math.max(this.#peakResidentKiB, residentKiB);
      if (this.#looks % 10 === 0)
        this.#peakDescriptors = Math.max(this.#peakDescriptors, descriptorsOf(this.#pid));
      this.#looks += 1;
    } catch {
      // It has ended: that is told elsewhere.
    }
  }

  /** The processor time is that until now; memory goes on being looked at. */
  endOfWork(): void {
    const seconds = (performance.now() - this.#beganMs) / 1_000;
    this.#processor = this.#isAlive
      ? (processorTimeUs(this.#pid) - this.#processorUs) / 1e6 / seconds
      : Number.NaN;
  }

  stop(): Usage {
    clearInterval(this.#timer);
    this.#look();
    if (this.#processor === null) this.endOfWork();
    return {
      peakAnonymousKiB: this.#peakAnonymousKiB,
      peakResidentKiB: this.#peakResidentKiB,
      peakDescriptors: this.#peakDescriptors,
      processor: this.#processor ?? Number.NaN,
    };
  }

  get #isAlive(): boolean {
    try {
      readFileSync(`/proc/${this.#pid}/stat`);
      return true;
    } catch {
      return false;
    }
  }
}

export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
