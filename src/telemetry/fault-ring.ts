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
  /** The exchange's name, as in its log lines; null when the fault came before there was one. */
  readonly exchange: string | null;
}

/** All faults of one kind and one upstream: how many there were, and the last of them. */
export interface FaultSummary extends RecordedFault {
  readonly count: number;
  /** When the first one was. */
  readonly firstTime: string;
}

export interface FaultNote {
  readonly wallSeconds: number;
  readonly upstream: string;
  readonly status: number;
  readonly method: string | null;
  readonly exchange?: string | undefined;
}

const KEPT = 100;

export class FaultRing {
  readonly #faults: RecordedFault[] = [];
  /** By upstream and kind: both are bounded. */
  readonly #summaries = new Map<string, FaultSummary>();
  #next = 0;

  add(fault: Fault, note: FaultNote): void {
    const { wallSeconds, upstream, status, method, exchange = null } = note;
    const recorded: RecordedFault = {
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
      exchange,
    };
    this.#faults[this.#next] = recorded;
    this.#next = (this.#next + 1) % KEPT;
    const key = `${fault.kind} ${upstream}`;
    const before = this.#summaries.get(key);
    const { count = 0, firstTime = recorded.time } = before ?? {};
    this.#summaries.set(key, { ...recorded, count: count + 1, firstTime });
  }

  /** The upstream is gone: what was kept of it goes as the newer faults of others come. */
  forget(upstream: string): void {
    for (const [key, one] of this.#summaries)
      if (one.upstream === upstream) this.#summaries.delete(key);
  }

  /** One for each upstream and kind that has occurred, the latest first. */
  summaries(): readonly FaultSummary[] {
    return [...this.#summaries.values()].sort((a, b) => (a.time < b.time ? 1 : -1));
  }

  /** Newest first. */
  recent(): readonly RecordedFault[] {
    const { length } = this.#faults;
    return this.#faults.map(
      (_, back) => this.#faults[(this.#next - 1 - back + 2 * length) % length] as RecordedFault,
    );
  }
}
