/** Writes each fault once, with what a person needs to act on it and nothing that is secret. */
import type { Fault } from '../base/fault.ts';
import type { RefusalReason } from '../downstream/observer.ts';
import type { FaultContext } from '../proxy/observer.ts';
import type { LineLimit } from './line-limit.ts';
import type { Log } from './log.ts';
import { methodOf, pathOf, requestIdOf, scrub, traceParentOf } from './scrub.ts';

export class FaultLog {
  readonly #log: Log;
  readonly #limit: LineLimit;

  constructor(log: Log, limit: LineLimit) {
    this.#log = log;
    this.#limit = limit;
  }

  /** A fault of an exchange. */
  exchange(upstream: string, fault: Fault, context: FaultContext): void {
    if (!this.#wants(fault, upstream)) return;
    const { request, endpoint } = context;
    this.#write(fault, {
      ...describe(fault, context.status),
      upstream,
      ...(endpoint === null ? {} : { endpoint }),
      method: methodOf(request.method),
      path: pathOf(request.target),
      attempts: context.attempts,
      duration_ms: Math.round(context.durationMs * 10) / 10,
      // Left out by JSON when undefined.
      exchange: context.exchange,
      request_id: requestIdOf(request.fields.find('x-request-id')),
      traceparent: traceParentOf(request.fields.find('traceparent')),
    });
  }

  /** A fault before an exchange began: of its request nothing is known that could be trusted. */
  client(fault: Fault, status: number): void {
    if (this.#wants(fault, '')) this.#write(fault, describe(fault, status));
  }

  /** A client was closed unread. */
  refused(reason: RefusalReason): void {
    if (!this.#log.isLevelEnabled('warn') || !this.#limit.admits(`refused-${reason}`)) return;
    this.#log.warn({ event: 'client-refused', reason }, refusals[reason]);
  }

  #wants(fault: Fault, upstream: string): boolean {
    return this.#log.isLevelEnabled(levelOf(fault)) && this.#limit.admits(fault.kind, upstream);
  }

  #write(fault: Fault, fields: object): void {
    this.#log[levelOf(fault)](fields, 'request failed');
  }
}

const refusals = {
  'max-clients': 'a client was closed unread: limits.maxClients are connected',
  descriptors:
    'a client was closed unread: hardly a file descriptor is left; raise the limit (ulimit -n) or lower limits.maxClients',
  'listener-share':
    'a client was closed unread: its listener has three times as many as are left for the others; raise limits.maxClients or look why its upstream is slow',
  'gave-way':
    'a client that had owed a request for some time was closed for the sake of a new one: no more can be connected',
} as const;

function describe(fault: Fault, status: number): object {
  return {
    event: 'fault',
    fault: fault.kind,
    side: fault.side,
    sent: fault.sent,
    received: fault.received,
    cause: scrub(fault.cause),
    code: fault.code,
    status,
  };
}

/** A client's fault is its own affair; an upstream's needs somebody's eye; a defect of ours needs ours. */
function levelOf(fault: Fault): 'info' | 'warn' | 'error' {
  if (fault.kind === 'internal') return 'error';
  return fault.side === 'client' ? 'info' : 'warn';
}
