/**
 * The simulator's own reading of a message body: small, slow and sure, and not the parser that is tested. Gives where the
 * body ends, and hands out its data.
 */
export type BodyEnd = 'more' | 'whole' | { readonly wrong: string };

export class BodyScan {
  readonly #onData: (data: Buffer) => void;
  readonly #isChunked: boolean;
  #left: number;
  #line = '';
  #state: 'size' | 'data' | 'after-data' | 'trailers' = 'size';
  /** Octets of data so far. */
  bytes = 0;

  /** `length` is -1 for chunked, Infinity for one that ends with the connection. */
  constructor(length: number, onData: (data: Buffer) => void) {
    this.#isChunked = length === -1;
    this.#left = this.#isChunked ? 0 : length;
    this.#onData = onData;
  }

  /** Reads from `at`; gives how far it went, and whether the body is whole. */
  read(data: Buffer, from: number): { readonly at: number; readonly end: BodyEnd } {
    let at = from;
    if (!this.#isChunked) {
      at = this.#take(data, at);
      return { at, end: this.#left === 0 ? 'whole' : 'more' };
    }
    while (at < data.length) {
      if (this.#state === 'data') {
        at = this.#take(data, at);
        if (this.#left === 0) this.#state = 'after-data';
        continue;
      }
      const octet = String.fromCharCode(data[at] as number);
      at += 1;
      this.#line += octet;
      if (octet !== '\n') {
        if (this.#line.length > 20_000) return { at, end: { wrong: 'a line without end' } };
        continue;
      }
      const line = this.#line;
      this.#line = '';
      const end = this.#onLine(line);
      if (end !== 'more') return { at, end };
    }
    return { at, end: 'more' };
  }

  #onLine(line: string): BodyEnd {
    if (this.#state === 'after-data') {
      this.#state = 'size';
      return line === '\r\n' ? 'more' : { wrong: 'a chunk is not followed by CRLF' };
    }
    if (this.#state === 'trailers') {
      if (line === '\r\n') return 'whole';
      return /^[!-9;-~]+: [^\r\n]*\r\n$/.test(line) ? 'more' : { wrong: `trailer ${line}` };
    }
    const size = /^([0-9a-f]+)\r\n$/.exec(line);
    if (size === null) return { wrong: `chunk size line ${JSON.stringify(line)}` };
    this.#left = Number.parseInt(size[1] as string, 16);
    this.#state = this.#left === 0 ? 'trailers' : 'data';
    return 'more';
  }

  #take(data: Buffer, at: number): number {
    const count = Math.min(this.#left, data.length - at);
    if (count > 0) this.#onData(data.subarray(at, at + count));
    this.#left -= count;
    this.bytes += count;
    return at + count;
  }
}
