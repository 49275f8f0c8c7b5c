/** Which connections are missing: for those who wait, and for the warm floor. */
import type { TimerWheel } from '../base/timer-wheel.ts';
import type { DialDemand } from './dial-scheduler.ts';
import type { EndpointSet } from './endpoint-set.ts';
import type { WaitingLine } from './waiting-line.ts';
import type { WarmFloor } from './warm-floor.ts';

export interface DemandParts {
  readonly wheel: TimerWheel;
  readonly floor: WarmFloor;
  readonly endpoints: EndpointSet;
  readonly waiting: WaitingLine;
}

export class Demand {
  readonly #parts: DemandParts;
  /** The upstream ends: nothing is kept ready any more. */
  isEnding = false;

  constructor(parts: DemandParts) {
    this.#parts = parts;
  }

  /** Idle connections that should be ready. */
  wantedIdle(nowMs: number): number {
    const { floor, endpoints } = this.#parts;
    if (this.isEnding || !floor.isWorth(endpoints.readyForMs(nowMs))) return 0;
    return floor.wanted(endpoints.busy, endpoints.liveCount, nowMs);
  }

  now(): DialDemand {
    const { wheel, endpoints, waiting } = this.#parts;
    const nowMs = wheel.now();
    const wanted = this.wantedIdle(nowMs);
    const cold = wanted - endpoints.readyCount(nowMs);
    // However many there are elsewhere: an endpoint without a connection has no share of the requests.
    const most = Math.max(0, wanted - endpoints.occupiedCount);
    const bare = Math.min(endpoints.bareCount(nowMs), most);
    return {
      missing: waiting.length + Math.max(cold, bare),
      hasBare: bare > 0,
      hasWaiters: waiting.length > 0,
      avoid: waiting.first?.avoid ?? null,
    };
  }
}
