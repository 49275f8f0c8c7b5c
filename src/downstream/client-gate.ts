/** What all client connections share: how many there may be, and whether the gateway is draining. */
import type { Clock } from '../base/clock.ts';
import { isFairShare } from '../base/fair-share.ts';
import type { TimerWheel } from '../base/timer-wheel.ts';
import type { DateSource } from '../message/http-date.ts';
import type { Crowd } from './client-parts.ts';
import { mostDescriptors } from './descriptors.ts';
import type { ClientObserver } from './observer.ts';
import { RoomMaker } from './room-maker.ts';
import { SpareHeads } from './spare-heads.ts';

export class ClientGate {
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly dates: DateSource;
  readonly observer: ClientObserver;
  readonly heads = new SpareHeads();
  /** One for each listener. */
  readonly crowds = new Set<Crowd>();
  readonly #roomMaker: RoomMaker;
  /** Connections over all listeners; a reload may change it. */
  maxClients: number;
  /** While draining each response says `Connection: close`, and new connections are still served. */
  isDraining = false;
  open = 0;
  /** Exchanges under way, tunnels included. */
  active = 0;
  /** When an exchange ended last, in clock milliseconds. */
  lastActiveMs = 0;

  constructor(parts: {
    readonly clock: Clock;
    readonly wheel: TimerWheel;
    readonly dates: DateSource;
    readonly observer: ClientObserver;
    readonly maxClients: number;
  }) {
    this.clock = parts.clock;
    this.wheel = parts.wheel;
    this.dates = parts.dates;
    this.observer = parts.observer;
    this.maxClients = parts.maxClients;
    this.#roomMaker = new RoomMaker(this.crowds, parts.observer);
  }

  /** Closes a few that have owed a request for long, and says whether there were any. */
  makeRoom(): boolean {
    return this.#roomMaker.make(this.wheel.now());
  }

  /** Whether one more of this listener leaves enough for the others. A listener that is alone may have all. */
  isFair({ connections }: Crowd): boolean {
    if (this.crowds.size <= 1) return true;
    const limit = Math.min(this.maxClients, mostDescriptors());
    return isFairShare({ own: connections.size, used: this.open, limit }, 1);
  }

  onExchangeEnded(): void {
    this.active -= 1;
    this.lastActiveMs = this.wheel.now();
  }
}
