/** A client that asks for a trial and then, on the same connection if it can, for the next thing. */
import type { ResponseTrial } from '../response-grammar.ts';

export interface Got {
  /** 0 when it was given none. */
  readonly status: number;
  /** One character an octet. */
  readonly body: string;
  /** Null where the client has no way to tell. */
  readonly isWhole: boolean | null;
}

export interface Answers {
  readonly id: number;
  readonly first: Got;
  readonly next: Got;
}

export interface Client {
  ask(trials: readonly ResponseTrial[], port: number): Promise<Answers[]>;
  stop(): Promise<void>;
}

export interface ClientKind {
  readonly name: string;
  /** Without these it is left out. */
  readonly programs: readonly string[];
  /** Whether this client can be expected to understand it. */
  readonly takes: (trial: ResponseTrial) => boolean;
  readonly start: () => Promise<Client>;
}
