/**
 * What the process uses, read when scraped. prom-client's own collectors keep timers that wake an idle process a
 * hundred times a second; nothing here runs between scrapes, and what `loop-meter.ts` keeps wakes nobody.
 */
import { readdir, readFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { Clock } from '../base/clock.ts';
import { type GcKind, type GcNumbers, loopMeter, type TurnStatistic } from './loop-meter.ts';

/** A figure that this system does not tell is NaN. */
export interface ProcessFigures {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly anonymousBytes: number;
  readonly heapUsedBytes: number;
  readonly heapSizeBytes: number;
  readonly heapLimitBytes: number;
  readonly heapAllocatedBytes: number;
  /** Of buffers, and of whatever else objects hold outside of the heap. */
  readonly externalBytes: number;
  readonly openFds: number;
  readonly maxFds: number;
  readonly startWallSeconds: number;
  readonly loopUtilization: number;
  readonly turnSeconds: Readonly<Record<TurnStatistic, number>>;
  readonly gc: Readonly<Record<GcKind, GcNumbers>>;
}

export class ProcessMeter {
  readonly #startWallSeconds: number;
  #loop = performance.eventLoopUtilization();
  #utilization = 0;
  readonly #meter = loopMeter();

  constructor(clock: Clock) {
    this.#startWallSeconds = clock.wallSeconds() - process.uptime();
  }

  async read(): Promise<ProcessFigures> {
    const [status, limits, openFds] = await Promise.all([
      textOf('/proc/self/status'),
      textOf('/proc/self/limits'),
      countOf('/proc/self/fd'),
    ]);
    const { user, system } = process.cpuUsage();
    const heap = getHeapStatistics();
    return {
      cpuSeconds: (user + system) / 1e6,
      residentBytes: process.memoryUsage.rss(),
      anonymousBytes: numberIn(status, /^RssAnon:\s+(\d+) kB$/m) * 1024,
      heapUsedBytes: heap.used_heap_size,
      heapSizeBytes: heap.total_heap_size,
      heapLimitBytes: heap.heap_size_limit,
      heapAllocatedBytes: heap.total_allocated_bytes,
      externalBytes: heap.external_memory,
      openFds,
      maxFds: numberIn(limits, /^Max open files\s+(\d+)/m),
      startWallSeconds: this.#startWallSeconds,
      loopUtilization: this.#sinceLastRead(),
      turnSeconds: this.#meter.turns(),
      gc: this.#meter.gc,
    };
  }

  #sinceLastRead(): number {
    const loop = performance.eventLoopUtilization();
    const { active, idle, utilization } = performance.eventLoopUtilization(loop, this.#loop);
    this.#loop = loop;
    // Two scrapes in one turn of the loop have nothing between them: the last figure still says most.
    if (active + idle > 0) this.#utilization = utilization;
    return this.#utilization;
  }
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    // Not Linux, or /proc is hidden: the figure is left out.
    return '';
  }
}

async function countOf(directory: string): Promise<number> {
  try {
    const names = await readdir(directory);
    // One of them is the descriptor that reading the directory took.
    return names.length - 1;
  } catch {
    return Number.NaN;
  }
}

function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? Number.NaN);
}
