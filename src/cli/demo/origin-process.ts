/** Starts the origin's process and speaks with it. */
import { type ChildProcess, fork } from 'node:child_process';
import type { OriginCertificate } from './certificate.ts';
import { Child, nextMessage } from './child.ts';
import type { Estate, FromOrigin, OriginCounts, ToOrigin } from './origin.ts';

export class OriginProcess {
  readonly port: number;
  readonly child: Child;
  readonly #process: ChildProcess;

  private constructor(started: ChildProcess, child: Child, port: number) {
    this.#process = started;
    this.child = child;
    this.port = port;
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  /** `onStarted` gets the child before anything can fail, so that it is ended in any case. */
  static async start(
    program: string,
    { cert, key }: OriginCertificate,
    onStarted: (child: Child) => void,
  ): Promise<OriginProcess> {
    const started = fork(program, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const child = new Child('origin', started);
    onStarted(child);
    const answer = await ask(started, child, { say: 'serve', cert, key });
    if (answer.say !== 'listening') throw new Error(`the origin: ${wordsOf(answer)}`);
    return new OriginProcess(started, child, answer.port);
  }

  /** What it saw since it was last asked. */
  async take(): Promise<OriginCounts> {
    const answer = await ask(this.#process, this.child, { say: 'count' });
    if (answer.say !== 'counts') throw new Error(`the origin: ${wordsOf(answer)}`);
    return answer.counts;
  }

  /** Leaves to it what must be tidied up should this process be killed. */
  entrust(estate: Estate): void {
    this.#process.send({ say: 'outlive', estate } satisfies ToOrigin);
  }
}

function ask(process: ChildProcess, child: Child, message: ToOrigin): Promise<FromOrigin> {
  const answer = nextMessage<FromOrigin>(process);
  // Left behind if the process dies first.
  answer.catch(() => undefined);
  process.send(message);
  return child.whileAlive(answer);
}

function wordsOf(answer: FromOrigin): string {
  return answer.say === 'failed' ? answer.why : `unexpected answer "${answer.say}"`;
}
