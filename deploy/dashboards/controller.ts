/** The controller: does it answer, are pods injected, will its certificate end. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboard, figure, graph, row } from './parts.ts';
import { pods, quantileOf, rateOf, shareOf, sumOf } from './queries.ts';

const c = 'sidepool_controller';
const reviews = `${c}_admissions_total`;

export function controller(): Dashboard {
  const builder = dashboard({
    uid: 'sidepool-controller',
    title: 'Sidepool / Controller',
    description: 'Injection, certificates and the endpoint stream.',
    variables: [
      {
        name: 'namespace',
        label: 'Namespace',
        query: `label_values(${c}_build_info, namespace)`,
        takes: 'several',
      },
      {
        name: 'pod',
        label: 'Replica',
        query: `label_values(${c}_build_info{namespace=~"$namespace"}, pod)`,
        takes: 'several',
      },
    ],
    annotations: [
      {
        name: 'Rotation',
        expr: `sum by (step) (increase(${c}_rotations_total{${pods}}[1m])) > 0`,
        color: 'blue',
        text: 'certificates: {{step}}',
      },
      {
        name: 'Drain',
        expr: `sum by (namespace, pod) (${c}_draining{${pods}}) > 0`,
        color: 'purple',
        text: '{{namespace}}/{{pod}} ends',
      },
    ],
  });

  builder
    .withRow(row('Is it well?'))
    .withPanel(
      figure({
        title: 'Replicas',
        description: 'Replicas that Prometheus has scraped.',
        unit: 'short',
        limits: { warn: 2, bad: 1 },
        expr: `count(${c}_build_info{${pods}})`,
      }),
    )
    .withPanel(
      figure({
        title: 'Holds the Lease',
        description: 'Replicas that hold the Lease. It must be 1; for some seconds it may be 0.',
        unit: 'short',
        limits: { warn: 1, bad: 0.5 },
        expr: sumOf(`${c}_leader`, pods),
      }),
    )
    .withPanel(
      figure({
        title: 'Pods without their sidecar',
        description:
          'Living pods that ask for a sidecar and have none. kubectl get events -A --field-selector reason=SidepoolNotInjected tells why.',
        unit: 'short',
        limits: { warn: 1, bad: 5 },
        expr: `max(${c}_pods_missed{${pods}})`,
      }),
    )
    .withPanel(
      figure({
        title: 'Certificate ends in',
        description: 'The one that ends first. Replaced at two thirds of its life.',
        unit: 's',
        limits: { warn: 259_200, bad: 86_400 },
        expr: `min(${c}_certificate_expiry_seconds{${pods}})`,
      }),
    )
    .withPanel(
      figure({
        title: 'Native sidecars',
        description: 'Whether every kubelet of the cluster can run them.',
        unit: 'short',
        words: { 0: 'no', 1: 'yes' },
        expr: `min(${c}_native_sidecars{${pods}})`,
      }),
    )
    .withPanel(
      figure({
        title: 'Sidecars told of endpoints',
        description: 'Open endpoint streams, over all replicas. No data where the stream is off.',
        unit: 'short',
        expr: sumOf(`${c}_endpoint_streams`, pods),
      }),
    );

  builder
    .withRow(row('Injection'))
    .withPanel(
      graph({
        title: 'Reviews, by outcome',
        description:
          'Pods that the API server asked about. not-injected: it asked for a sidecar and starts without. failed: a defect of ours.',
        unit: 'cps',
        isStacked: true,
        queries: [{ expr: rateOf(reviews, pods, ['outcome']), legend: '{{outcome}}' }],
      }),
    )
    .withPanel(
      graph({
        title: 'Gone wrong',
        description: 'Share of those that asked for a sidecar and did not get it.',
        unit: 'percentunit',
        limits: { warn: 0.01, bad: 0.1 },
        max: 1,
        queries: [
          {
            expr: shareOf(
              rateOf(reviews, `${pods},outcome=~"not-injected|failed|bad-request"`),
              rateOf(reviews, `${pods},outcome!="not-asked"`),
            ),
            legend: 'gone wrong',
          },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Time to answer',
        description:
          'From the whole review to its answer. The API server waits some seconds at most.',
        unit: 's',
        limits: { warn: 0.5, bad: 2 },
        queries: [
          {
            expr: quantileOf(0.5, `${c}_admission_duration_seconds`, { selector: pods }),
            legend: 'half',
          },
          {
            expr: quantileOf(0.99, `${c}_admission_duration_seconds`, { selector: pods }),
            legend: '99 of 100',
          },
        ],
      }),
    );

  builder
    .withRow(row('Certificates and endpoints'))
    .withPanel(
      graph({
        title: 'Certificates end in',
        description: 'By certificate. With cert-manager the authority is not known.',
        unit: 's',
        queries: [
          {
            expr: `min by (certificate) (${c}_certificate_expiry_seconds{${pods}})`,
            legend: '{{certificate}}',
          },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Steps of rotation',
        description: 'Taken in the minutes before. Usually none for weeks.',
        unit: 'short',
        queries: [
          {
            expr: `sum by (step) (increase(${c}_rotations_total{${pods}}[$__rate_interval]))`,
            legend: '{{step}}',
          },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Failures, by what it was about',
        description: 'Its log tells what with.',
        unit: 'cps',
        queries: [{ expr: rateOf(`${c}_errors_total`, pods, ['during']), legend: '{{during}}' }],
      }),
    )
    .withPanel(
      graph({
        title: 'Endpoint streams, by replica',
        description: 'Sidecars that each replica tells endpoints.',
        unit: 'short',
        isStacked: true,
        queries: [{ expr: sumOf(`${c}_endpoint_streams`, pods, ['pod']), legend: '{{pod}}' }],
      }),
    )
    .withPanel(
      graph({
        title: 'Lines told',
        description: 'Changes of endpoints, told to all that asked for them.',
        unit: 'cps',
        queries: [{ expr: rateOf(`${c}_endpoint_lines_total`, pods), legend: 'lines' }],
      }),
    )
    .withPanel(
      graph({
        title: 'Versions',
        description: 'Replicas by version, and those that are ending.',
        unit: 'short',
        queries: [
          { expr: `count by (version) (${c}_build_info{${pods}})`, legend: '{{version}}' },
          { expr: sumOf(`${c}_draining`, pods), legend: 'ending' },
        ],
      }),
    );

  builder
    .withRow(row('The process'))
    .withPanel(
      graph({
        title: 'Processor time',
        description: 'Processors in use, by replica.',
        unit: 'short',
        queries: [
          {
            expr: `sum by (pod) (rate(process_cpu_seconds_total{${pods}}[$__rate_interval]) and on (job, instance) ${c}_build_info{${pods}})`,
            legend: '{{pod}}',
          },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Memory',
        description: 'Resident memory, by replica.',
        unit: 'bytes',
        queries: [
          {
            expr: `sum by (pod) (process_resident_memory_bytes{${pods}} and on (job, instance) ${c}_build_info{${pods}})`,
            legend: '{{pod}}',
          },
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Heap in use',
        description: 'JavaScript heap, by replica.',
        unit: 'bytes',
        queries: [{ expr: sumOf(`${c}_heap_used_bytes`, pods, ['pod']), legend: '{{pod}}' }],
      }),
    );
  return builder.build();
}
