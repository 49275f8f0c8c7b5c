/** A process that the demo has started: whether it still runs, and how it is ended. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** How long an asked-for end may take before it is forced. */
const graceMs = 3_000;

export class Child {
  /** Rejects when the process ends without having been asked to. */
  readonly lost: Promise<never>;
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;
  #isEnding = false;

  constructor(name: string, started: ChildProcess, lastWords: () => string = () => '') {
    this.#process = started;
    this.#ended = new Promise((resolve) => {
      started.once('error', () => resolve());
      started.once('close', () => resolve());
    });
    this.lost = new Promise<never>((_, reject) => {
      started.once('error', (error) => {
        reject(new Error(`the ${name} did not start: ${error.message}`));
      });
      started.once('close', (code, signal) => {
        if (this.#isEnding) return;
        reject(new Error(`the ${name} ended by itself (${signal ?? code}). ${lastWords()}`.trim()));
      });
    });
    // Who waits for this is told; it may be that nobody does any more.
    this.lost.catch(() => undefined);
  }

  /** Nothing asked of it settles if it dies: this rejects then. */
  whileAlive<T>(asked: Promise<T>): Promise<T> {
    return Promise.race([asked, this.lost]);
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill('SIGTERM');
    }
    const force = setTimeout(() => this.#process.kill('SIGKILL'), graceMs);
    await this.#ended;
    clearTimeout(force);
  }

  /** For the last moment of the demo's own process, when nothing can be waited for. */
  kill(): void {
    this.#isEnding = true;
    this.#process.kill('SIGKILL');
  }
}

/** The next message over the channel of `fork`. */
export async function nextMessage<T>(from: ChildProcess): Promise<T> {
  const [message] = await once(from, 'message');
  return message;
}
