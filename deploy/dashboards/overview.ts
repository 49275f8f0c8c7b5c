/** The fleet: is it well, does it save anything, which upstream is bad, will something run out. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { addLimits } from './overview-limits.ts';
import { dashboard, drains, figure, graph, inGrafana, reloads, row, table } from './parts.ts';
import { pods, quantileOf, rateOf, shareOf, sumOf, upstreams } from './queries.ts';

const requests = 'sidepool_upstream_requests_total';
const failed = `${upstreams},code_class=~"5xx|none"`;
const byUpstream = ['upstream'];

function errorShare(by: readonly string[]): string {
  return shareOf(rateOf(requests, failed, by), rateOf(requests, upstreams, by));
}

function reuse(by: readonly string[]): string {
  return shareOf(
    rateOf('sidepool_upstream_requests_reused_total', upstreams, by),
    rateOf(requests, upstreams, by),
  );
}

export function overview(): Dashboard {
  const builder = dashboard({
    uid: 'sidepool-overview',
    title: 'Sidepool / Overview',
    description: 'All sidecars: what they carry, what they save, and which upstream is in trouble.',
    variables: [
      {
        name: 'namespace',
        label: 'Namespace',
        query: 'label_values(sidepool_build_info, namespace)',
        takes: 'several',
      },
      {
        name: 'pod',
        label: 'Pod',
        query: 'label_values(sidepool_build_info{namespace=~"$namespace"}, pod)',
        takes: 'several',
      },
      {
        name: 'upstream',
        label: 'Upstream',
        query: `label_values(${requests}{${pods}}, upstream)`,
        takes: 'several',
      },
    ],
    annotations: [reloads(pods), drains(pods)],
  });
  builder
    .withRow(row('Is it well?'))
    .withPanel(
      figure({
        title: 'Sidecars',
        description: 'Sidecars that Prometheus has scraped.',
        unit: 'short',
        expr: `count(sidepool_build_info{${pods}})`,
      }),
    )
    .withPanel(
      figure({
        title: 'Requests',
        description: 'Exchanges that ended, a second, over all sidecars.',
        unit: 'reqps',
        expr: rateOf(requests, upstreams),
      }),
    )
    .withPanel(
      figure({
        title: 'Failed',
        description:
          'Share of exchanges that ended with 5xx or without a response, whoever made it. See "Faults" for what Sidepool itself could not do.',
        unit: 'percentunit',
        limits: { warn: 0.01, bad: 0.05 },
        expr: errorShare([]),
      }),
    )
    .withPanel(
      figure({
        title: 'Reuse',
        description:
          'Share of exchanges over a connection used before. Below a half the pool saves little: see the idle limits and "Closed, by reason" on the pool dashboard.',
        unit: 'percentunit',
        limits: { warn: 0.8, bad: 0.5 },
        expr: reuse([]),
      }),
    )
    .withPanel(
      figure({
        title: 'Upstreams down',
        description:
          'Pairs of pod and upstream whose dials have failed for so long that requests are refused at once.',
        unit: 'short',
        limits: { warn: 1, bad: 2 },
        expr: sumOf('sidepool_upstream_down', upstreams),
      }),
    )
    .withPanel(
      figure({
        title: 'Waiting',
        description: 'Requests that wait for a connection now.',
        unit: 'short',
        limits: { warn: 1, bad: 50 },
        expr: sumOf('sidepool_upstream_waiting', upstreams),
      }),
    )
    .withRow(row('Which upstream is bad, and why?'))
    .withPanel(
      table({
        title: 'Upstreams',
        description:
          'Each upstream over all chosen pods. Its name leads to the pool dashboard, where the reason is.',
        rows: { upstream: 'Upstream' },
        columns: [
          { title: 'Requests', unit: 'reqps', expr: rateOf(requests, upstreams, byUpstream) },
          {
            title: 'Failed',
            unit: 'percentunit',
            limits: { warn: 0.01, bad: 0.05 },
            expr: errorShare(byUpstream),
          },
          {
            title: '99 of 100 take',
            unit: 's',
            expr: quantileOf(0.99, 'sidepool_upstream_request_duration_seconds', {
              selector: upstreams,
              by: byUpstream,
            }),
          },
          {
            title: 'Reuse',
            unit: 'percentunit',
            limits: { warn: 0.8, bad: 0.5 },
            expr: reuse(byUpstream),
          },
          {
            title: 'Stale',
            unit: 'reqps',
            limits: { warn: 0.1, bad: 1 },
            expr: rateOf('sidepool_upstream_stale_total', upstreams, byUpstream),
          },
          {
            title: 'Down in pods',
            unit: 'short',
            limits: { warn: 1, bad: 2 },
            expr: sumOf('sidepool_upstream_down', upstreams, byUpstream),
          },
          {
            title: 'Ports of the fullest',
            unit: 'percentunit',
            limits: { warn: 0.5, bad: 0.8 },
            expr: `max by (upstream) (sidepool_upstream_source_ports_used_ratio{${upstreams}})`,
          },
        ],
        link: {
          title: 'Pool',
          url: `/d/sidepool-pool?${inGrafana('namespace:queryparam')}&${inGrafana('pod:queryparam')}&var-upstream=${inGrafana('__value.raw')}&${inGrafana('__url_time_range')}`,
        },
      }),
    )
    .withPanel(
      graph({
        title: 'Failed, by upstream',
        description: 'Share of exchanges that ended with 5xx or without a response.',
        unit: 'percentunit',
        limits: { warn: 0.01, bad: 0.05 },
        queries: [{ expr: errorShare(byUpstream), legend: '{{upstream}}' }],
      }),
    )
    .withPanel(
      graph({
        title: 'Faults, by kind',
        description:
          'What Sidepool could not do, and on which side it lay. docs/proxy-status.md says what each kind means.',
        unit: 'cps',
        isStacked: true,
        queries: [
          {
            // Faults before an upstream was chosen have no such label.
            expr: rateOf('sidepool_faults_total', pods, ['kind', 'side']),
            legend: '{{kind}} ({{side}})',
          },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Duration, 99 of 100',
        description:
          'From the request head to the end of the response: 99 of 100 exchanges are faster.',
        unit: 's',
        queries: [
          {
            expr: quantileOf(0.99, 'sidepool_upstream_request_duration_seconds', {
              selector: upstreams,
              by: byUpstream,
            }),
            legend: '{{upstream}}',
          },
        ],
      }),
    )
    .withRow(row('What does it save?'))
    .withPanel(
      figure({
        title: 'Handshakes saved',
        description: 'Attempts over connections used before, in the time shown.',
        unit: 'short',
        span: 6,
        expr: `sum(increase(sidepool_upstream_handshakes_saved_total{${upstreams}}[$__range]))`,
      }),
    )
    .withPanel(
      figure({
        title: 'Time saved',
        description:
          'Handshakes saved, times the mean time to connect, in the time shown: what clients did not wait for.',
        unit: 's',
        span: 6,
        expr: `sum(increase(sidepool_upstream_saved_seconds_total{${upstreams}}[$__range]))`,
      }),
    )
    .withPanel(
      figure({
        title: 'Requests a connection',
        description: 'Exchanges for each connection opened, in the time shown.',
        unit: 'short',
        span: 6,
        decimals: 1,
        limits: { warn: 10, bad: 2 },
        expr: `sum(increase(${requests}{${upstreams}}[$__range])) / sum(increase(sidepool_upstream_connections_opened_total{${upstreams}}[$__range]))`,
      }),
    )
    .withPanel(
      figure({
        title: 'Retries that helped',
        description: 'Requests that succeeded because they were sent again, in the time shown.',
        unit: 'short',
        span: 6,
        expr: `sum(increase(sidepool_upstream_retries_total{${upstreams},outcome="succeeded"}[$__range]))`,
      }),
    )
    .withPanel(
      graph({
        title: 'Reuse, by upstream',
        description: 'Share of exchanges over a connection used before.',
        unit: 'percentunit',
        max: 1,
        queries: [{ expr: reuse(byUpstream), legend: '{{upstream}}' }],
      }),
    )
    .withPanel(
      graph({
        title: 'Clients and connections',
        description:
          'Client connections accepted, and upstream connections opened: the distance between the two is what is saved.',
        unit: 'cps',
        queries: [
          {
            expr: rateOf('sidepool_client_connections_total', pods),
            legend: 'accepted from clients',
          },
          {
            expr: rateOf('sidepool_upstream_connections_opened_total', upstreams),
            legend: 'opened to upstreams',
          },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Time saved a second',
        description: 'Seconds of connecting that clients did not wait for, each second.',
        unit: 's',
        queries: [
          {
            expr: rateOf('sidepool_upstream_saved_seconds_total', upstreams, byUpstream),
            legend: '{{upstream}}',
          },
        ],
      }),
    );
  addLimits(builder);
  return builder.build();
}
