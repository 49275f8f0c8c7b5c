/** What `sidepool top` shows: two looks at `/pools`, and what happened between them. */
import type { PoolsView, UpstreamView } from '../../telemetry/admin/pools-view.ts';

export interface TopRow {
  readonly upstream: string;
  readonly endpoints: number;
  /** `up`, or what is wrong in a word or two. */
  readonly state: string;
  readonly active: number;
  readonly idle: number;
  readonly connecting: number;
  readonly maxConnections: number;
  readonly waiting: number;
  readonly requestsPerSecond: number | null;
  /** Milliseconds, of the requests that ended between the looks. */
  readonly meanMs: number | null;
  /** Share of requests that found an open connection, 0 to 1; since the start where there is one look. */
  readonly reuse: number | null;
  readonly retries: number;
  readonly faults: number;
  readonly idleLimitSeconds: number | null;
  readonly lastFault: string | null;
}

export function rows(now: PoolsView, before: PoolsView | null): TopRow[] {
  const earlier = new Map(before?.upstreams.map((upstream) => [upstream.name, upstream]));
  const seconds = before === null ? 0 : (now.atMs - before.atMs) / 1000;
  return now.upstreams.map((upstream) =>
    row(upstream, earlier.get(upstream.name) ?? null, seconds),
  );
}

function row(upstream: UpstreamView, before: UpstreamView | null, seconds: number): TopRow {
  const { totals, endpoints } = upstream;
  const connections = endpoints.flatMap((endpoint) => endpoint.connections);
  const then = before?.totals ?? null;
  const requests = (totals?.requests ?? 0) - (then?.requests ?? 0);
  const reused = (totals?.reused ?? 0) - (then?.reused ?? 0);
  const durationMs = (totals?.durationMs ?? 0) - (then?.durationMs ?? 0);
  // A reload may have begun the counts anew.
  const isRate = then !== null && seconds > 0 && requests >= 0;
  const limits = endpoints.map(({ idleLimitMs }) => idleLimitMs);
  return {
    upstream: upstream.name,
    endpoints: endpoints.length,
    state: stateOf(upstream),
    active: upstream.active,
    idle: connections.filter(({ state }) => state === 'idle').length,
    connecting: endpoints.reduce((sum, { connecting }) => sum + connecting, 0),
    maxConnections: upstream.maxConnections,
    waiting: upstream.waiting,
    requestsPerSecond: isRate ? requests / seconds : null,
    meanMs: isRate && requests > 0 ? durationMs / requests : null,
    reuse: requests > 0 ? reused / requests : null,
    retries: totals?.retries ?? 0,
    faults: totals?.faults ?? 0,
    idleLimitSeconds: limits.length === 0 ? null : Math.min(...limits) / 1000,
    lastFault: upstream.lastDialFault?.cause ?? null,
  };
}

function stateOf({ isDown, breaker, isPanic, endpoints, discovery }: UpstreamView): string {
  if (isDown) return 'down';
  if (breaker !== null && breaker.state !== 'closed') return 'shed';
  if (isPanic) return 'panic';
  if (endpoints.length === 0) return discovery?.lastFailure ? 'no address' : 'starting';
  const aside = endpoints.filter(
    ({ health }) => health !== null && health.state !== 'healthy',
  ).length;
  return aside > 0 ? `${aside} aside` : 'up';
}

const columns: readonly (readonly [title: string, of: (row: TopRow) => string])[] = [
  ['UPSTREAM', ({ upstream }) => upstream],
  ['STATE', ({ state }) => state],
  ['ADDR', ({ endpoints }) => String(endpoints)],
  ['ACTIVE', ({ active }) => String(active)],
  ['IDLE', ({ idle }) => String(idle)],
  ['DIAL', ({ connecting }) => String(connecting)],
  ['MAX', ({ maxConnections }) => String(maxConnections)],
  ['WAIT', ({ waiting }) => String(waiting)],
  ['REQ/S', ({ requestsPerSecond }) => number(requestsPerSecond, 1)],
  ['MEAN MS', ({ meanMs }) => number(meanMs, 1)],
  ['REUSE', ({ reuse }) => (reuse === null ? '-' : `${(100 * reuse).toFixed(1)}%`)],
  ['RETRIES', ({ retries }) => String(retries)],
  ['FAULTS', ({ faults }) => String(faults)],
  [
    'IDLE LIMIT',
    ({ idleLimitSeconds }) => (idleLimitSeconds === null ? '-' : `${idleLimitSeconds.toFixed(1)}s`),
  ],
];

/** Texts stand to the left, figures to the right. */
const LEFT = 2;

export function screen(now: PoolsView, before: PoolsView | null): string {
  const shown = rows(now, before);
  const cells = [
    columns.map(([title]) => title),
    ...shown.map((row) => columns.map(([, of]) => of(row))),
  ];
  const widths = columns.map((_, at) => Math.max(...cells.map((line) => line[at]?.length ?? 0)));
  const table = cells.map((line) =>
    line
      .map((cell, at) =>
        at < LEFT ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  const faults = shown
    .filter(({ lastFault }) => lastFault !== null)
    .map(({ upstream, lastFault }) => `${upstream}: ${lastFault}`);
  return [headline(now), '', ...table, ...(faults.length > 0 ? ['', ...faults] : [])].join('\n');
}

function headline({ version, upSeconds, isDraining, readiness, clients }: PoolsView): string {
  const state = isDraining ? 'draining' : readiness.ready ? 'ready' : 'not ready';
  return `sidepool ${version}, ${state}, up ${Math.round(upSeconds)} s; ${clients.open} clients, ${clients.requests} requests, ${clients.faults} faults of clients`;
}

function number(value: number | null, digits: number): string {
  return value === null ? '-' : value.toFixed(digits);
}
