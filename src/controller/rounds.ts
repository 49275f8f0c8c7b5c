/** Something done again and again, one at a time, with a pause after each. */
import type { Cancel, Clock } from '../base/clock.ts';

export class Rounds {
  readonly #clock: Clock;
  readonly #pauseMs: () => number;
  /** Never rejects. */
  readonly #round: () => Promise<void>;
  #cancel: Cancel = () => undefined;
  #running: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(clock: Clock, pauseMs: () => number, round: () => Promise<void>) {
    this.#clock = clock;
    this.#pauseMs = pauseMs;
    this.#round = round;
  }

  /** The first is done at once. */
  start(): void {
    this.#running = this.#round().finally(() => {
      if (!this.#isStopped) this.#cancel = this.#clock.sleep(this.#pauseMs(), () => this.start());
    });
  }

  /** Resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    await this.#running;
  }
}
