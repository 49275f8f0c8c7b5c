/** One connection on a wire without a socket. */
import { TimerWheel } from '../../../../src/base/timer-wheel.ts';
import type { OutgoingRequest } from '../../../../src/upstream/carrier.ts';
import { H1Connection } from '../../../../src/upstream/h1/connection.ts';
import type { ConnectionOwner } from '../../../../src/upstream/h1/connection-owner.ts';
import type { CloseReason } from '../../../../src/upstream/observer.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { FakeWire } from '../../../support/fake-wire.ts';
import { RecordingSink } from '../recording-sink.ts';
import { request } from '../scene.ts';

export class ConnectionScene {
  readonly clock = new FakeClock({ startMs: 1_000 });
  readonly wheel = new TimerWheel(this.clock, { slotMs: 8 });
  readonly wire = new FakeWire(this.clock);
  readonly lost: CloseReason[] = [];
  readonly told: number[] = [];
  readonly versions: boolean[] = [];
  repaired = 0;
  rescueMs = 100;
  answersOthers = true;
  rescues = 0;
  endedEarly = 0;
  readonly toldCloses: number[] = [];
  sent = 0;
  received = 0;
  readonly connection: H1Connection;

  constructor({ headBytes = 1_000, maxFields = 20 } = {}) {
    const owner: ConnectionOwner = {
      onIdleTooLong: () => undefined,
      onIdleLost: (_, reason) => this.lost.push(reason),
      onKeepAliveTold: (seconds) => this.told.push(seconds),
      onHttp10: (isHttp10) => this.versions.push(isHttp10),
      onRepaired: () => {
        this.repaired += 1;
      },
      onCounts: (sent, received) => {
        this.sent += sent;
        this.received += received;
      },
      onGathered: (connection) => this.clock.afterTurn(() => connection.sendGathered()),
      rescueMs: () => this.rescueMs,
      answersOthers: () => this.answersOthers,
      onRescued: () => {
        this.rescues += 1;
      },
      onEndedEarly: () => {
        this.endedEarly += 1;
      },
      onToldClose: (requests) => this.toldCloses.push(requests),
    };
    this.connection = new H1Connection({
      id: 1,
      endpoint: '10.0.0.1:80',
      wire: this.wire,
      owner,
      wheel: this.wheel,
      limits: { headBytes, maxFields },
      expiresAtMs: Number.POSITIVE_INFINITY,
    });
  }

  /** Sends a request without a body, or the head of one with a body. */
  send(terms: Partial<Omit<OutgoingRequest, 'head'>> = {}, ...lines: string[]): RecordingSink {
    const sink = new RecordingSink();
    this.connection.send(request(terms, lines.length > 0 ? lines : undefined), sink);
    return sink;
  }

  /** A request by this method and its whole response. */
  ask(method: string, response: string): RecordingSink {
    const sink = this.send({}, `${method} / HTTP/1.1`, 'Host: origin.example');
    this.wire.respond(response);
    return sink;
  }

  pass(ms: number): void {
    this.clock.advance(ms);
    this.clock.runTurn();
  }

  settle(): void {
    while (this.clock.pendingTurns > 0) this.clock.runTurn();
  }
}

export const postLines = (framing: string): string[] => [
  'POST / HTTP/1.1',
  'Host: origin.example',
  framing,
];
