/** The last faults, for a person who looks at the status page. */
import type { Fault, FaultKind, FaultSide, Received, Sent } from '../base/fault.ts';
import { methodOf, scrub } from './scrub.ts';

export interface RecordedFault {
  /** ISO 8601, by the wall clock. */
  readonly time: string;
  /** The upstream's name; empty when the fault came before one was chosen. */
  readonly upstream: string;
  readonly kind: FaultKind;
  readonly side: FaultSide;
  readonly sent: Sent;
  readonly received: Received;
  readonly cause: string;
  readonly code: string | null;
  /** What the client was told; 0 if it could not be told. */
  readonly status: number;
  readonly method: string | null;
}

export interface FaultNote {
  readonly wallSeconds: number;
  readonly upstream: string;
  readonly status: number;
  readonly method: string | null;
}

const KEPT = 100;

export class FaultRing {
  readonly #faults: RecordedFault[] = [];
  #next = 0;

  add(fault: Fault, { wallSeconds, upstream, status, method }: FaultNote): void {
    this.#faults[this.#next] = {
      time: new Date(wallSeconds * 1000).toISOString(),
      upstream,
      kind: fault.kind,
      side: fault.side,
      sent: fault.sent,
      received: fault.received,
      cause: scrub(fault.cause),
      code: fault.code ?? null,
      status,
      method: method === null ? null : methodOf(method),
    };
    this.#next = (this.#next + 1) % KEPT;
  }

  /** Newest first. */
  recent(): readonly RecordedFault[] {
    const { length } = this.#faults;
    return this.#faults.map(
      (_, back) => this.#faults[(this.#next - 1 - back + 2 * length) % length] as RecordedFault,
    );
  }
}
