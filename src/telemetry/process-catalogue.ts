/** Every metric that belongs to no upstream: clients, configuration, build and process. */
import type { ClientRecorder } from './client-recorder.ts';
import { each, type Family, single, tally, valuesOf } from './family.ts';
import { gcKinds, turnStatistics } from './loop-meter.ts';
import type { ProcessFigures } from './process-figures.ts';

const reloadOutcomes = ['applied', 'unchanged', 'refused'] as const;
/** `refused`: the new configuration was wrong, and the old one stays in force. */
export type ReloadOutcome = (typeof reloadOutcomes)[number];

const drainAskers = ['signal', 'admin'] as const;
export type DrainAsker = (typeof drainAskers)[number];

interface ReloadNumbers {
  readonly byOutcome: { readonly [outcome in ReloadOutcome]: number };
  readonly lastSucceeded: boolean;
  readonly lastWallSeconds: number;
}

/** The whole process at the moment of a scrape. */
export interface ProcessReading {
  readonly client: ClientRecorder;
  readonly reloads: ReloadNumbers;
  readonly isDraining: boolean;
  readonly drains: { readonly [asker in DrainAsker]: number };
  readonly heldLogLines: number;
  readonly accessLines: { readonly written: number; readonly dropped: number };
  readonly figures: ProcessFigures;
}

export function processCatalogue(build: {
  readonly version: string;
  readonly node: string;
}): readonly Family<ProcessReading>[] {
  return [
    single(
      'gauge',
      'sidepool_client_connections',
      'Client connections that are open.',
      ({ client }) => client.opened - client.closed,
    ),
    single(
      'counter',
      'sidepool_client_connections_total',
      'Client connections accepted.',
      ({ client }) => client.opened,
    ),
    each('counter', 'sidepool_client_requests_total', 'Requests read, by HTTP version.', {
      keys: valuesOf('version', ['1.0', '1.1'] as const),
      read: ({ client }, { version }) =>
        version === '1.0' ? client.requests10 : client.requests11,
    }),
    each(
      'counter',
      'sidepool_client_refused_total',
      'Client connections closed unread, by reason.',
      {
        keys: valuesOf('reason', [
          'max-clients',
          'descriptors',
          'listener-share',
          'gave-way',
        ] as const),
        read: ({ client }, { reason }) => client.refused[reason],
      },
    ),
    each('counter', 'sidepool_client_bytes_total', 'Octets on client connections.', {
      keys: valuesOf('direction', ['received', 'sent'] as const),
      read: ({ client }, { direction }) =>
        direction === 'sent' ? client.sentBytes : client.receivedBytes,
    }),
    tally(
      'sidepool_faults_total',
      'Exchanges and requests that failed, by kind and side; without an upstream if none was chosen yet.',
      ({ client }) => client.faults,
    ),

    single(
      'gauge',
      'sidepool_config_last_reload_success',
      'Whether the last configuration that was read is in force.',
      ({ reloads }) => (reloads.lastSucceeded ? 1 : 0),
    ),
    single(
      'gauge',
      'sidepool_config_last_reload_timestamp_seconds',
      'When the configuration was last read.',
      ({ reloads }) => reloads.lastWallSeconds,
    ),
    each('counter', 'sidepool_config_reloads_total', 'Reloads of the configuration, by outcome.', {
      keys: valuesOf('outcome', reloadOutcomes),
      read: ({ reloads }, { outcome }) => reloads.byOutcome[outcome],
    }),
    single('gauge', 'sidepool_draining', 'Whether the gateway is draining.', ({ isDraining }) =>
      isDraining ? 1 : 0,
    ),
    each('counter', 'sidepool_drains_total', 'Drains that began, by who asked for them.', {
      keys: valuesOf('asked_by', drainAskers),
      read: ({ drains }, key) => drains[key.asked_by],
    }),
    single(
      'counter',
      'sidepool_log_lines_held_back_total',
      'Log lines not written because there were many of their kind in one second.',
      ({ heldLogLines }) => heldLogLines,
    ),
    each(
      'counter',
      'sidepool_access_log_lines_total',
      'Lines of the access log, handed over or dropped because standard output was too slow.',
      {
        keys: valuesOf('outcome', ['written', 'dropped'] as const),
        read: ({ accessLines }, { outcome }) => accessLines[outcome],
      },
    ),
    each('gauge', 'sidepool_build_info', 'Always 1; the labels tell the build.', {
      keys: [build],
      read: () => 1,
    }),

    single(
      'gauge',
      'sidepool_event_loop_utilization',
      'Share of the time since the last scrape that the event loop was busy, 0 to 1.',
      ({ figures }) => figures.loopUtilization,
    ),
    each(
      'gauge',
      'sidepool_event_loop_delay_seconds',
      'How long turns of the event loop took since the last scrape: what came meanwhile had to wait.',
      {
        keys: valuesOf('statistic', turnStatistics),
        read: ({ figures }, { statistic }) => figures.turnSeconds[statistic],
      },
    ),
    single(
      'gauge',
      'sidepool_heap_used_bytes',
      'JavaScript heap in use.',
      ({ figures }) => figures.heapUsedBytes,
    ),
    single(
      'gauge',
      'sidepool_heap_size_bytes',
      'JavaScript heap taken from the system, in use or not.',
      ({ figures }) => figures.heapSizeBytes,
    ),
    single(
      'gauge',
      'sidepool_heap_limit_bytes',
      'The most that the JavaScript heap can grow to; beyond it the process ends.',
      ({ figures }) => figures.heapLimitBytes,
    ),
    single(
      'counter',
      'sidepool_heap_allocated_bytes_total',
      'Octets allocated on the JavaScript heap.',
      ({ figures }) => figures.heapAllocatedBytes,
    ),
    single(
      'gauge',
      'sidepool_memory_external_bytes',
      'Buffers and other memory that objects hold outside of the JavaScript heap.',
      ({ figures }) => figures.externalBytes,
    ),
    each('counter', 'sidepool_gc_runs_total', 'Garbage collections, by kind.', {
      keys: valuesOf('kind', gcKinds),
      read: ({ figures }, { kind }) => figures.gc[kind].runs,
    }),
    each('counter', 'sidepool_gc_seconds_total', 'Time taken by garbage collection, by kind.', {
      keys: valuesOf('kind', gcKinds),
      read: ({ figures }, { kind }) => figures.gc[kind].seconds,
    }),
    single(
      'gauge',
      'sidepool_memory_anonymous_bytes',
      'Resident memory that belongs to this process alone, without files shared between pods.',
      ({ figures }) => figures.anonymousBytes,
    ),
    // Prometheus's own names for what any process has: dashboards know them.
    single(
      'counter',
      'process_cpu_seconds_total',
      'Processor time used, user and system.',
      ({ figures }) => figures.cpuSeconds,
    ),
    single(
      'gauge',
      'process_resident_memory_bytes',
      'Resident memory.',
      ({ figures }) => figures.residentBytes,
    ),
    single('gauge', 'process_open_fds', 'Open file descriptors.', ({ figures }) => figures.openFds),
    single(
      'gauge',
      'process_max_fds',
      'The most file descriptors that may be open.',
      ({ figures }) => figures.maxFds,
    ),
    single(
      'gauge',
      'process_start_time_seconds',
      'When the process started, in seconds since 1970.',
      ({ figures }) => figures.startWallSeconds,
    ),
  ];
}
