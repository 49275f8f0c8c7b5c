/** The pool dashboard: the clients of the sidecar, and the sidecar itself. */
import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { graph, row } from './parts.ts';
import { pods, rateOf, sumOf } from './queries.ts';

/** A figure of the process: others in the pod have metrics of the same names. */
function ofProcess(expr: string): string {
  return `sum(${expr} and on (job, instance) sidepool_build_info{${pods}})`;
}

export function addSidecar(builder: DashboardBuilder): void {
  builder
    .withRow(row('Clients'))
    .withPanel(
      graph({
        title: 'Client connections',
        description: 'Open, over all listeners of the pod.',
        unit: 'short',
        queries: [{ expr: sumOf('sidepool_client_connections', pods), legend: 'open' }],
      }),
    )
    .withPanel(
      graph({
        title: 'Requests read, by version',
        description:
          'And connections accepted: as many as requests means one request a connection.',
        unit: 'cps',
        queries: [
          {
            expr: rateOf('sidepool_client_requests_total', pods, ['version']),
            legend: 'HTTP/{{version}}',
          },
          { expr: rateOf('sidepool_client_connections_total', pods), legend: 'connections' },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Refused connections',
        description: 'Client connections closed unread: see limits.maxClients.',
        unit: 'cps',
        queries: [
          {
            expr: rateOf('sidepool_client_refused_total', pods, ['reason']),
            legend: '{{reason}}',
          },
        ],
      }),
    );

  builder
    .withRow(row('The sidecar itself'))
    .withPanel(
      graph({
        title: 'Processor time',
        description: 'Processors in use, and the share of time that the event loop was busy.',
        unit: 'percentunit',
        queries: [
          {
            expr: ofProcess(`rate(process_cpu_seconds_total{${pods}}[$__rate_interval])`),
            legend: 'processors',
          },
          { expr: `max(sidepool_event_loop_utilization{${pods}})`, legend: 'loop busy' },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Event-loop delay',
        description:
          'How long turns of the loop took: what came meanwhile had to wait. Above some 50 ms the sidecar is what makes requests slow, or it is throttled: look at its CPU limit.',
        unit: 's',
        limits: { warn: 0.05, bad: 0.2 },
        queries: [
          {
            expr: `max by (statistic) (sidepool_event_loop_delay_seconds{${pods}})`,
            legend: '{{statistic}}',
          },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Garbage collection',
        description: 'Share of the time, by kind.',
        unit: 'percentunit',
        limits: { warn: 0.05, bad: 0.2 },
        queries: [
          { expr: rateOf('sidepool_gc_seconds_total', pods, ['kind']), legend: '{{kind}}' },
          {
            expr: `${rateOf('sidepool_gc_runs_total', pods)} / 1000`,
            legend: 'thousands of runs a second',
          },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Memory',
        description: 'Resident, of its own, and the JavaScript heap.',
        unit: 'bytes',
        queries: [
          { expr: ofProcess(`process_resident_memory_bytes{${pods}}`), legend: 'resident' },
          { expr: sumOf('sidepool_memory_anonymous_bytes', pods), legend: 'of its own' },
          { expr: sumOf('sidepool_heap_size_bytes', pods), legend: 'heap taken' },
          { expr: sumOf('sidepool_heap_used_bytes', pods), legend: 'heap used' },
          { expr: sumOf('sidepool_memory_external_bytes', pods), legend: 'buffers' },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Descriptors',
        description: 'Open file descriptors, of those allowed.',
        unit: 'percentunit',
        limits: { warn: 0.7, bad: 0.9 },
        max: 1,
        queries: [
          {
            expr: `max(process_open_fds{${pods}} / process_max_fds{${pods}} and on (job, instance) sidepool_build_info{${pods}})`,
            legend: 'open',
          },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Log lines held back',
        description: 'Not written because there were many of their kind in one second.',
        unit: 'cps',
        queries: [
          { expr: rateOf('sidepool_log_lines_held_back_total', pods), legend: 'held back' },
        ],
      }),
    );
}
