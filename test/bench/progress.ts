/** How far a run is, on standard error, with an estimate of the rest from what was estimated and what it took. */
export class Progress {
  readonly #begin = performance.now();
  readonly #expectedSeconds: number;
  #doneSeconds = 0;

  constructor(expectedSeconds: number) {
    this.#expectedSeconds = expectedSeconds;
  }

  /** `text` is what begins now and was expected to take so long. */
  step(text: string, expectedSeconds: number): void {
    process.stderr.write(`${text} (${this.#rest()})\n`);
    this.#doneSeconds += expectedSeconds;
  }

  say(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  #rest(): string {
    const left = Math.max(0, this.#expectedSeconds - this.#doneSeconds);
    const taken = (performance.now() - this.#begin) / 1_000;
    // Until there is something to learn from, the expectation stands as it is.
    const pace = this.#doneSeconds < 10 ? 1 : taken / this.#doneSeconds;
    const seconds = Math.round(left * pace);
    return seconds < 60 ? `${seconds} s left` : `about ${Math.round(seconds / 60)} min left`;
  }
}
