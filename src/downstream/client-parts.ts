/** What a client's connection is made of. */
import type { ClientConnection } from './client-connection.ts';
import type { ClientGate } from './client-gate.ts';
import type { ClientSocket } from './client-socket.ts';
import type { RequestHandler } from './handler.ts';
import type { ClientOptions } from './options.ts';

/** What a listener's connections look at again and again: a reload may change it under them. */
export interface ListenerTerms {
  client: ClientOptions;
  /** The listener is going away: each connection ends with its exchange. */
  isRetired: boolean;
}

export interface ConnectionOwner {
  onClosed(connection: ClientConnection): void;
}

/** All of one listener. */
export interface Crowd extends ConnectionOwner {
  readonly connections: ReadonlySet<ClientConnection>;
}

export interface ClientParts {
  readonly socket: ClientSocket;
  readonly gate: ClientGate;
  readonly terms: ListenerTerms;
  readonly handler: RequestHandler;
  readonly owner: ConnectionOwner;
}
