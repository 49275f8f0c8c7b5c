/** What all exchanges of the process share. */
import type { Clock, Random } from '../base/clock.ts';
import type { TimerWheel } from '../base/timer-wheel.ts';
import type { BodyBudget } from './held-body.ts';

export interface ExchangeContext {
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly random: Random;
  readonly bodies: BodyBudget;
}
