/** What the admin server shows and may change. The composition root supplies it. */
import type { LogLevel } from '../../config/gateway-config.ts';
import type { RedactedConfig } from '../../config/redact.ts';
import type { DiscoverySnapshot } from '../../discovery/discovery.ts';
import type { UpstreamSnapshot } from '../../upstream/observer.ts';

export interface AdminState {
  /** One for each upstream in force, in the order of the configuration. */
  pools(): readonly UpstreamSnapshot[];
  /** By the upstream's name. */
  discoveries(): ReadonlyMap<string, DiscoverySnapshot>;
  /** The configuration in force as JSON, with secrets hidden already. */
  config(): RedactedConfig;
  /** Reasons are sentences; they are shown whether or not it is ready. */
  ready(): Readiness;
  /** Begins to drain, as SIGTERM does. Asked twice, it drains once. */
  drain(): void;
  setLogLevel(level: LogLevel): void;
}

export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
}
