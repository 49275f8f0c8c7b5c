/** What each admin path answers. */
import type { Clock } from '../../base/clock.ts';
import type { LogLevel } from '../../config/gateway-config.ts';
import { logLevels } from '../log.ts';
import { statusPage } from '../page/page.ts';
import type { Telemetry } from '../telemetry.ts';
import type { AdminState } from './admin-state.ts';
import { historyView, poolsView } from './pools-view.ts';

export interface AdminRequest {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly accept: string;
  /** Reads the body; null if it is longer than any that makes sense. */
  body(): Promise<string | null>;
}

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly contentSecurityPolicy?: string;
}

type Handler = (request: AdminRequest) => Answer | Promise<Answer>;

/** What a path does when read, or when told to change something. None does both. */
export type Route =
  | {
      readonly reads: Handler;
      /** It is for people and not for machines: no web page may have it read for itself. */
      readonly isForPeople?: true;
    }
  | { readonly changes: Handler };

export interface RouteTools {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly state: AdminState;
}

export function adminRoutes({ clock, telemetry, state }: RouteTools): ReadonlyMap<string, Route> {
  const pools = () => poolsView(clock, telemetry, state);
  const history = () => historyView(clock, telemetry, state);
  const faults = () => ({
    faults: telemetry.recentFaults(),
    summaries: telemetry.faultSummaries(),
  });
  const page = () =>
    statusPage({
      views: [pools()],
      history: history().upstreams,
      ...faults(),
      config: state.config(),
    });
  return new Map<string, Route>([
    ['/', { reads: page, isForPeople: true }],
    [
      '/metrics',
      {
        async reads({ accept }) {
          const { contentType, body } = await telemetry.metricsText(accept);
          return { status: 200, contentType, body };
        },
      },
    ],
    // Alive as long as it can answer: a gateway that drains must not be killed for it, nor one whose upstream is gone.
    ['/livez', { reads: () => text(200, 'ok\n') }],
    [
      '/readyz',
      {
        reads() {
          const { ready, reasons } = state.ready();
          const lines = [ready ? 'ready' : 'not ready', ...reasons];
          return text(ready ? 200 : 503, `${lines.join('\n')}\n`);
        },
      },
    ],
    ['/pools', { reads: () => json(pools()), isForPeople: true }],
    ['/history', { reads: () => json(history()), isForPeople: true }],
    ['/faults', { reads: () => json(faults()), isForPeople: true }],
    ['/config', { reads: () => json(state.config()), isForPeople: true }],
    [
      '/drain',
      {
        changes() {
          state.drain();
          return text(202, 'draining\n');
        },
      },
    ],
    [
      '/log-level',
      {
        async changes({ query, body }) {
          const level = query.get('level') ?? (await body());
          const known = logLevels.find((one) => one === level?.trim().toLowerCase());
          if (known === undefined) return text(400, unknownLevel(logLevels));
          state.setLogLevel(known);
          return text(200, `log level is ${known}\n`);
        },
      },
    ],
  ]);
}

export function text(status: number, body: string): Answer {
  return { status, contentType: 'text/plain; charset=utf-8', body };
}

function json(value: unknown): Answer {
  const body = `${JSON.stringify(value, null, 1)}\n`;
  return { status: 200, contentType: 'application/json', body };
}

function unknownLevel(levels: readonly LogLevel[]): string {
  return `Name a level, as the body or as ?level=: one of ${levels.join(', ')}.\n`;
}
