/** What a connection tells of itself, and asks. The upstream supplies it. */
import type { TimerWheel } from '../../base/timer-wheel.ts';
import type { ResponseLimits } from '../../http1/response-parser.ts';
import type { CloseReason } from '../observer.ts';
import type { Wire } from '../wire.ts';
import type { H1Connection } from './connection.ts';

export interface ConnectionParts {
  readonly id: number;
  readonly endpoint: string;
  readonly wire: Wire;
  readonly owner: ConnectionOwner;
  readonly wheel: TimerWheel;
  readonly limits: ResponseLimits;
  /** When it is too old to be used again; Infinity for never. */
  readonly expiresAtMs: number;
}

export interface ConnectionOwner {
  /** `idleDeadline` is due. */
  onIdleTooLong(connection: H1Connection): void;
  /** An idle connection has ended or misbehaved: it is closed already. */
  onIdleLost(connection: H1Connection, reason: CloseReason): void;
  /** `Keep-Alive: timeout` was seen. */
  onKeepAliveTold(seconds: number): void;
  onHttp10(isHttp10: boolean): void;
  onRepaired(): void;
  onCounts(sent: number, received: number): void;
  /** A request was given to it that leaves with others: call `sendGathered` at the end of the turn. */
  onGathered(connection: H1Connection): void;
  /** How long those behind a response wait before they may go elsewhere. */
  rescueMs(): number;
  /** Whether the upstream answers others meanwhile. Else nothing is won elsewhere. */
  answersOthers(): boolean;
  onRescued(): void;
  /** It ended, without having said so, while requests waited behind another. */
  onEndedEarly(): void;
  /** Its nth response said that it closes. */
  onToldClose(requests: number): void;
}
