/**
 * An origin that answers in order and rightly, and ends its connections at every wrong moment.
 *
 *   node test/soak/pipelining/hostile-origin.ts SEEN_FILE SEED [halting]
 *
 * `halting` is the same with far fewer ends and many stalls: pipelining does not rest there, and many are sent elsewhere.
 * Prints `listening PORT`; on SIGTERM `deeds {"name":count}`, and ends. A request counts as seen when its head has come,
 * answered or not. What is done to a connection depends on the seed and on the connection's number alone.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { seeded } from '../../../src/base/clock.ts';
import { bodyOf } from './asks.ts';
import { type Come, RequestReader } from './request-reader.ts';
import { SeenLog } from './seen-log.ts';

const seen = new SeenLog(process.argv[2] ?? '');
const seed = Number(process.argv[3] ?? 1);
const isHalting = process.argv[4] === 'halting';
const counts: Record<string, number> = {};

function count(name: string, by = 1): void {
  counts[name] = (counts[name] ?? 0) + by;
}

/** What may come instead of a plain answer, each with its share of a thousand requests. */
const deeds = {
  'ends after an answer': 3,
  'ends before an answer': 3,
  'resets before an answer': 3,
  'resets after an answer': 2,
  'ends within a head': 2,
  'resets within a head': 2,
  'ends within a body': 2,
  'resets within a body': 2,
  'says close, and ends': 3,
  'says close, and lingers': 2,
  'body up to the end': 3,
  'closes with bytes unread': 2,
  'ends some milliseconds later': 3,
  stalls: 3,
} as const;
type Deed = keyof typeof deeds;

const deedNames = Object.keys(deeds) as Deed[];

/** A mark is forgotten after a minute, and two make pipelining rest: an end in 10,000 requests leaves time between. */
function shareOf(deed: Deed): number {
  if (!isHalting) return deeds[deed];
  return deed === 'stalls' ? 15 : deeds[deed] / 300;
}

class Connection {
  readonly #socket: Socket;
  readonly #random: () => number;
  readonly #reader = new RequestReader();
  readonly #queue: Come[] = [];
  #out = '';
  #isBusy = false;
  #isOver = false;

  constructor(socket: Socket, random: () => number) {
    this.#socket = socket;
    this.#random = random;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => this.#take(text));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#isOver = true;
    });
  }

  #take(text: string): void {
    this.#reader.push(text, ({ method, id }) => seen.note(method, id));
    for (let come = this.#reader.shift(); come !== null; come = this.#reader.shift()) {
      if (this.#isBusy || this.#queue.length > 0) count('came behind another');
      if (this.#isOver) count('came after the end');
      this.#queue.push(come);
    }
    this.#serve();
  }

  /** Answers what is there, in order; plain answers gather and leave in one write. */
  #serve(): void {
    while (!this.#isBusy && !this.#isOver) {
      const request = this.#queue.shift();
      if (request === undefined) break;
      const deed = this.#draw();
      if (deed === null) this.#answerInSomeWay(request);
      else {
        count(deed);
        this.#do(deed, request);
      }
    }
    if (!this.#isBusy) this.#flush();
  }

  #answerInSomeWay(request: Come): void {
    const draw = this.#random();
    if (request.kind === 'slow')
      this.#after(30 + this.#random() * 200, () => this.#answer(request));
    else if (draw < 0.05) this.#after(1 + this.#random() * 2, () => this.#answer(request));
    else if (draw < 0.1) this.#dribble(this.#response(request));
    else this.#answer(request);
  }

  #draw(): Deed | null {
    let left = this.#random() * 1_000;
    for (const name of deedNames) {
      left -= shareOf(name);
      if (left < 0) return name;
    }
    return null;
  }

  #do(deed: Deed, request: Come): void {
    switch (deed) {
      case 'ends after an answer':
        this.#answer(request);
        this.#end();
        break;
      case 'ends before an answer':
        this.#end();
        break;
      case 'resets before an answer':
        this.#reset();
        break;
      case 'resets after an answer':
        this.#answer(request);
        this.#reset();
        break;
      case 'ends within a head':
        this.#out += this.#headPart(request);
        this.#end();
        break;
      case 'resets within a head':
        this.#out += this.#headPart(request);
        this.#reset();
        break;
      case 'ends within a body':
        this.#out += this.#bodyPart(request);
        this.#end();
        break;
      case 'resets within a body':
        this.#out += this.#bodyPart(request);
        this.#reset();
        break;
      case 'says close, and ends':
        this.#out += this.#response(request, 'Connection: close\r\n');
        this.#end();
        break;
      case 'says close, and lingers':
        this.#out += this.#response(request, 'Connection: close\r\n');
        this.#flush();
        this.#after(20, () => this.#end());
        break;
      case 'body up to the end':
        this.#out += this.#delimitedByClose(request);
        this.#end();
        break;
      case 'closes with bytes unread':
        this.#flush();
        this.#socket.pause();
        this.#after(3, () => {
          this.#answer(request);
          this.#flush();
          this.#over();
          // The kernel resets a connection that is closed with something unread.
          this.#socket.destroy();
        });
        break;
      case 'ends some milliseconds later':
        this.#answer(request);
        setTimeout(() => this.#end(), this.#random() * 15);
        break;
      case 'stalls':
        this.#after(50 + this.#random() * 350, () => this.#answer(request));
        break;
    }
  }

  #answer(request: Come): void {
    if (this.#random() < 0.02)
      this.#out += `HTTP/1.1 103 Early Hints\r\nX-Id: ${request.id}\r\n\r\n`;
    this.#out += this.#response(request);
  }

  #response(request: Come, more = ''): string {
    const { head, body } = this.#parts(request, more);
    return `${head}\r\n\r\n${body}`;
  }

  #parts(request: Come, more: string): { head: string; body: string } {
    const { method, kind, id, pathId, size } = request;
    const start = (status: string, fields: string) =>
      `HTTP/1.1 ${status}\r\nX-Id: ${id}\r\n${more}${fields}`.trimEnd();
    if (kind === 'none') return { head: start('204 No Content', ''), body: '' };
    if (kind === 'same') return { head: start('304 Not Modified', ''), body: '' };
    const body = kind === 'post' ? request.body : bodyOf(pathId, size);
    const isHead = method === 'HEAD';
    if (kind !== 'chunk') {
      return { head: start('200 OK', `Content-Length: ${body.length}`), body: isHead ? '' : body };
    }
    const head = start('200 OK', 'Transfer-Encoding: chunked');
    return { head, body: isHead ? '' : this.#inChunks(body) };
  }

  #inChunks(body: string): string {
    let text = '';
    for (let at = 0; at < body.length; ) {
      const piece = body.slice(at, at + 1 + Math.floor(this.#random() * body.length));
      text += `${piece.length.toString(16)}\r\n${piece}\r\n`;
      at += piece.length;
    }
    return `${text}0\r\n\r\n`;
  }

  /** RFC 9112 6.3: without a length and not in chunks, the body goes on until the connection ends. */
  #delimitedByClose(request: Come): string {
    if (request.kind === 'none' || request.kind === 'same') return this.#response(request);
    const body = request.kind === 'post' ? request.body : bodyOf(request.pathId, request.size);
    return `HTTP/1.1 200 OK\r\nX-Id: ${request.id}\r\n\r\n${request.method === 'HEAD' ? '' : body}`;
  }

  #headPart(request: Come): string {
    const { head } = this.#parts(request, '');
    return head.slice(0, 1 + Math.floor(this.#random() * (head.length - 1)));
  }

  #bodyPart(request: Come): string {
    const { head, body } = this.#parts(request, '');
    return `${head}\r\n\r\n${body.slice(0, Math.floor(this.#random() * body.length))}`;
  }

  /** In up to four pieces, each in a turn of its own. */
  #dribble(text: string): void {
    this.#flush();
    const end = Math.ceil(this.#random() * Math.min(text.length, 400));
    this.#socket.write(text.slice(0, end), 'latin1');
    if (end === text.length) return;
    this.#after(0, () => {
      this.#out += text.slice(end);
    });
  }

  /** Nothing is answered until then. */
  #after(ms: number, act: () => void): void {
    this.#flush();
    this.#isBusy = true;
    setTimeout(() => {
      this.#isBusy = false;
      if (this.#isOver) return;
      act();
      this.#serve();
    }, ms);
  }

  #flush(): void {
    if (this.#out === '' || this.#isOver) return;
    this.#socket.write(this.#out, 'latin1');
    this.#out = '';
  }

  #end(): void {
    if (this.#isOver) return;
    this.#flush();
    this.#over();
    this.#socket.end();
    const socket = this.#socket;
    setTimeout(() => socket.destroy(), 1_000).unref();
  }

  #reset(): void {
    this.#flush();
    this.#over();
    this.#socket.resetAndDestroy();
  }

  #over(): void {
    this.#isOver = true;
    count('left unanswered', this.#queue.length);
  }
}

let connections = 0;
const server = createServer({ noDelay: true }, (socket) => {
  connections += 1;
  new Connection(socket, seeded(seed * 100_000 + connections));
});

process.once('SIGTERM', () => {
  seen.close();
  process.stdout.write(`deeds ${JSON.stringify(counts)}\n`, () => process.exit(0));
});

server.listen({ port: 0, host: '127.0.0.1', backlog: 511 }, () => {
  process.stdout.write(`listening ${(server.address() as AddressInfo).port}\n`);
});
