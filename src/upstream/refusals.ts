/** Whether a request may wait for a connection, and what it is told if it may not or has waited in vain. */
import type { Fault } from '../base/fault.ts';
import type { DialScheduler } from './dial-scheduler.ts';
import type { EndpointSet } from './endpoint-set.ts';
import { noEndpoint, upstreamDown, waitingFull, waitTimeout } from './faults.ts';
import type { UpstreamOptions } from './options.ts';
import type { WaitingLine } from './waiting-line.ts';

export interface RefusalParts {
  readonly options: UpstreamOptions;
  readonly endpoints: EndpointSet;
  readonly waiting: WaitingLine;
  readonly dials: DialScheduler;
}

export class Refusals {
  readonly #parts: RefusalParts;
  /** What discovery said last; null once it has found addresses. */
  resolveFailure: string | null = null;

  constructor(parts: RefusalParts) {
    this.#parts = parts;
  }

  /** Why one that comes now may not wait, or null. */
  onAsked(nowMs: number): Fault | null {
    const { options, waiting, dials } = this.#parts;
    if (dials.isDown(nowMs)) {
      dials.probe();
      const forMs = nowMs - (dials.failingSinceMs ?? nowMs);
      return upstreamDown(options.name, forMs, dials.lastFault);
    }
    const isFull = waiting.length >= options.pool.maxWaiting;
    return isFull ? waitingFull(options.name, waiting.length) : null;
  }

  /** Why one has waited in vain. */
  onExpired(): Fault {
    const { options, endpoints, dials } = this.#parts;
    if (endpoints.isEmpty) return noEndpoint(options.name, this.resolveFailure);
    const { waitMs } = options.timeouts;
    return dials.lastFault ?? waitTimeout(options.name, waitMs, endpoints.total);
  }
}
