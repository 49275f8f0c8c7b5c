/**
 * The origin of the raw suite: keeps what came to the octet, reads it with the strict reader, and answers as told.
 * What breaks the grammar is answered once, with `Connection: close`, and read no further: that it came is the finding.
 */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { readRequests, type StrictMessage } from './strict-reader.ts';

export type Answer = (request: StrictMessage, connection: OriginConnection) => void;

const plainHead = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n';
const lastAnswer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok';

/** 200 with `ok`. */
export function plainAnswer({ start }: StrictMessage, connection: OriginConnection): void {
  connection.write(start[0] === 'HEAD' ? plainHead : `${plainHead}ok`);
}

export class OriginConnection {
  readonly id: number;
  readonly socket: Socket;
  /** All of it, since `begin` of the origin was called last. */
  bytes: Buffer = Buffer.alloc(0);
  hasEnded = false;
  #unread: Buffer = Buffer.alloc(0);
  #answered = 0;
  #isWrong = false;

  constructor(id: number, socket: Socket) {
    this.id = id;
    this.socket = socket;
  }

  write(text: string | Buffer): void {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  }

  /** Those that are whole and were not given before. */
  take(chunk: Buffer): StrictMessage[] {
    this.bytes = Buffer.concat([this.bytes, chunk]);
    if (this.#isWrong) return [];
    this.#unread = Buffer.concat([this.#unread, chunk]);
    const { messages, wrong, rest } = readRequests(this.#unread);
    const whole = messages.filter(({ isWhole }) => isWhole).slice(this.#answered);
    if (wrong !== null) {
      this.#isWrong = true;
      this.write(lastAnswer);
    } else if (messages.every(({ isWhole }) => isWhole)) {
      this.#unread = Buffer.from(rest, 'latin1');
      this.#answered = 0;
    } else this.#answered += whole.length;
    return whole;
  }
}

export class RecordingOrigin {
  readonly connections: OriginConnection[] = [];
  readonly #server: Server;
  answer: Answer = plainAnswer;

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

  /** Forgets what has come so far. */
  begin(): void {
    for (const connection of this.connections) connection.bytes = Buffer.alloc(0);
  }

  /** Connections on which something has come since `begin`, in order. */
  get used(): readonly OriginConnection[] {
    return this.connections.filter(({ bytes }) => bytes.length > 0);
  }

  get receivedBytes(): number {
    return this.connections.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  close(): void {
    this.#server.close();
    for (const { socket } of this.connections) socket.destroy();
  }

  #accept(socket: Socket): void {
    const connection = new OriginConnection(this.connections.length + 1, socket);
    this.connections.push(connection);
    socket.on('data', (chunk: Buffer) => {
      for (const request of connection.take(chunk)) this.answer(request, connection);
    });
    socket.on('end', () => {
      connection.hasEnded = true;
      socket.end();
    });
    socket.on('close', () => {
      connection.hasEnded = true;
    });
    socket.on('error', () => {
      connection.hasEnded = true;
    });
  }
}
