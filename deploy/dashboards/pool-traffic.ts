/** The pool dashboard: the state now, and the requests. */
import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { figure, graph, row } from './parts.ts';
import { rateOf, shareOf, spreadOf, sumOf, upstreams } from './queries.ts';

const u = 'sidepool_upstream';
const requests = `${u}_requests_total`;

const yesNo = { 0: 'no', 1: 'yes' };
const wrong = { warn: 0.5, bad: 1 };

export function addTraffic(builder: DashboardBuilder): void {
  builder
    .withRow(row('Now'))
    .withPanel(
      figure({
        title: 'Requests',
        description: 'Exchanges that ended, a second.',
        unit: 'reqps',
        expr: rateOf(requests, upstreams),
      }),
    )
    .withPanel(
      figure({
        title: 'Failed',
        description: 'Share of exchanges that ended with 5xx or without a response.',
        unit: 'percentunit',
        limits: { warn: 0.01, bad: 0.05 },
        expr: shareOf(
          rateOf(requests, `${upstreams},code_class=~"5xx|none"`),
          rateOf(requests, upstreams),
        ),
      }),
    )
    .withPanel(
      figure({
        title: 'Reuse',
        description: 'Share of exchanges over a connection used before.',
        unit: 'percentunit',
        limits: { warn: 0.8, bad: 0.5 },
        expr: shareOf(rateOf(`${u}_requests_reused_total`, upstreams), rateOf(requests, upstreams)),
      }),
    )
    .withPanel(
      figure({
        title: 'Down',
        description: 'Whether dials have failed for so long that requests are refused at once.',
        unit: 'short',
        limits: wrong,
        words: yesNo,
        expr: `max(${u}_down{${upstreams}})`,
      }),
    )
    .withPanel(
      figure({
        title: 'Breaker open',
        description:
          'Whether requests are refused, or all but trials, because too many have failed.',
        unit: 'short',
        limits: wrong,
        words: yesNo,
        expr: `max(${u}_breaker_open{${upstreams}})`,
      }),
    )
    .withPanel(
      figure({
        title: 'Panic',
        description: 'Whether too few endpoints are well for any to be put aside.',
        unit: 'short',
        limits: wrong,
        words: yesNo,
        expr: `max(${u}_panic{${upstreams}})`,
      }),
    );

  builder
    .withRow(row('Requests'))
    .withPanel(
      graph({
        title: 'Requests, by class of status',
        description:
          'Exchanges that ended. "none": the client got no status, because it left or its connection was cut.',
        unit: 'reqps',
        isStacked: true,
        queries: [{ expr: rateOf(requests, upstreams, ['code_class']), legend: '{{code_class}}' }],
      }),
    )
    .withPanel(
      graph({
        title: 'Duration',
        description: 'From the request head to the end of the response.',
        unit: 's',
        queries: spreadOf(`${u}_request_duration_seconds`, upstreams),
      }),
    )
    .withPanel(
      graph({
        title: 'Under way',
        description: 'Exchanges under way, those that wait included, and those that wait.',
        unit: 'short',
        queries: [
          { expr: sumOf(`${u}_active_requests`, upstreams), legend: 'under way' },
          { expr: sumOf(`${u}_waiting`, upstreams), legend: 'waiting' },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Faults, by kind',
        description:
          'Exchanges that failed, and on which side it lay. docs/proxy-status.md says what each kind means.',
        unit: 'cps',
        isStacked: true,
        queries: [
          {
            expr: rateOf('sidepool_faults_total', upstreams, ['kind', 'side']),
            legend: '{{kind}} ({{side}})',
          },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Wait for a connection',
        description:
          'How long attempts waited, given one or not. Anything above 0 for half of them: the pool is too small or the upstream slow.',
        unit: 's',
        queries: spreadOf(`${u}_wait_seconds`, upstreams),
      }),
    )
    .withPanel(
      graph({
        title: 'Given up waiting, shed',
        description:
          'Requests that stopped waiting without a connection, and those refused because the breaker was open.',
        unit: 'cps',
        queries: [
          { expr: rateOf(`${u}_waits_ended_total`, upstreams), legend: 'stopped waiting' },
          { expr: rateOf(`${u}_shed_total`, upstreams), legend: 'shed' },
        ],
      }),
    );
}
