/** Every metric of an upstream. The label `upstream` is its configured name; `exposition.ts` adds it. */
import type { RetryOutcome } from '../proxy/observer.ts';
import type { OpenReason } from '../resilience/breaker.ts';
import type { HealthState } from '../resilience/endpoint-health.ts';
import type { RetryReason } from '../resilience/retry-policy.ts';
import type { CloseReason } from '../upstream/observer.ts';
import { each, type Family, histogram, single, tally, valuesOf } from './family.ts';
import type { UpstreamReading } from './upstream-gauges.ts';

const classes = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] as const;

const closeReasons: readonly CloseReason[] = [
  'idle-limit',
  'idle-closed-by-upstream',
  'unexpected-bytes',
  'max-age',
  'max-requests',
  'not-reusable',
  'client-gone',
  'early-response',
  'fault',
  'endpoint-gone',
  'tunnel-ended',
  'surplus',
  'rescued',
  'shutdown',
];

const retryReasons: readonly RetryReason[] = [
  'not-sent',
  'pipeline-ended',
  'rescued',
  'reused-connection-ended',
  'new-connection-ended',
  'status',
  'try-timeout',
];
const openReasons: readonly OpenReason[] = ['consecutive-failures', 'success-rate', 'trial-failed'];
const healthStates: readonly HealthState[] = ['healthy', 'ejected', 'probation', 'failing'];
const retryOutcomes: readonly RetryOutcome[] = ['succeeded', 'failed', 'budget-spent'];
const retryKeys = retryReasons.flatMap((reason) =>
  retryOutcomes.map((outcome) => ({ reason, outcome })),
);

const p = 'sidepool_upstream';

const healthFamilies: readonly Family<UpstreamReading>[] = [
  each('gauge', `${p}_endpoint_health`, 'Endpoints in use, by how they answer.', {
    keys: valuesOf('state', healthStates),
    read: ({ state }, key) => state.health[key.state],
  }),
  each('counter', `${p}_ejections_total`, 'Times that an endpoint was put aside, by reason.', {
    keys: valuesOf('reason', openReasons),
    read: ({ numbers }, { reason }) => numbers.ejections[reason],
  }),
  single(
    'gauge',
    `${p}_panic`,
    'Whether too few endpoints are well for any to be put aside.',
    ({ state }) => (state.isPanic ? 1 : 0),
  ),
  single(
    'counter',
    `${p}_panics_total`,
    'Times that too few endpoints were well.',
    ({ numbers }) => numbers.panics,
  ),
  single(
    'gauge',
    `${p}_breaker_open`,
    'Whether requests are refused, all or all but trials, because too many have failed.',
    ({ state }) => (state.isBreakerOpen ? 1 : 0),
  ),
  each('counter', `${p}_breaker_opened_total`, 'Times that the breaker opened, by reason.', {
    keys: valuesOf('reason', openReasons),
    read: ({ numbers }, { reason }) => numbers.breakerOpenings[reason],
  }),
  single(
    'counter',
    `${p}_shed_total`,
    'Requests refused because the breaker was open.',
    ({ numbers }) => numbers.shed,
  ),
];

/** What the kernel knows of the ways to the endpoints. Not there where it does not tell. */
const portFamilies: readonly Family<UpstreamReading>[] = [
  each(
    'gauge',
    `${p}_source_ports`,
    'Source ports taken towards the endpoints by anybody in this pod, by whether the connection is open still.',
    {
      keys: valuesOf('state', ['open', 'time-wait'] as const),
      read: ({ state }, key) => (key.state === 'open' ? state.portsOpen : state.portsTimeWait),
    },
  ),
  single(
    'gauge',
    `${p}_source_ports_limit`,
    'The port budget: source ports that the kernel can give to connections to the endpoints, over all of them.',
    ({ state }) => state.portsLimit,
  ),
  single(
    'gauge',
    `${p}_source_ports_used_ratio`,
    'Share of the source ports taken towards the endpoint that has the most, 0 to 1.',
    ({ state }) => state.portsUsedRatio,
  ),
];

const dnsFamilies: readonly Family<UpstreamReading>[] = [
  each('counter', 'sidepool_dns_resolutions_total', 'Name resolutions, by outcome.', {
    keys: valuesOf('outcome', ['changed', 'unchanged', 'failed'] as const),
    read: ({ numbers }, { outcome }) => numbers.resolutions[outcome],
  }),
  histogram('sidepool_dns_resolution_seconds', 'Time that name resolutions with an answer took.', {
    keys: [{}],
    read: ({ numbers }) => numbers.resolveTimes,
  }),
  single(
    'gauge',
    'sidepool_dns_addresses',
    'Addresses in the answer in force, or configured.',
    ({ state }) => state.addresses,
  ),
  single(
    'gauge',
    'sidepool_dns_answer_age_seconds',
    'Age of the answer in force. Not there for configured addresses, and before the first answer.',
    ({ state }) => state.answerAgeMs / 1000,
  ),
];

export const upstreamCatalogue: readonly Family<UpstreamReading>[] = [
  each('counter', `${p}_requests_total`, 'Exchanges that ended, by what the client got.', {
    keys: valuesOf('code_class', classes),
    read: ({ numbers }, { code_class }) =>
      numbers.endedByClass[classes.indexOf(code_class)] as number,
  }),
  histogram(`${p}_request_duration_seconds`, 'From the request head to the end of the response.', {
    keys: [{}],
    read: ({ numbers }) => numbers.durations,
  }),
  single(
    'gauge',
    `${p}_active_requests`,
    'Exchanges under way, those that wait included.',
    ({ numbers }) => numbers.began - numbers.ended,
  ),

  each('gauge', `${p}_connections`, 'Connections by state.', {
    keys: valuesOf('state', ['connecting', 'idle', 'active', 'tunnel', 'draining'] as const),
    read: ({ state }, key) => state[key.state],
  }),
  single(
    'gauge',
    `${p}_connections_limit`,
    'The most connections that configuration allows; tunnels are not counted.',
    ({ state }) => state.maxConnections,
  ),
  single(
    'counter',
    `${p}_connections_opened_total`,
    'Connections made, TLS included.',
    ({ numbers }) => numbers.opened,
  ),
  each('counter', `${p}_connections_closed_total`, 'Connections closed, by reason.', {
    keys: valuesOf('reason', closeReasons),
    read: ({ numbers }, { reason }) => numbers.closed[reason],
  }),
  histogram(`${p}_connection_age_seconds`, 'Age of connections when they were closed.', {
    keys: [{}],
    read: ({ numbers }) => numbers.closeAges,
  }),
  histogram(
    `${p}_connection_requests`,
    'Requests that connections had carried when they were closed.',
    { keys: [{}], read: ({ numbers }) => numbers.closeRequests, unitsEach: 1 },
  ),
  histogram(`${p}_connect_seconds`, 'Time to connect, by phase.', {
    keys: valuesOf('phase', ['tcp', 'tls'] as const),
    read: ({ numbers }, { phase }) =>
      phase === 'tcp' ? numbers.tcpConnects : numbers.tlsHandshakes,
  }),
  tally(
    `${p}_dials_failed_total`,
    'Connections that could not be made, by fault.',
    ({ numbers }) => numbers.dialsFailed,
  ),
  single(
    'counter',
    `${p}_tls_resumed_total`,
    'TLS handshakes that resumed a session.',
    ({ numbers }) => numbers.tlsResumed,
  ),

  single(
    'counter',
    `${p}_requests_reused_total`,
    'Exchanges whose last attempt went over a connection used before.',
    ({ numbers }) => numbers.reused,
  ),
  single(
    'counter',
    `${p}_requests_pipelined_total`,
    'Attempts that were sent behind others under way on their connection.',
    ({ numbers }) => numbers.pipelined,
  ),
  single(
    'counter',
    `${p}_handshakes_saved_total`,
    'Attempts that were given a connection used before, and so needed no handshake.',
    ({ numbers }) => numbers.handshakesSaved,
  ),
  single(
    'counter',
    `${p}_saved_seconds_total`,
    'Handshakes saved, times the mean time to connect: an estimate of time that clients did not wait.',
    ({ numbers }) => numbers.connectSavedMs / 1000,
  ),
  single(
    'counter',
    `${p}_stale_total`,
    'Connections that had lain idle or been used before and ended under a request, without a byte of response.',
    ({ numbers }) => numbers.stale,
  ),
  each('counter', `${p}_retries_total`, 'Attempts made again, by reason and outcome.', {
    keys: retryKeys,
    read: ({ numbers }, { reason, outcome }) => numbers.retries[reason][outcome],
  }),
  single(
    'gauge',
    `${p}_retries_left`,
    'Retries that the budget would grant now.',
    ({ state }) => state.retriesLeft,
  ),
  single(
    'gauge',
    `${p}_waiting`,
    'Requests that wait for a connection.',
    ({ state }) => state.waiting,
  ),
  histogram(`${p}_wait_seconds`, 'Time that attempts waited for a connection, given one or not.', {
    keys: [{}],
    read: ({ numbers }) => numbers.waits,
  }),
  single(
    'counter',
    `${p}_waits_ended_total`,
    'Requests that stopped waiting without a connection.',
    ({ numbers }) => numbers.waitsEnded,
  ),

  each('gauge', `${p}_endpoints`, 'Endpoints by state.', {
    keys: valuesOf('state', ['live', 'draining'] as const),
    read: ({ state }, key) =>
      key.state === 'live' ? state.liveEndpoints : state.drainingEndpoints,
  }),
  single(
    'gauge',
    `${p}_down`,
    'Whether requests are refused at once because dials have failed for long.',
    ({ state }) => (state.isDown ? 1 : 0),
  ),
  ...healthFamilies,
  single(
    'gauge',
    `${p}_warm_wanted`,
    'Idle connections that the warm floor asks for.',
    ({ state }) => state.warmWanted,
  ),
  single(
    'gauge',
    `${p}_warm_ready`,
    'Idle connections that are well inside their idle limit: what the warm floor counts.',
    ({ state }) => state.warmReady,
  ),
  single(
    'gauge',
    `${p}_idle_limit_seconds`,
    'The least idle limit in force over the endpoints, learned or configured.',
    ({ state }) => state.leastIdleLimitMs / 1000,
  ),
  single(
    'gauge',
    `${p}_idle_limit_learned_seconds`,
    'The least idle limit learned from the closing of connections by the upstream. Not there while nothing was learned.',
    ({ state }) => state.leastLearnedMs / 1000,
  ),
  ...portFamilies,
  each(
    'counter',
    `${p}_bytes_total`,
    'Octets on upstream connections, without the overhead of TLS.',
    {
      keys: valuesOf('direction', ['sent', 'received'] as const),
      read: ({ numbers }, { direction }) =>
        direction === 'sent' ? numbers.sentBytes : numbers.receivedBytes,
    },
  ),
  single(
    'counter',
    `${p}_responses_repaired_total`,
    'Responses with white space before a colon, which was removed (RFC 9112 5.1).',
    ({ numbers }) => numbers.repairedResponses,
  ),
  ...dnsFamilies,
  tally(
    'sidepool_faults_total',
    'Exchanges and requests that failed, by kind and side; without an upstream if none was chosen yet.',
    ({ numbers }) => numbers.faults,
  ),
];
