/** What `/pools` shows, and what the status page is drawn from. */
import type { Clock } from '../../base/clock.ts';
import type { DiscoverySnapshot } from '../../discovery/discovery.ts';
import type { UpstreamSnapshot } from '../../upstream/observer.ts';
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
  readonly clients: ClientTotals;
  readonly upstreams: readonly UpstreamView[];
}

export interface UpstreamView extends UpstreamSnapshot {
  readonly discovery: DiscoverySnapshot | null;
  /** Null for a moment in a reload. */
  readonly totals: UpstreamTotals | null;
}

export function poolsView(clock: Clock, telemetry: Telemetry, state: AdminState): PoolsView {
  const discoveries = state.discoveries();
  return {
    time: new Date(clock.wallSeconds() * 1000).toISOString(),
    atMs: clock.now(),
    version: telemetry.version,
    upSeconds: process.uptime(),
    isDraining: telemetry.isDraining,
    readiness: state.ready(),
    clients: telemetry.clientTotals(),
    upstreams: state.pools().map((pool) => ({
      ...pool,
      lastDialFault: pool.lastDialFault === null ? null : shown(pool.lastDialFault),
      discovery: discoveries.get(pool.name) ?? null,
      totals: telemetry.totalsOf(pool.name),
    })),
  };
}
