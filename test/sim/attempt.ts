/** Requests, the attempts made for them, and what origins have answered: as they are on the wires. */
import type { ExchangePolicy } from '../../src/proxy/options.ts';
import type { AnswerPlan } from './answer.ts';
import type { OriginConnection } from './origin-connection.ts';
import type { RequestPlan } from './plan.ts';
import type { SentRequest } from './request-scan.ts';

export interface Attempt {
  readonly entry: Entry;
  readonly connection: OriginConnection;
  readonly sent: SentRequest;
  readonly atMs: number;
  /** Others on this connection had been sent and not answered when it was. */
  readonly isBehind: boolean;
  /** The connection had carried a request before, or lay idle for long. */
  readonly mayBeStale: boolean;
  /** Octets that the gateway had read on this connection by then. */
  readonly readBefore: number;
  answer: Answer | null;
  /** Its lease has come back. */
  isSettled: boolean;
}

export interface Answer {
  readonly plan: AnswerPlan;
  readonly attempt: Attempt;
  /** Places in all that the origin has said on its connection: interim heads, the final head, its end, the body's end. */
  readonly beginsAt: number;
  readonly headAt: number;
  readonly headEndAt: number;
  endAt: number;
  /** It is, or will be, whole: nothing has cut it. */
  isWhole: boolean;
  bodyBytes: number;
}

export type Told = 'not-sent' | 'sent-no-response' | 'partial-response';

export interface Truth {
  /** An octet of it has gone out, in whichever attempt. */
  readonly wasSent: boolean;
  /** It was given to a socket that keeps it, because the peer takes nothing. */
  readonly isStuck: boolean;
  /** Some of a final response has come in the last attempt. */
  readonly hasResponse: boolean;
  /** Something has come, whatever it was meant to be. */
  readonly hasBytes: boolean;
}

export class Entry {
  readonly plan: RequestPlan;
  readonly clientName: string;
  readonly attempts: Attempt[] = [];
  /** Set when the gateway begins to carry it. */
  policy: ExchangePolicy | null = null;
  /** What an answer of the gateway's own may say of it: the truth at that moment. */
  truth: Truth | null = null;

  constructor(plan: RequestPlan, clientName: string) {
    this.plan = plan;
    this.clientName = clientName;
  }

  get last(): Attempt | null {
    return this.attempts.at(-1) ?? null;
  }

  get name(): string {
    return `request ${this.plan.id} (${this.plan.method})`;
  }
}

export function sentBytes({ connection, sent }: Attempt): number {
  return Math.max(0, connection.tcp.takenBytes - sent.startAt);
}

/** Octets of its final response that the gateway has read. */
export function finalBytesRead({ connection, answer }: Attempt): number {
  return answer === null ? 0 : Math.max(0, connection.tcp.readBytes - answer.headAt);
}

/** Whether the gateway has read its whole response. */
export function isAnswered({ answer, connection }: Attempt): boolean {
  return answer?.isWhole === true && connection.tcp.readBytes >= answer.endAt;
}
