/** The pool dashboard: connections, and what their reuse saves. */
import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { graph, row } from './parts.ts';
import { quantileOf, rateOf, shareOf, spreadOf, sumOf, upstreams } from './queries.ts';

const u = 'sidepool_upstream';
const requests = `${u}_requests_total`;

export function addConnections(builder: DashboardBuilder): void {
  builder
    .withRow(row('Connections'))
    .withPanel(
      graph({
        title: 'Connections, by state',
        description: 'Over all endpoints. Tunnels are not counted for the limit.',
        unit: 'short',
        isStacked: true,
        queries: [{ expr: sumOf(`${u}_connections`, upstreams, ['state']), legend: '{{state}}' }],
      }),
    )
    .withPanel(
      graph({
        title: 'In use, of the limit',
        description: 'Active connections as a share of pool.maxConnections. At 1 requests wait.',
        unit: 'percentunit',
        limits: { warn: 0.8, bad: 1 },
        max: 1,
        queries: [
          {
            expr: shareOf(
              sumOf(`${u}_connections`, `${upstreams},state="active"`),
              sumOf(`${u}_connections_limit`, upstreams),
            ),
            legend: 'in use',
          },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Warm floor',
        description:
          'Idle connections wanted, and those that are there and well inside their idle limit. "Had" below "wanted" for long: dials fail, or the upstream closes them.',
        unit: 'short',
        queries: [
          { expr: sumOf(`${u}_warm_wanted`, upstreams), legend: 'wanted' },
          { expr: sumOf(`${u}_warm_ready`, upstreams), legend: 'had' },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Opened',
        description: 'Connections made, and dials that failed, by fault.',
        unit: 'cps',
        queries: [
          { expr: rateOf(`${u}_connections_opened_total`, upstreams), legend: 'opened' },
          {
            expr: rateOf(`${u}_dials_failed_total`, upstreams, ['kind']),
            legend: 'failed: {{kind}}',
          },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Closed, by reason',
        description:
          'With idle-closed-by-upstream its idle limit is shorter than ours. not-reusable: it said so, or its response had no length. fault: under a request.',
        unit: 'cps',
        isStacked: true,
        queries: [
          {
            expr: rateOf(`${u}_connections_closed_total`, upstreams, ['reason']),
            legend: '{{reason}}',
          },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Time to connect, half and 99 of 100',
        description: 'By phase. This is what each request would pay without the pool.',
        unit: 's',
        queries: [
          {
            expr: quantileOf(0.5, `${u}_connect_seconds`, { selector: upstreams, by: ['phase'] }),
            legend: '{{phase}}, half',
          },
          {
            expr: quantileOf(0.99, `${u}_connect_seconds`, { selector: upstreams, by: ['phase'] }),
            legend: '{{phase}}, 99 of 100',
          },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Age when closed',
        description: 'Young connections: something closes them before they pay.',
        unit: 's',
        queries: spreadOf(`${u}_connection_age_seconds`, upstreams),
      }),
    )
    .withPanel(
      graph({
        title: 'Requests carried when closed',
        description: 'Around 1: no reuse. The upstream may limit requests for each connection.',
        unit: 'short',
        queries: spreadOf(`${u}_connection_requests`, upstreams),
      }),
    )
    .withPanel(
      graph({
        title: 'TLS sessions resumed',
        description: 'Share of TLS handshakes that resumed a session. No data for plain upstreams.',
        unit: 'percentunit',
        max: 1,
        queries: [
          {
            expr: shareOf(
              rateOf(`${u}_tls_resumed_total`, upstreams),
              rateOf(`${u}_connect_seconds_count`, `${upstreams},phase="tls"`),
            ),
            legend: 'resumed',
          },
        ],
      }),
    );

  builder
    .withRow(row('Reuse'))
    .withPanel(
      graph({
        title: 'Reuse over time',
        description: 'Share of exchanges over a connection used before.',
        unit: 'percentunit',
        max: 1,
        queries: [
          {
            expr: shareOf(
              rateOf(`${u}_requests_reused_total`, upstreams),
              rateOf(requests, upstreams),
            ),
            legend: 'reuse',
          },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Saved a second',
        description: 'Handshakes that were not needed, and the time they would have taken.',
        unit: 'short',
        queries: [
          { expr: rateOf(`${u}_handshakes_saved_total`, upstreams), legend: 'handshakes' },
          { expr: rateOf(`${u}_saved_seconds_total`, upstreams), legend: 'seconds' },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Idle limit',
        description:
          'The least over the endpoints: in force, and learned from the closing of connections by the upstream. Nothing learned is the usual case.',
        unit: 's',
        queries: [
          { expr: `min(${u}_idle_limit_seconds{${upstreams}})`, legend: 'in force' },
          { expr: `min(${u}_idle_limit_learned_seconds{${upstreams}})`, legend: 'learned' },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Stale',
        description:
          'Connections that ended under a request, without a byte of response. A few at a restart are usual; all the time: lower pool.idleTimeout below what the upstream keeps.',
        unit: 'cps',
        queries: [{ expr: rateOf(`${u}_stale_total`, upstreams), legend: 'stale' }],
      }),
    )
    .withPanel(
      graph({
        title: 'Pipelined',
        description: 'Attempts sent behind others under way. 0 where pipelining is off.',
        unit: 'reqps',
        queries: [
          { expr: rateOf(`${u}_requests_pipelined_total`, upstreams), legend: 'pipelined' },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Octets',
        description: 'On upstream connections, without the overhead of TLS.',
        unit: 'Bps',
        queries: [
          { expr: rateOf(`${u}_bytes_total`, upstreams, ['direction']), legend: '{{direction}}' },
        ],
      }),
    );
}
