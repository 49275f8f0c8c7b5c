/**
 * Says in the log when an upstream cannot be reached and when it can again: on the change, not on each dial.
 *
 * Of many endpoints one may be dead while the others answer, so that failures and successes alternate; so a new
 * stretch of failures is not told within ten seconds of the last one unless the upstream goes down for it.
 */
import type { Clock } from '../base/clock.ts';
import type { Fault } from '../base/fault.ts';
import type { Log } from './log.ts';
import { scrub } from './scrub.ts';

const QUIET_MS = 10_000;

export interface DialHealthOptions {
  readonly upstream: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether the upstream now refuses requests at once. Asked after a failed dial only. */
  readonly isDown: () => boolean;
}

export class DialHealth {
  readonly #options: DialHealthOptions;
  #failed = 0;
  #sinceMs = 0;
  #toldMs = Number.NEGATIVE_INFINITY;
  #told: 'nothing' | 'failing' | 'down' = 'nothing';

  constructor(options: DialHealthOptions) {
    this.#options = options;
  }

  failed(fault: Fault): void {
    const { upstream, clock, log, isDown } = this.#options;
    const nowMs = clock.now();
    if (this.#failed === 0) this.#sinceMs = nowMs;
    this.#failed += 1;
    if (this.#told === 'down') return;
    const fields = { upstream, fault: fault.kind, cause: scrub(fault.cause), code: fault.code };
    if (isDown()) {
      this.#told = 'down';
      this.#toldMs = nowMs;
      const forMs = Math.round(nowMs - this.#sinceMs);
      log.warn(
        { event: 'upstream-down', ...fields, failed_dials: this.#failed, for_ms: forMs },
        'upstream is down: requests are refused until a dial succeeds',
      );
    } else if (this.#told === 'nothing' && nowMs - this.#toldMs >= QUIET_MS) {
      this.#told = 'failing';
      this.#toldMs = nowMs;
      log.warn({ event: 'upstream-dial-failed', ...fields }, 'cannot connect to upstream');
    }
  }

  opened(): void {
    if (this.#failed === 0) return;
    const { upstream, clock, log } = this.#options;
    if (this.#told !== 'nothing') {
      const forMs = Math.round(clock.now() - this.#sinceMs);
      log.info(
        { event: 'upstream-recovered', upstream, failed_dials: this.#failed, for_ms: forMs },
        'upstream can be reached again',
      );
    }
    this.#failed = 0;
    this.#told = 'nothing';
  }
}
