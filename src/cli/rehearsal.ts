/**
 * A few made-up requests through the gateway's own path, before it says that it is ready.
 *
 * V8 compiles a function, of ours or of Node, when it is first called: the first request would pay for all on its way.
 * So the real code is rehearsed, client connection to upstream; only clients and origin are made up. Measured as a
 * client sees it over loopback (medians of 20): first request 6.3 ms without, 1.9 with 1 round, 1.7 with 4, 1.7 with 8,
 * 1.5 with 16; to a TLS upstream 7.5, 2.7, 2.6, 2.4, 2.5. Four rounds take 30 ms, beside the dials, and 1 MB.
 *
 * It leaves no trace: timer wheel, gate, upstream and observers are its own. Its sockets are of Linux's abstract kind:
 * no file, no port, no permission, no TIME_WAIT. Where there are none, or it takes too long, it is given up. V8's cache
 * on disk (`module.enableCompileCache`) is no way: it needs a folder to write to, and a sidecar's root is read-only.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock, Random } from '../base/clock.ts';
import { messageOf } from '../base/fault.ts';
import { TimerWheel } from '../base/timer-wheel.ts';
import type { GatewayConfig, UpstreamConfig } from '../config/gateway-config.ts';
import {
  type AcceptedSocket,
  acceptByEvent,
  acceptSharing,
} from '../downstream/accepted-sockets.ts';
import { ClientConnection } from '../downstream/client-connection.ts';
import { ClientGate } from '../downstream/client-gate.ts';
import { isOneTooMany } from '../downstream/descriptors.ts';
import type { RequestHandler } from '../downstream/handler.ts';
import { DateSource } from '../message/http-date.ts';
import { beginExchanges } from '../proxy/begin.ts';
import { BodyBudget } from '../proxy/held-body.ts';
import { RetryBudget } from '../resilience/retry-budget.ts';
import type { DialResult } from '../upstream/dialer.ts';
import { ReadBuffer, SocketWire } from '../upstream/socket-wire.ts';
import { Upstream } from '../upstream/upstream.ts';
import { answers, clients, deafClient, deafExchange, deafUpstream } from './rehearsal-props.ts';

export interface RehearsalParts {
  readonly config: GatewayConfig;
  readonly clock: Clock;
  readonly random: Random;
  /** Calls it off. */
  readonly signal: AbortSignal;
}

/** Resolves when all is over and put away, with why it was given up if it was. Bounded in time; never rejects. */
export type Rehearse = (parts: RehearsalParts) => Promise<string | null>;

const LONGEST_MS = 250;
const ROUNDS = 4;

export const rehearse: Rehearse = async (parts) => {
  const { clock, signal } = parts;
  const stage = new Stage(parts);
  const stop = (): void => stage.clear('it was called off');
  const cancel = clock.sleep(LONGEST_MS, () => stage.clear(`not done in ${LONGEST_MS} ms`));
  signal.addEventListener('abort', stop);
  try {
    if (signal.aborted) stop();
    return await Promise.race([stage.cleared, stage.play()]);
  } catch (error) {
    return messageOf(error);
  } finally {
    cancel();
    signal.removeEventListener('abort', stop);
    stage.clear('it is over');
  }
};

class Stage {
  readonly cleared: Promise<string>;
  #onCleared: (why: string) => void = () => undefined;
  readonly #parts: RehearsalParts;
  readonly #wheel: TimerWheel;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  #upstream: Upstream | null = null;
  #isCleared = false;

  constructor(parts: RehearsalParts) {
    this.cleared = new Promise((resolve) => {
      this.#onCleared = resolve;
    });
    this.#parts = parts;
    this.#wheel = new TimerWheel(parts.clock);
  }

  /** Nothing may be opened after all was put away. */
  #goOn(): void {
    if (this.#isCleared) throw new Error('it was given up');
  }

  async play(): Promise<null> {
    this.#goOn();
    const { config, clock } = this.#parts;
    const [listener] = config.listeners;
    const like = config.upstreams.find(({ options }) => options.name === listener?.upstream);
    if (listener === undefined || like === undefined) throw new Error('nothing is configured');
    let answered = 0;
    const origin = await this.#open((socket) => {
      socket.setReader(() => socket.write(answers[answered++ % answers.length] ?? ''));
    });
    const handler = this.#handler(like, origin);
    const gate = new ClientGate({
      clock,
      wheel: this.#wheel,
      dates: new DateSource(clock),
      observer: deafClient,
      maxClients: 1,
    });
    const terms = { client: listener.options.client, isRetired: false };
    const owner = { onClosed: () => undefined };
    const door = await this.#open((socket) => {
      isOneTooMany(socket);
      new ClientConnection({ socket, gate, terms, handler, owner });
    });
    for (let round = 0; round < ROUNDS; round += 1)
      for (const requests of clients) {
        await this.#call(door, requests);
        this.#goOn();
      }
    return null;
  }

  /** The way up, as configured; but plain, to the origin here, and without what could turn a request away. */
  #handler({ options, policy }: UpstreamConfig, path: string): RequestHandler {
    const { clock, random, config } = this.#parts;
    const wheel = this.#wheel;
    const upstream = new Upstream({
      ...this.#parts,
      options: { ...options, tls: null, pool: { ...options.pool, warm: 1, warmMax: 1 } },
      wheel,
      dial: (_, result) => this.#dial(path, result),
      observer: deafUpstream,
      onAddressDoubt: () => undefined,
      onWarm: () => undefined,
    });
    this.#upstream = upstream;
    upstream.setEndpoints([{ ip: '127.0.0.1', port: 80 }]);
    const route = {
      upstream,
      policy: { ...policy, requiresUpgrade: false },
      budget: new RetryBudget(0, 0, clock.now()),
      observer: deafExchange,
    };
    return beginExchanges(
      { route, authorities: [] },
      { clock, wheel, random, bodies: new BodyBudget(config.limits.bufferTotalBytes) },
    );
  }

  #dial(path: string, result: DialResult): () => void {
    const onread = new ReadBuffer({ isEncrypted: false });
    const socket = this.#keep(connect({ path, allowHalfOpen: true, onread }));
    socket.once('connect', () =>
      result.onConnected(new SocketWire(socket, onread), { tcpMs: 0, tlsMs: null, resumed: false }),
    );
    return () => socket.destroy();
  }

  /** Resolves when the gateway's side has closed. */
  #call(path: string, requests: readonly string[]): Promise<void> {
    const left = [...requests];
    const socket = this.#keep(connect({ path }));
    const next = (): void => {
      const request = left.shift();
      if (request !== undefined) socket.write(request);
    };
    socket.on('connect', next);
    socket.on('data', next);
    return new Promise((resolve) => {
      socket.on('close', () => resolve());
    });
  }

  async #open(onConnection: (socket: AcceptedSocket) => void): Promise<string> {
    const server = createServer({ allowHalfOpen: true });
    this.#servers.push(server);
    const path = `\0sidepool-rehearsal-${process.pid}-${randomUUID()}`;
    server.listen({ path });
    await once(server, 'listening');
    const onSocket = (socket: AcceptedSocket): void => {
      this.#keep(socket);
      onConnection(socket);
    };
    // As a listener does.
    if (!acceptSharing(server, onSocket)) acceptByEvent(server, onSocket);
    server.on('error', () => undefined);
    this.#goOn();
    return path;
  }

  #keep(socket: Socket): Socket {
    if (this.#isCleared) socket.destroy();
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
    return socket;
  }

  clear(why: string): void {
    if (this.#isCleared) return;
    this.#isCleared = true;
    this.#upstream?.destroy();
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
    this.#wheel.stop();
    this.#onCleared(why);
  }
}
