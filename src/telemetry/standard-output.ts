/**
 * Lines to standard output, written off the event loop, in order, and whole when the process ends.
 *
 * pino's own destination does the same but for one thing: when the reader has gone and a line is still to be written
 * at exit, it tries for ever (sonic-boom 4.2.1, `flushSync` and EPIPE), and the process hangs until it is killed.
 */
import { write, writeSync } from 'node:fs';
import { type Clock, systemClock } from '../base/clock.ts';
import { codeOf } from '../base/fault.ts';

/** Octets that may wait for a reader that does not read; lines past them are dropped. */
const MOST_WAITING = 1024 * 1024;
const RETRY_MS = 100;
/** A full disk is emptied by somebody, sooner or later; until then an idle gateway is hardly woken. */
const FULL_DISK_RETRY_MS = 2_000;
/** At exit, two seconds in all. */
const LAST_TRIES = 20;
/** For a batch that a thread is about to write when the process ends: long after it has, as a rule. */
const THREAD_MS = 10;

export class StandardOutput {
  readonly #fd: number;
  readonly #clock: Clock;
  #waiting: (string | Buffer)[] = [];
  #waitingLength = 0;
  /** What the system was last given, or has not taken yet. */
  #batch: Buffer = Buffer.alloc(0);
  #isBusy = false;
  #isBroken = false;

  constructor(fd = 1, clock: Clock = systemClock) {
    this.#fd = fd;
    this.#clock = clock;
    // Comes after process.exit and after an uncaught error too. What a thread is writing is finished by then.
    process.on('exit', () => this.#finish());
  }

  /**
   * Takes lines that matter less than those of `write`: only half of the room is theirs. Gives false for lines that are
   * not taken.
   */
  offer(lines: Buffer): boolean {
    if (this.#isBroken || this.#waitingLength + lines.length > MOST_WAITING / 2) return false;
    this.#add(lines);
    return true;
  }

  write(line: string): void {
    if (this.#isBroken || this.#waitingLength + line.length > MOST_WAITING) return;
    this.#add(line);
  }

  #add(line: string | Buffer): void {
    this.#waiting.push(line);
    this.#waitingLength += line.length;
    if (!this.#isBusy) this.#next();
  }

  #next(): void {
    if (this.#batch.length === 0) this.#batch = this.#takeWaiting();
    if (this.#batch.length === 0) return;
    this.#isBusy = true;
    write(this.#fd, this.#batch, (error, written) => {
      this.#isBusy = false;
      if (error === null) {
        this.#batch = this.#batch.subarray(written);
        this.#next();
      } else if (isFull(error)) this.#tryAgain(RETRY_MS);
      else if (isFullDisk(error)) this.#tryAgain(FULL_DISK_RETRY_MS);
      else this.#break();
    });
  }

  #tryAgain(afterMs: number): void {
    this.#isBusy = true;
    this.#clock.sleep(afterMs, () => {
      this.#isBusy = false;
      this.#next();
    });
  }

  #takeWaiting(): Buffer {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingLength = 0;
    return waiting.every((one) => typeof one === 'string')
      ? Buffer.from(waiting.join(''))
      : Buffer.concat(waiting.map((one) => (typeof one === 'string' ? Buffer.from(one) : one)));
  }

  /** Nobody will read again: no reason to stop carrying requests. */
  #break(): void {
    this.#isBroken = true;
    this.#batch = Buffer.alloc(0);
    this.#waiting = [];
    this.#waitingLength = 0;
  }

  #finish(): void {
    let rest = this.#takeWaiting();
    let tries = 0;
    // The batch on its thread will be written before the process is gone, but it should come first.
    if (this.#isBusy && rest.length > 0) block(THREAD_MS);
    while (rest.length > 0) {
      try {
        rest = rest.subarray(writeSync(this.#fd, rest));
      } catch (error) {
        tries += 1;
        if (!isFull(error) || tries === LAST_TRIES) return;
        block(RETRY_MS);
      }
    }
  }
}

function isFull(error: unknown): boolean {
  return codeOf(error) === 'EAGAIN';
}

function isFullDisk(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** There is no event loop any more to wait in. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
