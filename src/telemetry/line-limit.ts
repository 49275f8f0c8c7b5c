/**
 * How many log lines a second one kind of event of one upstream may write. Each upstream has its own: one that is dead
 * does not take the lines of the others.
 *
 * An upstream that is gone makes every request fail with the same words; twenty lines say it as well as twenty
 * thousand, and the metrics have the number. What was held back is told when its second is over, so that nobody takes
 * the log for the whole. No timer runs unless lines were held back.
 */
import type { Cancel, Clock } from '../base/clock.ts';

const WINDOW_MS = 1000;

interface Window {
  readonly kind: string;
  /** Empty for what concerns none. */
  readonly upstream: string;
  sinceMs: number;
  lines: number;
  held: number;
  cancel: Cancel | null;
}

export interface LineLimitOptions {
  readonly clock: Clock;
  /** Lines a second for each kind of each upstream. */
  readonly perSecond: number;
  readonly tell: (held: HeldLines) => void;
}

/** Lines that were not written. */
export interface HeldLines {
  readonly kind: string;
  /** Empty for what concerns none. */
  readonly upstream: string;
  readonly count: number;
}

export class LineLimit {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #tell: (held: HeldLines) => void;
  /** By upstream, then by fault kind or event name: all of them bounded. */
  readonly #windows = new Map<string, Map<string, Window>>();
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

  /** Whether a line of this kind may be written now; `upstream` is empty for what concerns none. */
  admits(kind: string, upstream = ''): boolean {
    const nowMs = this.#clock.now();
    const window = this.#windowOf(kind, upstream, nowMs);
    if (nowMs - window.sinceMs >= WINDOW_MS) {
      this.#close(window);
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
      window.cancel = this.#clock.sleep(rest, () => this.#close(window));
    }
    return false;
  }

  #windowOf(kind: string, upstream: string, nowMs: number): Window {
    let kinds = this.#windows.get(upstream);
    if (kinds === undefined) {
      kinds = new Map();
      this.#windows.set(upstream, kinds);
    }
    let window = kinds.get(kind);
    if (window === undefined) {
      window = { kind, upstream, sinceMs: nowMs, lines: 0, held: 0, cancel: null };
      kinds.set(kind, window);
    }
    return window;
  }

  /** Tells at once what was held back: for the end of the process. */
  flush(): void {
    for (const kinds of this.#windows.values()) {
      for (const window of kinds.values()) this.#close(window);
    }
  }

  #close(window: Window): void {
    window.cancel?.();
    window.cancel = null;
    if (window.held === 0) return;
    const { kind, upstream, held: count } = window;
    window.held = 0;
    this.#tell({ kind, upstream, count });
  }
}
