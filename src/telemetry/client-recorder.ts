/** The numbers of the client side: one recorder for all listeners. */
import type { Clock } from '../base/clock.ts';
import type { Fault } from '../base/fault.ts';
import type { ClientObserver, RefusalReason } from '../downstream/observer.ts';
import type { Version } from '../message/head.ts';
import type { FaultLog } from './fault-log.ts';
import type { FaultRing } from './fault-ring.ts';
import { FaultTally } from './fault-tally.ts';

export class ClientRecorder implements ClientObserver {
  readonly #clock: Clock;
  readonly #faultLog: FaultLog;
  readonly #ring: FaultRing;

  opened = 0;
  closed = 0;
  requests10 = 0;
  requests11 = 0;
  readonly refused = { 'max-clients': 0, descriptors: 0, 'listener-share': 0, 'gave-way': 0 };
  receivedBytes = 0;
  sentBytes = 0;
  readonly faults = new FaultTally();

  constructor({ clock, faultLog, ring }: { clock: Clock; faultLog: FaultLog; ring: FaultRing }) {
    this.#clock = clock;
    this.#faultLog = faultLog;
    this.#ring = ring;
  }

  onConnection(): void {
    this.opened += 1;
  }

  onConnectionClosed(): void {
    this.closed += 1;
  }

  onRequest(version: Version): void {
    if (version === 10) this.requests10 += 1;
    else this.requests11 += 1;
  }

  onRefused(reason: RefusalReason): void {
    this.refused[reason] += 1;
    this.#faultLog.refused(reason);
  }

  onFault(fault: Fault, status: number): void {
    this.faults.add(fault.kind, fault.side);
    const wallSeconds = this.#clock.wallSeconds();
    this.#ring.add(fault, { wallSeconds, upstream: '', status, method: null });
    this.#faultLog.client(fault, status);
  }

  onBytes(received: number, sent: number): void {
    this.receivedBytes += received;
    this.sentBytes += sent;
  }
}
