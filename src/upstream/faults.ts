/** Why no lease could be had, worded in one place. */
import { type Fault, fault } from '../base/fault.ts';

/** Dials have failed for longer than anybody waits. */
export function upstreamDown(name: string, forMs: number, last: Fault | null): Fault {
  const cause = `No connection to upstream "${name}" for ${Math.round(forMs)} ms. ${last?.cause ?? ''}`;
  return fault('upstream-down', 'upstream', cause.trim(), { code: last?.code });
}

/** The upstream as a whole has answered badly. `forMs`: until it is tried again, 0 while it is. */
export function breakerOpen(name: string, forMs: number): Fault {
  const retryAfterSeconds = Math.max(1, Math.ceil(forMs / 1000));
  const until = forMs > 0 ? `it is tried again in ${Math.ceil(forMs)} ms` : 'it is being tried';
  const cause = `The breaker of upstream "${name}" is open, for too many requests have failed: ${until}.`;
  return { ...fault('breaker-open', 'gateway', cause), retryAfterSeconds };
}

export function waitingFull(name: string, waiting: number): Fault {
  return fault(
    'waiting-full',
    'gateway',
    `${waiting} requests wait for upstream "${name}" already: raise pool.maxConnections or pool.maxWaiting.`,
  );
}

export function waitTimeout(name: string, waitMs: number, connections: number): Fault {
  return fault(
    'wait-timeout',
    'gateway',
    `No connection to upstream "${name}" became free within ${waitMs} ms: all ${connections} are in use; raise pool.maxConnections or look why it answers slowly.`,
  );
}

/** `resolveFailure` is what discovery said last, or null. */
export function noEndpoint(name: string, resolveFailure: string | null): Fault {
  return resolveFailure === null
    ? fault('no-endpoint', 'upstream', `Upstream "${name}" has no endpoint yet.`)
    : fault('dns-failed', 'upstream', resolveFailure);
}

export function shuttingDown(): Fault {
  return fault('draining', 'gateway', 'The gateway is shutting down.');
}
