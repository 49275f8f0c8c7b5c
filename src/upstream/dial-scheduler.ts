/**
 * When to dial, and which endpoint: a bounded number at a time, with backoff where dials fail.
 *
 * While every dial fails one at a time is enough to find out when that ends; more would only be a flood at the moment
 * when the upstream comes back.
 */
import type { Random } from '../base/clock.ts';
import type { Fault } from '../base/fault.ts';
import { Deadline, type TimerWheel } from '../base/timer-wheel.ts';
import type { Dial } from './dialer.ts';
import type { EndpointPool } from './endpoint-pool.ts';
import type { EndpointSet } from './endpoint-set.ts';
import type { ConnectPhases } from './observer.ts';
import type { UpstreamOptions } from './options.ts';
import type { Wire } from './wire.ts';

export interface DialDemand {
  /** Connections that are missing: for those who wait and for the warm floor. */
  readonly missing: number;
  readonly hasWaiters: boolean;
  /** The endpoint that the first who waits would rather not have. */
  readonly avoid: string | null;
}

export interface DialSchedulerParts {
  readonly options: UpstreamOptions;
  readonly wheel: TimerWheel;
  readonly random: Random;
  readonly dial: Dial;
  readonly endpoints: EndpointSet;
  /** Asked again whenever something may have changed. */
  readonly demand: () => DialDemand;
  readonly onConnected: (pool: EndpointPool, wire: Wire, phases: ConnectPhases) => void;
  readonly onFailed: (failure: Fault) => void;
}

export class DialScheduler {
  readonly #parts: DialSchedulerParts;
  readonly #again = new Deadline(() => this.run());
  readonly #callOff = new Set<() => void>();
  /** Since when no dial has succeeded, or null while none has failed. */
  failingSinceMs: number | null = null;
  lastFault: Fault | null = null;
  #wantsProbe = false;
  #isStopped = false;

  constructor(parts: DialSchedulerParts) {
    this.#parts = parts;
  }

  /** Dials have failed for longer than anybody waits. */
  isDown(nowMs: number): boolean {
    const since = this.failingSinceMs;
    return since !== null && nowMs - since > this.#parts.options.timeouts.waitMs;
  }

  /** Somebody was refused because the upstream is down: look for its recovery though nobody waits. */
  probe(): void {
    this.#wantsProbe = true;
    this.run();
  }

  /** Opens what is missing, as far as limits and backoff allow. Cheap when nothing is. */
  run(): void {
    const { options, endpoints, wheel } = this.#parts;
    if (this.#isStopped || endpoints.isEmpty) return;
    const demand = this.#parts.demand();
    const most = this.failingSinceMs === null ? options.pool.maxDials : 1;
    const wanted = this.#wantsProbe ? Math.max(demand.missing, 1) : demand.missing;
    let missing = Math.min(wanted, most) - endpoints.connecting;
    const nowMs = missing > 0 ? wheel.now() : 0;
    for (; missing > 0; missing -= 1) {
      if (endpoints.size + endpoints.connecting >= options.pool.maxConnections) return;
      const choice = endpoints.chooseToDial({ nowMs, ...demand });
      if (typeof choice === 'number') {
        wheel.set(this.#again, choice - nowMs);
        return;
      }
      this.#dial(choice);
    }
  }

  #dial(pool: EndpointPool): void {
    const { endpoints, wheel } = this.#parts;
    this.#wantsProbe = false;
    endpoints.onDialling(pool, 1);
    let isOver = false;
    const over = (): void => {
      isOver = true;
      this.#callOff.delete(callOff);
      endpoints.onDialling(pool, -1);
    };
    const callOff = this.#parts.dial(pool.target, {
      onConnected: (wire, phases) => {
        over();
        pool.onDialled();
        this.failingSinceMs = null;
        this.lastFault = null;
        this.#parts.onConnected(pool, wire, phases);
      },
      onFailed: (failure) => {
        over();
        const nowMs = wheel.now();
        pool.onDialFailed(nowMs);
        this.failingSinceMs ??= nowMs;
        this.lastFault = failure;
        endpoints.dropGone();
        this.#parts.onFailed(failure);
      },
    });
    if (!isOver) this.#callOff.add(callOff);
  }

  stop(): void {
    this.#isStopped = true;
    this.#parts.wheel.clear(this.#again);
    for (const callOff of this.#callOff) callOff();
    this.#callOff.clear();
  }
}
