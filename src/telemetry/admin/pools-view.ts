/** What `/pools` shows, and what the status page is drawn from. */
import type { Clock } from '../../base/clock.ts';
import type { DiscoverySnapshot } from '../../discovery/discovery.ts';
import type { UpstreamSnapshot } from '../../upstream/observer.ts';
import type { HistoryRow } from '../history.ts';
import { shown } from '../scrub.ts';
import type { ClientTotals, Telemetry } from '../telemetry.ts';
import type { UpstreamTotals } from '../upstream-recorder.ts';
import type { AdminState, Readiness } from './admin-state.ts';

export interface PoolsView {
  readonly time: string;
  /** On a clock that never goes back: rates are differences of `totals` over differences of this. */
  readonly atMs: number;
  readonly version: string;
  readonly upSeconds: number;
  readonly isDraining: boolean;
  readonly readiness: Readiness;
  /** Of the configuration: when it was last read, and whether what was read is in force. */
  readonly lastReload: { readonly succeeded: boolean; readonly time: string };
  readonly clients: ClientTotals;
  readonly upstreams: readonly UpstreamView[];
}

export interface UpstreamView extends UpstreamSnapshot {
  readonly discovery: DiscoverySnapshot | null;
  /** Null for a moment in a reload. */
  readonly totals: UpstreamTotals | null;
  /** What came since the last row of `/history`; null if nothing did. */
  readonly openRow: HistoryRow | null;
}

export function poolsView(clock: Clock, telemetry: Telemetry, state: AdminState): PoolsView {
  const discoveries = state.discoveries();
  const { succeeded, wallSeconds } = telemetry.lastReload;
  return {
    time: isoTime(clock.wallSeconds()),
    atMs: clock.now(),
    version: telemetry.version,
    upSeconds: process.uptime(),
    isDraining: telemetry.isDraining,
    readiness: state.ready(),
    lastReload: { succeeded, time: isoTime(wallSeconds) },
    clients: telemetry.clientTotals(),
    upstreams: state.pools().map((pool) => ({
      ...pool,
      lastDialFault: pool.lastDialFault === null ? null : shown(pool.lastDialFault),
      discovery: discoveries.get(pool.name) ?? null,
      totals: telemetry.totalsOf(pool.name),
      openRow: telemetry.openRowOf(pool.name),
    })),
  };
}

/** What `/history` shows: whole rows, oldest first, by upstream. */
export interface HistoryView {
  readonly atMs: number;
  readonly upstreams: { readonly [upstream: string]: readonly HistoryRow[] };
}

export function historyView(clock: Clock, telemetry: Telemetry, state: AdminState): HistoryView {
  const rows = state.pools().map(({ name }) => [name, telemetry.historyOf(name)] as const);
  return { atMs: clock.now(), upstreams: Object.fromEntries(rows) };
}

function isoTime(wallSeconds: number): string {
  return new Date(wallSeconds * 1000).toISOString();
}
