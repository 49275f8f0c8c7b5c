/** The clients: many keep-alive ones and some of one request each, one request at a time, each response compared. */
import { connect, type Socket } from 'node:net';
import { seeded } from '../../../src/base/clock.ts';
import { type Ask, type MixOptions, nextAsk, requestOf } from './asks.ts';
import { type Connection, type Outcome, verdictOf } from './verdict.ts';

export interface LoadOptions {
  readonly port: number;
  readonly requests: number;
  /** HTTP/1.1 clients that keep their connection. */
  readonly keepAliveClients: number;
  /** HTTP/1.0 clients with a connection for each request. */
  readonly oneRequestClients: number;
  readonly mix: MixOptions;
  readonly seed: number;
  /** No request begins after that. */
  readonly limitMs: number;
}

export interface Answer {
  readonly ask: Pick<Ask, 'id' | 'method' | 'kind' | 'size'>;
  readonly outcome: Outcome;
  /** Of the response, when there was one: `length`, `chunked` and so on. */
  readonly framing: string;
}

/** Longer than every deadline of the gateway that these origins can bring into play. */
const answerWithinMs = 20_000;

export async function runLoad(options: LoadOptions): Promise<Answer[]> {
  const { keepAliveClients, oneRequestClients, requests, seed, limitMs } = options;
  const answers: Answer[] = [];
  const endsAtMs = performance.now() + limitMs;
  let begun = 0;
  const work = async (nth: number): Promise<void> => {
    const isOneRequest = nth >= keepAliveClients;
    const random = seeded(seed * 1_000 + nth);
    const client = new Client(options.port, isOneRequest ? '1.0' : '1.1', random);
    for (let count = 0; begun < requests && performance.now() < endsAtMs; count += 1) {
      begun += 1;
      // A one-request client makes a connection each time: left to themselves they would be few among the others.
      answers.push(await client.ask(nextAsk(`c${nth}r${count}`, random, options.mix)));
    }
    client.close();
  };
  const clients = keepAliveClients + oneRequestClients;
  await Promise.all(Array.from({ length: clients }, (_, nth) => work(nth)));
  return answers;
}

class Client {
  readonly #port: number;
  readonly #version: '1.0' | '1.1';
  readonly #random: () => number;
  #socket: Socket | null = null;
  #connection: Connection = 'open';
  #text = '';
  /** Looks at what has come; replaced for each request. */
  #look: () => void = () => {};
  /** What came when nothing was asked. */
  #surplus = '';

  constructor(port: number, version: '1.0' | '1.1', random: () => number) {
    this.#port = port;
    this.#version = version;
    this.#random = random;
  }

  async ask(ask: Ask): Promise<Answer> {
    const socket = this.#socket ?? this.#connect();
    let framing = '-';
    const outcome = await new Promise<Outcome>((resolve) => {
      const timer = setTimeout(() => this.#over('timed-out'), answerWithinMs);
      const leaving = ask.manner === 'leaves' ? this.#leaveSoon() : undefined;
      let isSlow = ask.manner === 'slow-reader';
      this.#look = () => {
        if (isSlow && this.#text !== '') {
          isSlow = false;
          this.#rest(socket);
        }
        const verdict = verdictOf(ask, this.#text, this.#connection);
        if (verdict === null) {
          if (leaving !== undefined && this.#text !== '') this.#leave();
          return;
        }
        clearTimeout(timer);
        clearTimeout(leaving);
        this.#look = () => {};
        framing = verdict.read?.framing ?? '-';
        this.#settle(verdict.read);
        resolve(verdict.outcome);
      };
      socket.write(requestOf(ask, this.#version), 'latin1');
    });
    const { id, method, kind, size } = ask;
    const compact = { id, method, kind, size };
    if (this.#surplus === '') return { ask: compact, outcome, framing };
    const why = `${JSON.stringify(this.#surplus.slice(0, 80))} on the connection before or after ${id}`;
    this.#surplus = '';
    return { ask: compact, outcome: { kind: 'wrong', why }, framing };
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = null;
  }

  #connect(): Socket {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    this.#socket = socket;
    this.#connection = 'open';
    this.#text = '';
    socket.setEncoding('latin1');
    const over = (how: Connection) => {
      if (this.#socket === socket) this.#over(how);
    };
    socket.on('data', (text: string) => {
      if (this.#socket !== socket) return;
      this.#text += text;
      this.#look();
    });
    socket.on('end', () => over('fin'));
    socket.on('error', () => over('reset'));
    socket.on('close', () => over('reset'));
    return socket;
  }

  /** The connection is over, in a way that the response is judged by. */
  #over(how: Connection): void {
    if (this.#connection !== 'open') return;
    this.#connection = how;
    this.#look();
    // Not empty only when nobody was waiting for it.
    this.#surplus += this.#text;
    this.#text = '';
    this.close();
  }

  /** Some milliseconds later: before it is sent on, while it waits its turn, or in the middle of the response. */
  #leaveSoon(): NodeJS.Timeout {
    return setTimeout(() => this.#leave(), this.#random() * 25);
  }

  /** A FIN alone says only that no more is asked: the gateway goes on. A reset it has to notice. */
  #leave(): void {
    if (this.#random() < 0.7) this.#socket?.resetAndDestroy();
    this.#over('left');
  }

  #rest(socket: Socket): void {
    socket.pause();
    setTimeout(() => socket.resume(), 5 + this.#random() * 40);
  }

  /** After a response: what is left of the connection. */
  #settle(
    read: {
      readonly used: number;
      readonly isWhole: boolean;
      readonly fields: ReadonlyMap<string, string>;
    } | null,
  ): void {
    if (read?.isWhole) this.#surplus = this.#text.slice(read.used);
    this.#text = '';
    const ends = read?.fields.get('connection')?.toLowerCase() === 'close';
    if (this.#version === '1.0' || ends || !read?.isWhole) this.close();
  }
}
