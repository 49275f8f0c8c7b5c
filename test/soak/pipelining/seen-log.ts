/** Which requests an origin has seen: a line `METHOD ID` for each, written by whoever it is, read when it has ended. */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

export class SeenLog {
  readonly #file: number;
  #lines = '';

  constructor(path: string) {
    this.#file = openSync(path, 'a');
  }

  note(method: string, id: string): void {
    this.#lines += `${method} ${id}\n`;
    if (this.#lines.length > 65_536) this.#flush();
  }

  close(): void {
    this.#flush();
    closeSync(this.#file);
  }

  #flush(): void {
    writeSync(this.#file, this.#lines);
    this.#lines = '';
  }
}

/** How often each id was seen. */
export type Seen = ReadonlyMap<string, number>;

export function readSeen(text: string): Seen {
  const seen = new Map<string, number>();
  for (const [, id = ''] of text.matchAll(/^[A-Z]+ (c\d+r\d+)$/gm)) {
    seen.set(id, (seen.get(id) ?? 0) + 1);
  }
  return seen;
}

export function readSeenFile(path: string): Seen {
  return readSeen(readFileSync(path, 'latin1'));
}
