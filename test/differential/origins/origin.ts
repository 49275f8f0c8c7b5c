/** An origin that says which messages it has read: a line `METHOD TARGET` for each, in a file that only grows. */
import { closeSync, existsSync, openSync, readSync } from 'node:fs';

export interface CountingOrigin {
  readonly port: number;
  readonly log: SeenLines;
  stop(): Promise<void>;
}

export interface OriginKind {
  readonly name: string;
  /** Without these it is left out. */
  readonly programs: readonly string[];
  readonly start: () => Promise<CountingOrigin>;
}

/** The file, read on from where it was left. */
export class SeenLines {
  readonly #path: string;
  #at = 0;
  #half = '';

  constructor(path: string) {
    this.#path = path;
  }

  take(): string[] {
    if (!existsSync(this.#path)) return [];
    const file = openSync(this.#path, 'r');
    const buffer = Buffer.alloc(65_536);
    let text = this.#half;
    for (;;) {
      const read = readSync(file, buffer, 0, buffer.length, this.#at);
      if (read === 0) break;
      this.#at += read;
      text += buffer.toString('latin1', 0, read);
    }
    closeSync(file);
    const lines = text.split('\n');
    this.#half = lines.pop() ?? '';
    return lines;
  }
}
