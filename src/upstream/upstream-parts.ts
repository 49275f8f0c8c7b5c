/** What an upstream is made of. */
import type { Clock, Random } from '../base/clock.ts';
import type { TimerWheel } from '../base/timer-wheel.ts';
import type { Dial } from './dialer.ts';
import type { UpstreamObserver } from './observer.ts';
import type { UpstreamOptions } from './options.ts';

export interface UpstreamParts {
  readonly options: UpstreamOptions;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly random: Random;
  readonly dial: Dial;
  readonly observer: UpstreamObserver;
  /** Asks discovery to look again, because dials fail. */
  readonly onAddressDoubt: () => void;
  /** The first connection has been had. */
  readonly onWarm: () => void;
}
