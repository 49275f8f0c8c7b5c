/**
 * Abusers, a process of their own: many connections that all do the same (see abuses.ts).
 *
 *   node test/overload/abuser.ts '{"abuse":"slow-head","port":1234,"count":2000,"openPerSecond":1000}'
 *
 * Goes on until SIGTERM; then everything is dropped, and one line of JSON tells what they got.
 */
import { connect, type Socket } from 'node:net';
import { type Abuse, type AbuseName, abuses } from './abuses.ts';

export interface AbusePlan {
  readonly abuse: AbuseName;
  readonly port: number;
  readonly count: number;
  readonly openPerSecond: number;
}

export interface AbuseReport {
  readonly opened: number;
  /** By status, or how a connection ended without an answer; `open`: still there at the end. */
  readonly got: Readonly<Record<string, number>>;
  readonly bytesSent: number;
}

const ticksPerSecond = 10;
/** The address gives so many source ports; a process uses one address of its own for each share of them. */
const perAddress = 20_000;

export class Link {
  readonly #crowd: Crowd;
  readonly #nth: number;
  #socket: Socket;
  #text = '';
  #wasTold = false;
  #isComing = false;
  /** For whoever counts. */
  memory = 0;

  constructor(crowd: Crowd, nth: number) {
    this.#crowd = crowd;
    this.#nth = nth;
    this.memory = nth;
    this.#socket = this.#open();
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && !this.#socket.connecting;
  }

  /** Whether more may follow at once. */
  write(data: string | Buffer): boolean {
    if (this.#socket.destroyed || !this.#socket.writable) return false;
    this.#crowd.bytesSent += data.length;
    return typeof data === 'string' ? this.#socket.write(data, 'latin1') : this.#socket.write(data);
  }

  readSome(): void {
    this.#socket.once('data', () => this.#socket.pause());
    this.#socket.resume();
  }

  /** On a connection of its own again, after a pause. */
  reopen(afterMs = 0): void {
    this.#socket.destroy();
    // Its end is told as well: one comes for one that went.
    if (this.#isComing) return;
    this.#isComing = true;
    const open = (): void => {
      this.#isComing = false;
      if (!this.#crowd.isOver) this.#socket = this.#open();
    };
    if (afterMs === 0) setImmediate(open);
    else setTimeout(open, afterMs);
  }

  drop(): void {
    if (!this.#socket.destroyed && !this.#wasTold) this.#crowd.count('open');
    this.#wasTold = true;
    this.#socket.destroy();
  }

  #open(): Socket {
    const crowd = this.#crowd;
    const { abuse } = crowd;
    this.#text = '';
    this.#wasTold = false;
    crowd.opened += 1;
    const socket = connect({
      host: '127.0.0.1',
      port: crowd.port,
      localAddress: `127.0.0.${10 + Math.floor(this.#nth / perAddress)}`,
    });
    socket.on('connect', () => {
      abuse.onOpen?.(this);
      abuse.onDrain?.(this);
      if (abuse.reads === false) socket.pause();
    });
    if (abuse.reads !== false) socket.on('data', (data: Buffer) => this.#onData(data));
    socket.on('drain', () => abuse.onDrain?.(this));
    let code = '';
    socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code ?? error.message;
    });
    socket.on('close', () => {
      if (crowd.isOver || socket !== this.#socket) return;
      if (!this.#wasTold) crowd.count(code === '' ? 'closed unanswered' : code);
      this.#wasTold = true;
      if (abuse.reopens) this.reopen(20);
    });
    return socket;
  }

  #onData(data: Buffer): void {
    if (this.#text.length < 4_096) this.#text += data.toString('latin1');
    const status = /^HTTP\/1\.1 ([2-5]\d\d|101) /m.exec(this.#text);
    if (status === null) return;
    this.#crowd.count(status[1] ?? '');
    this.#wasTold = true;
    this.#text = '';
    this.#crowd.abuse.onAnswer?.(this);
  }
}

class Crowd {
  readonly abuse: Abuse;
  readonly port: number;
  readonly #plan: AbusePlan;
  readonly #links: Link[] = [];
  readonly #got: Record<string, number> = {};
  readonly #beganMs = performance.now();
  readonly #timer: NodeJS.Timeout;
  #tick = 0;
  opened = 0;
  bytesSent = 0;
  isOver = false;

  constructor(plan: AbusePlan) {
    this.#plan = plan;
    this.abuse = abuses[plan.abuse];
    this.port = plan.port;
    this.#timer = setInterval(() => this.#onTick(), 1_000 / ticksPerSecond);
    this.#grow();
  }

  count(what: string): void {
    this.#got[what] = (this.#got[what] ?? 0) + 1;
  }

  #grow(): void {
    const { count, openPerSecond } = this.#plan;
    const seconds = (performance.now() - this.#beganMs) / 1_000 + 1 / ticksPerSecond;
    const due = Math.min(count, Math.ceil(seconds * openPerSecond));
    while (this.#links.length < due) this.#links.push(new Link(this, this.#links.length));
  }

  #onTick(): void {
    this.#grow();
    const { onTick } = this.abuse;
    if (onTick === undefined) return;
    for (let nth = this.#tick; nth < this.#links.length; nth += ticksPerSecond) {
      const link = this.#links[nth];
      if (link?.isOpen) onTick(link);
    }
    this.#tick = (this.#tick + 1) % ticksPerSecond;
  }

  end(): AbuseReport {
    this.isOver = true;
    clearInterval(this.#timer);
    for (const link of this.#links) link.drop();
    return { opened: this.opened, got: this.#got, bytesSent: this.bytesSent };
  }
}

const crowd = new Crowd(JSON.parse(process.argv[2] ?? '{}') as AbusePlan);
process.once('SIGTERM', () => {
  process.stdout.write(`${JSON.stringify(crowd.end())}\n`, () => process.exit(0));
});
