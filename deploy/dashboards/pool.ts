/** One upstream of one pod: every figure that tells why its pool is as it is. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboard, drains, reloads } from './parts.ts';
import { addConnections } from './pool-connections.ts';
import { addHealth } from './pool-health.ts';
import { addSidecar } from './pool-sidecar.ts';
import { addTraffic } from './pool-traffic.ts';
import { pods, upstreams } from './queries.ts';

const u = 'sidepool_upstream';
const requests = `${u}_requests_total`;

export function pool(): Dashboard {
  const builder = dashboard({
    uid: 'sidepool-pool',
    title: 'Sidepool / Pool',
    description:
      'One upstream as one pod sees it: requests, connections, reuse, retries, faults, ports and names.',
    variables: [
      {
        name: 'namespace',
        label: 'Namespace',
        query: 'label_values(sidepool_build_info, namespace)',
        takes: 'one',
      },
      {
        name: 'pod',
        label: 'Pod',
        query: 'label_values(sidepool_build_info{namespace=~"$namespace"}, pod)',
        takes: 'one',
      },
      {
        name: 'upstream',
        label: 'Upstream',
        query: `label_values(${requests}{${pods}}, upstream)`,
        takes: 'one',
      },
    ],
    annotations: [
      reloads(pods),
      drains(pods),
      {
        name: 'Breaker opened',
        expr: `sum by (namespace, pod, upstream) (increase(${u}_breaker_opened_total{${upstreams}}[1m])) > 0`,
        color: 'red',
        text: '{{namespace}}/{{pod}}: breaker of {{upstream}}',
      },
    ],
  });

  addTraffic(builder);
  addConnections(builder);
  addHealth(builder);
  addSidecar(builder);
  return builder.build();
}
