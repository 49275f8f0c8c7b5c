/**
 * The calm clients, a process of their own: so many requests a second to each of several ports, whether or not the earlier
 * ones were answered. Every second one comes on a connection of its own, as HTTP/1.0; the others on kept connections.
 *
 *   node test/overload/calm.ts '{"targets":[{"name":"among","port":1234}],"perSecond":100}'
 *
 * Ends with SIGTERM, and prints one line of JSON: a list of `CalmAnswer`. Time counts from when a request
 * was due, so that a gateway that stops for a while is seen in all that came meanwhile.
 */
import { connect, type Socket } from 'node:net';

export interface CalmPlan {
  readonly targets: readonly { readonly name: string; readonly port: number }[];
  /** To each of them. */
  readonly perSecond: number;
  readonly path: string;
}

export interface CalmAnswer {
  readonly target: string;
  readonly kind: 'one-request' | 'keep-alive';
  /** Wall clock, in milliseconds, so that processes can compare. */
  readonly dueMs: number;
  readonly tookMs: number;
  /** Empty for 200 with its whole body. */
  readonly failure: string;
}

const giveUpMs = 10_000;
/** What was slow for a while must not leave hundreds of them: those would look like a gateway that does not recover. */
const mostKept = 4;

class Calm {
  readonly #plan: CalmPlan;
  readonly answers: CalmAnswer[] = [];
  /** Kept connections that nobody uses, by target. */
  readonly #idle = new Map<string, Socket[]>();
  readonly #beganMs = wallMs();
  #sent = 0;
  #pending = 0;
  #timer: NodeJS.Timeout;

  constructor(plan: CalmPlan) {
    this.#plan = plan;
    for (const { name } of plan.targets) this.#idle.set(name, []);
    this.#timer = setInterval(() => this.#sendDue(), 2);
  }

  async end(): Promise<readonly CalmAnswer[]> {
    clearInterval(this.#timer);
    while (this.#pending > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    for (const sockets of this.#idle.values()) for (const socket of sockets) socket.destroy();
    return this.answers;
  }

  #sendDue(): void {
    const { targets, perSecond, path } = this.#plan;
    const stepMs = 1_000 / perSecond;
    for (; this.#beganMs + this.#sent * stepMs <= wallMs(); this.#sent += 1) {
      const dueMs = this.#beganMs + this.#sent * stepMs;
      for (const { name, port } of targets) {
        this.#pending += 1;
        const kind = this.#sent % 2 === 0 ? 'one-request' : 'keep-alive';
        const over = (failure: string): void => {
          this.#pending -= 1;
          this.answers.push({ target: name, kind, dueMs, tookMs: wallMs() - dueMs, failure });
        };
        if (kind === 'one-request') {
          const socket = connect({ host: '127.0.0.1', port, noDelay: true });
          ask(socket, `GET ${path} HTTP/1.0\r\nHost: origin\r\n\r\n`, over);
        } else {
          const idle = this.#idle.get(name) ?? [];
          const socket = idle.pop() ?? kept(port, idle);
          ask(socket, `GET ${path} HTTP/1.1\r\nHost: origin\r\n\r\n`, (failure, stays) => {
            if (stays && !socket.destroyed && idle.length < mostKept) idle.push(socket);
            else socket.destroy();
            over(failure);
          });
        }
      }
    }
  }
}

/** One that is closed while nobody uses it is no failure: whoever keeps connections must reckon with that. */
function kept(port: number, idle: Socket[]): Socket {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  socket.setMaxListeners(0);
  const forget = (): void => {
    const at = idle.indexOf(socket);
    if (at !== -1) idle.splice(at, 1);
    socket.destroy();
  };
  socket.on('error', forget);
  socket.on('end', forget);
  return socket;
}

function ask(
  socket: Socket,
  request: string,
  onOver: (failure: string, stays: boolean) => void,
): void {
  let text = '';
  let isOver = false;
  const over = (failure: string, stays = false): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    socket.off('data', onData);
    socket.off('close', onClose);
    onOver(failure, stays);
    if (!stays) socket.destroy();
  };
  const timer = setTimeout(() => over(`no answer in ${giveUpMs} ms`), giveUpMs);
  const onData = (data: Buffer): void => {
    text += data.toString('latin1');
    const read = whole(text);
    if (read !== null) over(read.failure, read.stays);
  };
  const onClose = (): void => {
    // Without a length the end of the connection ends the body.
    const isWhole = text.startsWith('HTTP/1.1 200') && !/^content-length:/im.test(text);
    over(isWhole ? '' : text === '' ? 'closed without an answer' : `cut: ${text.slice(0, 40)}`);
  };
  socket.on('error', () => undefined);
  socket.on('data', onData);
  socket.on('close', onClose);
  socket.write(request);
}

function whole(text: string): { failure: string; stays: boolean } | null {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const head = text.slice(0, end);
  const length = /^content-length: *(\d+)/im.exec(head);
  if (length === null || text.length - end - 4 < Number(length[1])) return null;
  const status = head.slice(9, 12);
  const told = /^proxy-status: *(.*)$/im.exec(head)?.[1] ?? '';
  const stays = !/^connection: *close/im.test(head);
  return { failure: status === '200' ? '' : `${status} ${told}`.trim(), stays };
}

function wallMs(): number {
  return performance.timeOrigin + performance.now();
}

const calm = new Calm(JSON.parse(process.argv[2] ?? '{}') as CalmPlan);
process.once('SIGTERM', () => {
  void calm.end().then((answers) => {
    process.stdout.write(`${JSON.stringify(answers)}\n`, () => process.exit(0));
  });
});
