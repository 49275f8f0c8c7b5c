/** The pool dashboard: retries, endpoints, ports and names. */
import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { graph, row } from './parts.ts';
import { rateOf, sumOf, upstreams } from './queries.ts';

const u = 'sidepool_upstream';

export function addHealth(builder: DashboardBuilder): void {
  builder
    .withRow(row('Retries and health'))
    .withPanel(
      graph({
        title: 'Retries, by reason',
        description: 'Attempts made again. docs/how-retry-decides.md says when that is done.',
        unit: 'cps',
        isStacked: true,
        queries: [
          { expr: rateOf(`${u}_retries_total`, upstreams, ['reason']), legend: '{{reason}}' },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Retries, by outcome',
        description:
          'With budget-spent they were not made, because too many were: then the trouble is general.',
        unit: 'cps',
        queries: [
          { expr: rateOf(`${u}_retries_total`, upstreams, ['outcome']), legend: '{{outcome}}' },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Retry budget left',
        description:
          'Retries that would be granted now. At 0 failures reach the clients as they are.',
        unit: 'short',
        queries: [{ expr: sumOf(`${u}_retries_left`, upstreams), legend: 'left' }],
      }),
    )
    .withPanel(
      graph({
        title: 'Endpoints',
        description: 'In use and leaving, as discovery reports them.',
        unit: 'short',
        queries: [{ expr: sumOf(`${u}_endpoints`, upstreams, ['state']), legend: '{{state}}' }],
      }),
    )
    .withPanel(
      graph({
        title: 'Endpoints, by how they answer',
        description: 'Those ejected are put aside for a while, those on probation are tried again.',
        unit: 'short',
        isStacked: true,
        queries: [
          { expr: sumOf(`${u}_endpoint_health`, upstreams, ['state']), legend: '{{state}}' },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Put aside',
        description: 'Endpoints ejected, breakers opened and panics begun.',
        unit: 'cps',
        queries: [
          {
            expr: rateOf(`${u}_ejections_total`, upstreams, ['reason']),
            legend: 'ejected: {{reason}}',
          },
          {
            expr: rateOf(`${u}_breaker_opened_total`, upstreams, ['reason']),
            legend: 'breaker: {{reason}}',
          },
          { expr: rateOf(`${u}_panics_total`, upstreams), legend: 'panic' },
        ],
      }),
    );

  builder
    .withRow(row('Ports and names'))
    .withPanel(
      graph({
        title: 'Source ports',
        description:
          'Taken towards the endpoints by anybody in this pod: by open connections, and for a minute after (TIME_WAIT). Many in TIME_WAIT that are not ours: the application connects past Sidepool.',
        unit: 'short',
        isStacked: true,
        queries: [{ expr: sumOf(`${u}_source_ports`, upstreams, ['state']), legend: '{{state}}' }],
      }),
    )
    .withPanel(
      graph({
        title: 'Source ports of the fullest endpoint',
        description:
          'Share of what the kernel can give towards one endpoint. At 1 nothing connects.',
        unit: 'percentunit',
        limits: { warn: 0.5, bad: 0.8 },
        max: 1,
        queries: [{ expr: `max(${u}_source_ports_used_ratio{${upstreams}})`, legend: 'taken' }],
      }),
    )
    .withPanel(
      graph({
        title: 'Port budget',
        description: 'Source ports that there are towards all endpoints together.',
        unit: 'short',
        queries: [{ expr: sumOf(`${u}_source_ports_limit`, upstreams), legend: 'budget' }],
      }),
    )
    .withPanel(
      graph({
        title: 'Name resolutions, by outcome',
        description: 'A failed one leaves the last good answer in force.',
        unit: 'cps',
        queries: [
          {
            expr: rateOf('sidepool_dns_resolutions_total', upstreams, ['outcome']),
            legend: '{{outcome}}',
          },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Answer in force',
        description: 'Its age; it is asked for again when its TTL ends. No data for addresses.',
        unit: 's',
        queries: [
          { expr: `max(sidepool_dns_answer_age_seconds{${upstreams}})`, legend: 'age' },
          {
            // Names are asked for once a TTL: too seldom for a rate over moments.
            expr: `histogram_quantile(0.99, sum by (le) (increase(sidepool_dns_resolution_seconds_bucket{${upstreams}}[$__range])))`,
            legend: 'time to resolve, 99 of 100',
          },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Addresses',
        description: 'In the answer in force, or configured.',
        unit: 'short',
        queries: [{ expr: sumOf('sidepool_dns_addresses', upstreams), legend: 'addresses' }],
      }),
    );
}
