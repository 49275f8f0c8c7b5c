/**
 * How many log lines a second one kind of event may write.
 *
 * An upstream that is gone makes every request fail with the same words; twenty lines say it as well as twenty
 * thousand, and the metrics have the number. What was held back is told when its second is over, so that nobody takes
 * the log for the whole. No timer runs unless lines were held back.
 */
import type { Cancel, Clock } from '../base/clock.ts';

const WINDOW_MS = 1000;

interface Window {
  sinceMs: number;
  lines: number;
  held: number;
  cancel: Cancel | null;
}

export interface LineLimitOptions {
  readonly clock: Clock;
  /** Lines a second for each kind. */
  readonly perSecond: number;
  readonly tell: (kind: string, heldBack: number) => void;
}

export class LineLimit {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #tell: (kind: string, heldBack: number) => void;
  /** Keys are fault kinds and event names, both bounded. */
  readonly #windows = new Map<string, Window>();
  #heldTotal = 0;

  constructor({ clock, perSecond, tell }: LineLimitOptions) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#tell = tell;
  }

  /** Lines held back since the start. */
  get heldTotal(): number {
    return this.#heldTotal;
  }

  /** Whether a line of this kind may be written now. */
  admits(kind: string): boolean {
    const nowMs = this.#clock.now();
    let window = this.#windows.get(kind);
    if (window === undefined) {
      window = { sinceMs: nowMs, lines: 0, held: 0, cancel: null };
      this.#windows.set(kind, window);
    }
    if (nowMs - window.sinceMs >= WINDOW_MS) {
      this.#close(kind, window);
      window.sinceMs = nowMs;
      window.lines = 0;
    }
    if (window.lines < this.#perSecond) {
      window.lines += 1;
      return true;
    }
    window.held += 1;
    this.#heldTotal += 1;
    if (window.cancel === null) {
      const rest = window.sinceMs + WINDOW_MS - nowMs;
      const over = window;
      window.cancel = this.#clock.sleep(rest, () => this.#close(kind, over));
    }
    return false;
  }

  /** Tells at once what was held back: for the end of the process. */
  flush(): void {
    for (const [kind, window] of this.#windows) this.#close(kind, window);
  }

  #close(kind: string, window: Window): void {
    window.cancel?.();
    window.cancel = null;
    if (window.held === 0) return;
    const { held } = window;
    window.held = 0;
    this.#tell(kind, held);
  }
}
