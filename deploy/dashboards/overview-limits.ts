/** The overview: what may run out, what the sidecars cost, and what changes. */
import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { graph, row } from './parts.ts';
import { pods, rateOf, sumOf, upstreams } from './queries.ts';

export function addLimits(builder: DashboardBuilder): void {
  builder
    .withRow(row('Will something run out?'))
    .withPanel(
      graph({
        title: 'Source ports, the fullest',
        description:
          'Share of the source ports taken towards the endpoint that has the most; the ten pods with most. At 1 no new connection can be made. A NAT gateway on the way has a budget of its own.',
        unit: 'percentunit',
        limits: { warn: 0.5, bad: 0.8 },
        max: 1,
        queries: [
          {
            expr: `topk(10, sidepool_upstream_source_ports_used_ratio{${upstreams}})`,
            legend: '{{namespace}}/{{pod}} {{upstream}}',
          },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Connections in use, of the limit',
        description:
          'Active connections as a share of pool.maxConnections; the ten with most. At 1 requests wait.',
        unit: 'percentunit',
        limits: { warn: 0.8, bad: 1 },
        max: 1,
        queries: [
          {
            expr: `topk(10, sum by (namespace, pod, upstream) (sidepool_upstream_connections{${upstreams},state="active"}) / sum by (namespace, pod, upstream) (sidepool_upstream_connections_limit{${upstreams}}))`,
            legend: '{{namespace}}/{{pod}} {{upstream}}',
          },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Descriptors, of the limit',
        description: 'Open file descriptors as a share of what is allowed; the ten pods with most.',
        unit: 'percentunit',
        limits: { warn: 0.7, bad: 0.9 },
        max: 1,
        queries: [
          {
            expr: `topk(10, process_open_fds{${pods}} / process_max_fds{${pods}} and on (job, instance) sidepool_build_info{${pods}})`,
            legend: '{{namespace}}/{{pod}}',
          },
        ],
      }),
    )
    .withRow(row('What does it cost?'))
    .withPanel(
      graph({
        title: 'Processor time',
        description: 'Processors in use by all sidecars, and by the one that uses most.',
        unit: 'short',
        queries: [
          {
            expr: `sum(rate(process_cpu_seconds_total{${pods}}[$__rate_interval]) and on (job, instance) sidepool_build_info{${pods}})`,
            legend: 'all',
          },
          {
            expr: `max(rate(process_cpu_seconds_total{${pods}}[$__rate_interval]) and on (job, instance) sidepool_build_info{${pods}})`,
            legend: 'the most of one',
          },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Memory of its own',
        description:
          'Resident memory that belongs to the sidecar alone: the mean, and the one that has most. Files that pods of a node share are not in it.',
        unit: 'bytes',
        queries: [
          { expr: `avg(sidepool_memory_anonymous_bytes{${pods}})`, legend: 'mean' },
          { expr: `max(sidepool_memory_anonymous_bytes{${pods}})`, legend: 'the most of one' },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Versions',
        description: 'Sidecars by version: while injected pods are replaced there are two.',
        unit: 'short',
        isStacked: true,
        queries: [
          { expr: `count by (version) (sidepool_build_info{${pods}})`, legend: '{{version}}' },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Reloads, by outcome',
        description:
          'Configurations read. A refused one leaves the old one in force; the log (event reload) tells what is wrong.',
        unit: 'cps',
        queries: [
          {
            expr: rateOf('sidepool_config_reloads_total', pods, ['outcome']),
            legend: '{{outcome}}',
          },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Configurations refused',
        description: 'Sidecars whose last configuration was refused.',
        unit: 'short',
        limits: { warn: 1, bad: 2 },
        queries: [
          {
            expr: `count(sidepool_config_last_reload_success{${pods}}) - sum(sidepool_config_last_reload_success{${pods}})`,
            legend: 'refused',
          },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Draining',
        description: 'Sidecars that are draining, and drains that began.',
        unit: 'short',
        queries: [
          { expr: sumOf('sidepool_draining', pods), legend: 'draining' },
          {
            expr: `sum by (asked_by) (increase(sidepool_drains_total{${pods}}[$__rate_interval]))`,
            legend: 'began ({{asked_by}})',
          },
        ],
      }),
    );
}
