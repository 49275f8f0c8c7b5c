/**
 * What the event loop and the garbage collector do, without waking an idle process.
 *
 * A monitor by timer, which is the usual one, wakes a process a hundred times a second. This one takes the length of each
 * turn of the loop as it goes by (115 ns each, measured) and none while there is nothing to do. Collections come a few
 * dozen times a second under full load, and telling of one costs some 30 us: one or two thousandths of the processor.
 *
 * There is one loop and one heap in a process, so there is one meter, made when it is first asked for.
 */
import {
  constants,
  monitorEventLoopDelay,
  type PerformanceEntry,
  PerformanceObserver,
} from 'node:perf_hooks';

export const turnStatistics = ['mean', 'p99', 'max'] as const;
export type TurnStatistic = (typeof turnStatistics)[number];

export const gcKinds = ['minor', 'major', 'incremental', 'weak-callbacks'] as const;
export type GcKind = (typeof gcKinds)[number];

export interface GcNumbers {
  runs: number;
  seconds: number;
}

/** What the type of entries leaves out. */
interface GcEntry extends PerformanceEntry {
  readonly detail: { readonly kind: number };
}

export class LoopMeter {
  readonly gc: Readonly<Record<GcKind, GcNumbers>> = {
    minor: { runs: 0, seconds: 0 },
    major: { runs: 0, seconds: 0 },
    incremental: { runs: 0, seconds: 0 },
    'weak-callbacks': { runs: 0, seconds: 0 },
  };
  readonly #turns = monitorEventLoopDelay({ samplePerIteration: true });
  readonly #collections = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) this.#onCollected(entry as GcEntry);
  });
  #last: Readonly<Record<TurnStatistic, number>> = { mean: 0, p99: 0, max: 0 };

  constructor() {
    this.#turns.enable();
    // What it takes for the first turn began before it was there.
    setImmediate(() => this.#turns.reset());
    this.#collections.observe({ entryTypes: ['gc'] });
  }

  /** Seconds that turns of the loop took since this was last asked. */
  turns(): Readonly<Record<TurnStatistic, number>> {
    const turns = this.#turns;
    // Two scrapes in one turn of the loop have nothing between them: the last figure still says most.
    if (turns.count > 0) {
      this.#last = {
        mean: turns.mean / 1e9,
        p99: turns.percentile(99) / 1e9,
        max: turns.max / 1e9,
      };
      turns.reset();
    }
    return this.#last;
  }

  #onCollected({ detail, duration }: GcEntry): void {
    const numbers = this.gc[kindOf(detail.kind)];
    numbers.runs += 1;
    numbers.seconds += duration / 1000;
  }
}

function kindOf(kind: number): GcKind {
  if (kind === constants.NODE_PERFORMANCE_GC_MINOR) return 'minor';
  if (kind === constants.NODE_PERFORMANCE_GC_MAJOR) return 'major';
  if (kind === constants.NODE_PERFORMANCE_GC_INCREMENTAL) return 'incremental';
  return 'weak-callbacks';
}

let meter: LoopMeter | null = null;

export function loopMeter(): LoopMeter {
  meter ??= new LoopMeter();
  return meter;
}
