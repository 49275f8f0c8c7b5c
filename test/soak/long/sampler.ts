/** Looks at the gateway every few seconds: from outside by /proc, by its metrics, and by the probe inside it. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { memory, processorTimeUs } from '../../bench/process-figures.ts';
import type { RunningGateway } from '../../support/gateway.ts';
import { type Metrics, sumOf } from '../../support/metrics.ts';

export interface Series {
  readonly name: string;
  readonly unit: string;
  /** What a slope must not exceed with confidence, in an hour; null where a slope says nothing. */
  readonly mostPerHour: number | null;
  readonly why: string;
}

const MiB = 1024 * 1024;

export const series = {
  anonymous: {
    name: 'anonymous memory (RssAnon)',
    unit: 'MiB',
    mostPerHour: 2,
    why: 'about 500,000 exchanges an hour: 2 MiB would be 4 octets for each',
  },
  resident: {
    name: 'resident memory (VmRSS)',
    unit: 'MiB',
    mostPerHour: 4,
    why: 'the same, and pages of the binary that are read in as they are used',
  },
  heapUsed: {
    name: 'JavaScript heap in use',
    unit: 'MiB',
    mostPerHour: 1,
    why: '2 octets for each exchange',
  },
  external: {
    name: 'buffers outside the heap',
    unit: 'MiB',
    mostPerHour: 1,
    why: 'buffers belong to connections, and those come and go',
  },
  malloced: {
    name: "V8's own memory (malloced)",
    unit: 'MiB',
    mostPerHour: 1,
    why: 'nothing is compiled for ever',
  },
  descriptors: {
    name: 'descriptors',
    unit: '',
    mostPerHour: 4,
    why: 'every client connection, upstream connection and reload that leaked one would show as hundreds',
  },
  resources: {
    name: 'active resources of the loop (handles and requests)',
    unit: '',
    mostPerHour: 4,
    why: 'as for descriptors',
  },
  timers: {
    name: 'timers of the loop',
    unit: '',
    mostPerHour: 1,
    why: 'all deadlines share one wheel, which has one timer',
  },
  contexts: {
    name: 'contexts of V8, detached ones too',
    unit: '',
    mostPerHour: 0.5,
    why: 'there is one',
  },
  clients: {
    name: 'client connections',
    unit: '',
    mostPerHour: 4,
    why: 'the load is the same all the time',
  },
  connections: {
    name: 'upstream connections',
    unit: '',
    mostPerHour: 4,
    why: 'the load is the same all the time',
  },
  active: {
    name: 'exchanges under way',
    unit: '',
    mostPerHour: 4,
    why: 'the load is the same all the time',
  },
  waiting: { name: 'requests that wait', unit: '', mostPerHour: 1, why: 'nobody waits for ever' },
  idleLimit: {
    name: 'least idle limit in force',
    unit: 's',
    mostPerHour: null,
    why: 'falls when something is learned, rises to 60 s again',
  },
  budgetSpent: {
    name: 'retries refused by the budget, so far',
    unit: '',
    mostPerHour: null,
    why: 'a count',
  },
  processor: {
    name: 'processor time for each second',
    unit: 'ms',
    mostPerHour: 10,
    why: 'the same work costs the same: nothing is searched that grows',
  },
} as const satisfies Readonly<Record<string, Series>>;

export type SeriesKey = keyof typeof series;
export const seriesKeys = Object.keys(series) as SeriesKey[];

export type Sample = { readonly atMs: number } & Readonly<Record<SeriesKey, number>>;

export class Sampler {
  readonly samples: Sample[] = [];
  /** Scrapes that failed, in words: an admin server that does not answer is a finding. */
  readonly failures: string[] = [];
  readonly #gateway: RunningGateway;
  readonly #probePath: string;
  readonly #everyMs: number;
  readonly #running: Promise<void>;
  #isStopping = false;
  #last = { atMs: 0, processorUs: 0 };

  constructor(gateway: RunningGateway, probePath: string, everyMs = 5_000) {
    this.#gateway = gateway;
    this.#probePath = probePath;
    this.#everyMs = everyMs;
    this.#running = this.#run();
  }

  stop(): Promise<void> {
    this.#isStopping = true;
    return this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      const beganMs = performance.now();
      try {
        this.samples.push(await this.#look());
      } catch (error) {
        if (this.#gateway.process.exit !== undefined) return;
        this.failures.push(String(error));
      }
      await sleep(Math.max(0, this.#everyMs - (performance.now() - beganMs)));
    }
  }

  async #look(): Promise<Sample> {
    const { pid } = this.#gateway;
    // Answered within the turn; it is read after the scrape, which takes longer.
    this.#gateway.process.signal('SIGUSR2');
    const metrics = await this.#gateway.metrics();
    const probe = this.#probe();
    const { anonymousKiB, residentKiB } = memory(pid);
    const atMs = performance.now();
    const processorUs = processorTimeUs(pid);
    const before = this.#last;
    this.#last = { atMs, processorUs };
    const seconds = (atMs - before.atMs) / 1_000;
    return {
      atMs,
      anonymous: anonymousKiB / 1024,
      resident: residentKiB / 1024,
      heapUsed: sumOf(metrics, 'sidepool_heap_used_bytes') / MiB,
      external: probe.external / MiB,
      malloced: probe.malloced / MiB,
      descriptors: readdirSync(`/proc/${pid}/fd`).length,
      resources: probe.resources,
      timers: probe.timers,
      contexts: probe.contexts,
      clients: sumOf(metrics, 'sidepool_client_connections'),
      connections: sumOf(metrics, 'sidepool_upstream_connections'),
      active: sumOf(metrics, 'sidepool_upstream_active_requests'),
      waiting: sumOf(metrics, 'sidepool_upstream_waiting'),
      idleLimit: leastOf(metrics, 'sidepool_upstream_idle_limit_seconds'),
      budgetSpent: sumOf(metrics, 'sidepool_upstream_retries_total', { outcome: 'budget-spent' }),
      processor:
        before.atMs === 0 ? Number.NaN : (processorUs - before.processorUs) / 1e3 / seconds,
    };
  }

  #probe(): Probe {
    try {
      return JSON.parse(readFileSync(this.#probePath, 'utf8'));
    } catch {
      return nothing;
    }
  }
}

/** What probe.cjs writes. */
interface Probe {
  readonly resources: number;
  readonly timers: number;
  readonly contexts: number;
  readonly external: number;
  readonly malloced: number;
}

const nothing: Probe = {
  resources: Number.NaN,
  timers: Number.NaN,
  contexts: Number.NaN,
  external: Number.NaN,
  malloced: Number.NaN,
};

function leastOf(metrics: Metrics, name: string): number {
  let least = Number.POSITIVE_INFINITY;
  for (const [key, value] of metrics) if (key.startsWith(name)) least = Math.min(least, value);
  return least;
}
