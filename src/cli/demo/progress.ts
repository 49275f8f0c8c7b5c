/** A progress bar on a terminal; nothing anywhere else. */

export interface Screen {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const cells = 30;
const redrawMs = 50;
const eraseLine = '\r\u001b[K';

export class Progress {
  readonly #screen: Screen;
  readonly #title: string;
  readonly #total: number;
  #drawnMs = Number.NEGATIVE_INFINITY;

  constructor(screen: Screen, title: string, total: number) {
    this.#screen = screen;
    this.#title = title;
    this.#total = total;
  }

  show(done: number): void {
    if (this.#screen.isTTY !== true) return;
    const nowMs = performance.now();
    if (nowMs - this.#drawnMs < redrawMs) return;
    this.#drawnMs = nowMs;
    const full = Math.round((cells * done) / this.#total);
    const bar = '█'.repeat(full) + '░'.repeat(cells - full);
    const counts = `${done.toLocaleString('en-US')} of ${this.#total.toLocaleString('en-US')}`;
    this.#screen.write(`\r${this.#title.padEnd(18)} ${bar} ${counts}`);
  }

  /** Leaves no trace. */
  end(): void {
    if (this.#screen.isTTY === true) this.#screen.write(eraseLine);
  }
}
