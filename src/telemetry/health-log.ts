/**
 * Says in the log when an endpoint is put aside and when it is back, when there is panic, and when a breaker opens: one
 * line for each change, as far as the limit of lines goes.
 */
import type { BreakerChange } from '../resilience/upstream-breaker.ts';
import type { EndpointChange } from '../upstream/observer.ts';
import type { LineLimit } from './line-limit.ts';
import type { Log } from './log.ts';

interface HealthLogTools {
  readonly log: Log;
  readonly limit: LineLimit;
}

interface Fields {
  readonly event: string;
  /** Left out where undefined. */
  readonly [name: string]: string | number | undefined;
}

export class HealthLog {
  readonly #upstream: string;
  readonly #tools: HealthLogTools;

  constructor(upstream: string, tools: HealthLogTools) {
    this.#upstream = upstream;
    this.#tools = tools;
  }

  endpoint(endpoint: string, { from, to, health }: EndpointChange): void {
    const level = to === 'ejected' || to === 'failing' ? 'warn' : 'info';
    const { reason, consecutiveFailures, endsInMs } = health;
    this.#say(level, endpointWords[to], {
      event: endpointEvents[to],
      endpoint,
      from,
      to,
      reason: reason ?? undefined,
      consecutive_failures: to === 'healthy' ? undefined : consecutiveFailures,
      for_ms: endsInMs === null ? undefined : Math.round(endsInMs),
    });
  }

  panic(isPanic: boolean): void {
    if (isPanic)
      this.#say('warn', 'too few endpoints are well: all are used', { event: 'panic-began' });
    else this.#say('info', 'enough endpoints are well again', { event: 'panic-ended' });
  }

  breaker({ from, to, reason, openMs }: BreakerChange): void {
    const level = to === 'open' ? 'warn' : 'info';
    this.#say(level, breakerWords[to], {
      event: breakerEvents[to],
      from,
      to,
      reason: reason ?? undefined,
      for_ms: openMs === null ? undefined : Math.round(openMs),
    });
  }

  #say(level: 'info' | 'warn', message: string, fields: Fields): void {
    const { log, limit } = this.#tools;
    if (!log.isLevelEnabled(level) || !limit.admits(fields.event, this.#upstream)) return;
    const { event, ...rest } = fields;
    log[level]({ event, upstream: this.#upstream, ...rest }, message);
  }
}

const endpointEvents = {
  healthy: 'endpoint-returned',
  ejected: 'endpoint-ejected',
  probation: 'endpoint-on-trial',
  failing: 'endpoint-failing',
} as const;

const endpointWords = {
  healthy: 'endpoint is well again',
  ejected: 'endpoint fails and is put aside',
  probation: 'endpoint is tried with one exchange at a time',
  failing: 'endpoint fails and is used all the same: it is the only one, or too many others fail',
} as const;

const breakerEvents = {
  closed: 'breaker-closed',
  open: 'breaker-opened',
  probation: 'breaker-on-trial',
} as const;

const breakerWords = {
  closed: 'upstream answers well again: requests are let in',
  open: 'upstream fails: requests are refused',
  probation: 'upstream is tried with one request at a time',
} as const;
