/** Answers `/rID` with the octets of a trial, and `/nID` with `next-ID`. What is not whole by the strict reader ends. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { readRequests, readResponses, type StrictMessage } from '../raw/strict-reader.ts';
import type { ResponseTrial } from './response-grammar.ts';

/** What a client may be given: the whole response, one that is cut, or none at all. */
export type Meaning =
  | { readonly kind: 'whole'; readonly status: number; readonly body: string }
  | { readonly kind: 'cut' | 'none' };

/** By the strict reader. An origin that has not said all ends its connection behind what it has said. */
export function meaningOf({ pieces, method }: ResponseTrial): Meaning & { readonly ends: boolean } {
  const bytes = Buffer.from(pieces.join(''), 'latin1');
  const open = finalOf(bytes, method, false);
  const ends = open?.isWhole !== true;
  const final = ends ? finalOf(bytes, method, true) : open;
  if (final === undefined) return { kind: 'none', ends };
  if (!final.isWhole) return { kind: 'cut', ends };
  return { kind: 'whole', status: Number(final.start[1]), body: final.body, ends };
}

function finalOf(bytes: Buffer, method: string, hasEnded: boolean): StrictMessage | undefined {
  const { messages } = readResponses(bytes, { methods: [method], hasEnded });
  return messages.find(({ start }) => Number(start[1]) >= 200);
}

export class ResponseOrigin {
  trials: ReadonlyMap<number, ResponseTrial> = new Map();
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  constructor() {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#accept(socket),
    );
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
  }

  #accept(socket: Socket): void {
    let unread: Buffer = Buffer.alloc(0);
    this.#open.add(socket);
    socket.on('close', () => this.#open.delete(socket));
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.on('data', (chunk: Buffer) => {
      unread = Buffer.concat([unread, chunk]);
      const { messages, rest } = readRequests(unread);
      if (messages.some(({ isWhole }) => !isWhole)) return;
      unread = Buffer.from(rest, 'latin1');
      for (const { start } of messages) this.#answer(start[1], socket);
    });
  }

  #answer(target: string, socket: Socket): void {
    const [, what, id] = /^\/([rn])(\d+)$/.exec(target) ?? [];
    const trial = this.trials.get(Number(id));
    if (what === 'n') {
      const body = `next-${id}`;
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    } else if (trial !== undefined) {
      socket.write(Buffer.from(trial.pieces.join(''), 'latin1'));
      if (meaningOf(trial).ends) socket.end();
    } else {
      socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
    }
  }
}
