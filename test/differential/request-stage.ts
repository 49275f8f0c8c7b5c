/**
 * Trials of requests through a gateway to one origin, with a tap between the two. A gateway lives for one batch: when it
 * has ended, every connection to the origin is over and the tap's record is whole.
 */
import { connect } from 'node:net';
import { readResponses } from '../raw/strict-reader.ts';
import { type InProcessGateway, startInProcessGateway } from '../support/in-process-gateway.ts';
import { waitFor } from '../support/wait-for.ts';
import type { CountingOrigin } from './origins/origin.ts';
import { bytesOf, type Trial } from './request-grammar.ts';
import { Tap, type Tapped } from './tap.ts';

/** Longer than any origin here thinks, and than the gateway waits for one. */
const trialTimeoutMs = 60_000;
const parallel = 8;

export interface Told {
  /** Final statuses that the client was given. */
  readonly statuses: readonly number[];
  /** The connection did not end. */
  readonly isHung: boolean;
}

export interface Batch {
  readonly trials: readonly Trial[];
  readonly told: ReadonlyMap<number, Told>;
  readonly tapped: readonly Tapped[];
}

export class RequestStage {
  readonly origin: CountingOrigin;
  readonly #tap: Tap;

  private constructor(origin: CountingOrigin, tap: Tap) {
    this.origin = origin;
    this.#tap = tap;
  }

  static async start(origin: CountingOrigin): Promise<RequestStage> {
    return new RequestStage(origin, await new Tap(origin.port).listen());
  }

  async run(trials: readonly Trial[]): Promise<Batch> {
    const gateway = await startInProcessGateway({
      log: { level: 'silent' },
      upstreams: {
        origin: {
          url: `http://127.0.0.1:${this.#tap.port}`,
          host: 'client',
          authorities: ['a'],
          pool: { warm: 1, warmMax: 1 },
          // Malformed answers are failures: a breaker would keep the next document from its origin.
          breaker: 'off',
          outliers: 'off',
          timeouts: { connect: '20s', wait: '30s', firstByte: '20s', idle: '20s' },
        },
      },
    });
    const told = new Map<number, Told>();
    try {
      await this.#all(gateway, trials, told);
    } finally {
      await gateway.stop();
    }
    // The last octets of connections that are already over may still be on their way through the tap.
    await waitFor(() => this.#tap.openCount === 0, { everyMs: 2, timeoutMs: 10_000 });
    return { trials, told, tapped: this.#tap.take() };
  }

  async close(): Promise<void> {
    this.#tap.close();
    await this.origin.stop();
  }

  async #all(
    gateway: InProcessGateway,
    trials: readonly Trial[],
    told: Map<number, Told>,
  ): Promise<void> {
    const left = [...trials].reverse();
    const worker = async () => {
      for (let trial = left.pop(); trial !== undefined; trial = left.pop())
        told.set(trial.id, await ask(gateway.port, bytesOf(trial)));
    };
    await Promise.all(Array.from({ length: parallel }, worker));
  }
}

/** Sends all of it and then FIN, which is no reason for the gateway to forget its client, and waits for the end. */
function ask(port: number, bytes: Buffer): Promise<Told> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const parts: Buffer[] = [];
    const limit = setTimeout(() => end(true), trialTimeoutMs);
    const end = (isHung: boolean) => {
      clearTimeout(limit);
      socket.destroy();
      const { messages } = readResponses(Buffer.concat(parts), {
        methods: methodsOf(bytes),
        hasEnded: true,
      });
      const statuses = messages.map(({ start }) => Number(start[1])).filter((each) => each >= 200);
      resolve({ statuses, isHung });
    };
    socket.on('data', (chunk: Buffer) => parts.push(chunk));
    socket.on('end', () => end(false));
    socket.on('error', () => end(false));
    socket.end(bytes);
  });
}

function methodsOf(bytes: Buffer): string[] {
  const lines = bytes.toString('latin1').matchAll(/(?:^|\r\n)([A-Z-]+) \S+ HTTP\/1/g);
  return [...lines].map(([, method = '']) => method);
}
