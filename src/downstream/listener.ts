/** A local address that clients connect to. */
import { chmodSync, chownSync, statSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { codeOf, messageOf } from '../base/fault.ts';
import { AcceptQueues } from './accept-queues.ts';
import { ClientConnection } from './client-connection.ts';
import type { ClientGate } from './client-gate.ts';
import type { Crowd, ListenerTerms } from './client-parts.ts';
import type { ClientSocket } from './client-socket.ts';
import { isOneTooMany } from './descriptors.ts';
import type { RequestHandler } from './handler.ts';
import type { RefusalReason } from './observer.ts';
import type { ListenAddress, ListenerOptions } from './options.ts';
import { RoomMaker } from './room-maker.ts';

export class Listener implements Crowd {
  #options: ListenerOptions;
  readonly #terms: ListenerTerms;
  #queues: AcceptQueues | null = null;
  readonly #gate: ClientGate;
  readonly #handler: RequestHandler;
  readonly connections = new Set<ClientConnection>();
  /** Among its own. */
  readonly #roomMaker: RoomMaker;

  private constructor(options: ListenerOptions, gate: ClientGate, handler: RequestHandler) {
    this.#options = options;
    this.#terms = { client: options.client, isRetired: false };
    this.#gate = gate;
    this.#handler = handler;
    this.#roomMaker = new RoomMaker(new Set([this]), gate.observer);
  }

  /** Opens it. Rejects, saying what to do, when the address cannot be had. */
  static async open(
    options: ListenerOptions,
    gate: ClientGate,
    handler: RequestHandler,
  ): Promise<Listener> {
    const listener = new Listener(options, gate, handler);
    await listener.#listen();
    gate.crowds.add(listener);
    return listener;
  }

  /** Where it listens: the port is the one really had if 0 was asked for. */
  get address(): ListenAddress {
    const bound = this.#queues?.address ?? null;
    return bound === null ? this.#options.address : { kind: 'tcp', ...bound };
  }

  async #listen(): Promise<void> {
    const { address, backlog } = this.#options;
    if (address.kind === 'unix') await removeStale(address.path);
    try {
      this.#queues = await AcceptQueues.open({
        address,
        backlog,
        onConnection: (socket) => this.#onConnection(socket),
        onError: (error) => this.#onError(error),
      });
    } catch (error) {
      throw explain(error, address);
    }
    if (address.kind !== 'unix') return;
    try {
      this.#ownSocket(address.path);
    } catch (error) {
      // Nobody may come in by a socket that is not as it was asked to be; closing it takes its file away too.
      this.#stopAccepting();
      throw error;
    }
  }

  #ownSocket(path: string): void {
    const { socketMode, socketOwner } = this.#options;
    if (socketMode !== null) chmodSync(path, socketMode);
    if (socketOwner !== null) chownSync(path, socketOwner.uid, socketOwner.gid);
  }

  #onConnection(socket: ClientSocket): void {
    const gate = this.#gate;
    const refusal = this.#refusal(socket);
    if (refusal !== null) {
      gate.observer.onRefused(refusal);
      socket.destroy();
      return;
    }
    gate.open += 1;
    gate.observer.onConnection();
    const connection = new ClientConnection({
      socket,
      gate,
      terms: this.#terms,
      handler: this.#handler,
      owner: this,
    });
    this.connections.add(connection);
  }

  #refusal(socket: ClientSocket): RefusalReason | null {
    const gate = this.#gate;
    const isFull = gate.open >= gate.maxClients;
    if (isFull || isOneTooMany(socket)) {
      return gate.makeRoom() ? null : isFull ? 'max-clients' : 'descriptors';
    }
    // Clients that a dead upstream keeps waiting take no room from those of the others.
    if (gate.isFair(this) || this.#roomMaker.make(gate.wheel.now())) return null;
    return 'listener-share';
  }

  onClosed(connection: ClientConnection): void {
    // One that gives way is told of at once, before its socket tells.
    if (!this.connections.delete(connection)) return;
    this.#gate.open -= 1;
    this.#gate.observer.onConnectionClosed();
    if (this.#terms.isRetired && !this.hasConnections) this.#gate.crowds.delete(this);
  }

  #onError(error: Error): void {
    const code = codeOf(error);
    // The kernel has no descriptor to give: libuv has closed the connection, and the next may succeed.
    if (code === 'EMFILE' || code === 'ENFILE') this.#gate.observer.onRefused('descriptors');
  }

  get options(): ListenerOptions {
    return this.#options;
  }

  /** Takes new options for the same address. They count from the next request; those of the socket are fixed. */
  update(options: ListenerOptions): void {
    this.#options = options;
    this.#terms.client = options.client;
  }

  /** Takes no new connections. Those that are open end with what they are doing. */
  retire(): void {
    this.#terms.isRetired = true;
    this.#stopAccepting();
    for (const connection of this.connections) connection.closeIfIdle();
    if (!this.hasConnections) this.#gate.crowds.delete(this);
  }

  #stopAccepting(): void {
    this.#queues?.close();
  }

  /** Connections whose last response is whole and not taken yet. */
  get untaken(): number {
    let count = 0;
    for (const { isUntaken } of this.connections) if (isUntaken) count += 1;
    return count;
  }

  get hasConnections(): boolean {
    return this.connections.size > 0;
  }

  /** Closes everything now. */
  destroy(): void {
    this.#stopAccepting();
    for (const connection of this.connections) connection.destroy();
  }
}

/** A socket file that nobody listens on any more is in the way; one that somebody does is not ours to take. */
async function removeStale(path: string): Promise<void> {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isSocket()) throw new Error(`${path} exists and is no socket: choose another path.`);
  const isAlive = await new Promise<boolean>((resolve) => {
    const probe = connect({ path }, () => {
      probe.destroy();
      resolve(true);
    });
    // Any other error is no proof: a living server whose queue is full answers EAGAIN, one of another user EACCES.
    probe.on('error', (error) => resolve(codeOf(error) !== 'ECONNREFUSED'));
  });
  if (isAlive) throw new Error(`${path} is in use: another process listens on it.`);
  unlinkSync(path);
}

function explain(error: unknown, address: ListenAddress): Error {
  const where = address.kind === 'unix' ? address.path : `${address.host}:${address.port}`;
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return new Error(`${where} is in use: another process listens on it.`);
    case 'EACCES':
      return new Error(
        `${where} is not permitted: a port below 1024, or a folder that is not writable.`,
      );
    case 'EADDRNOTAVAIL':
      return new Error(`${where} is no address of this machine.`);
    default:
      return new Error(`cannot listen on ${where}: ${messageOf(error)}`);
  }
}
