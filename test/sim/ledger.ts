/**
 * The truth about every request: what its client wanted, what went out for it on which connection, what origins have
 * said to it, and what its client may be told of it. Each attempt is held against the rules as its first octet is written.
 */
import type { Fault } from '../../src/base/fault.ts';
import type { ExchangePolicy } from '../../src/proxy/options.ts';
import {
  type Answer,
  type Attempt,
  Entry,
  finalBytesRead,
  isAnswered,
  sentBytes,
  type Told,
  type Truth,
} from './attempt.ts';
import type { SimLoop } from './loop.ts';
import type { OriginConnection } from './origin-connection.ts';
import type { RequestPlan } from './plan.ts';
import type { SentRequest } from './request-scan.ts';
import { checkResend, checkReuse, checkSeen } from './resend-rules.ts';
import { Violation } from './violation.ts';

/** No server of good sense closes a connection that was idle for less: as the design has it. */
const STALE_IDLE_MS = 1_000;

export class Ledger {
  readonly entries = new Map<number, Entry>();
  readonly #answers = new Map<number, Answer>();
  readonly #loop: SimLoop;
  #nextId = 1;
  #nextSerial = 1;
  attempts = 0;
  resends = 0;
  /** The request whose exchange is being made in this very call. */
  beginningId: number | null = null;
  /** Of which request each exchange is that was made. */
  readonly idOf = new WeakMap<object, number>();
  /** Attempts that were sent behind others. */
  pipelined = 0;

  constructor(loop: SimLoop) {
    this.#loop = loop;
  }

  nextId(): number {
    return this.#nextId++;
  }

  nextSerial(): number {
    return this.#nextSerial++;
  }

  planned(plan: RequestPlan, clientName: string): Entry {
    const entry = new Entry(plan, clientName);
    this.entries.set(plan.id, entry);
    return entry;
  }

  entryOf(id: number): Entry {
    const entry = this.entries.get(id);
    if (entry === undefined) throw new Violation('unknown-request', `request ${id} was never made`);
    return entry;
  }

  onAnswer(answer: Answer): void {
    this.#answers.set(answer.plan.serial, answer);
  }

  answerOf(serial: number): Answer | null {
    return this.#answers.get(serial) ?? null;
  }

  // ---- The gateway's own events

  onBegan(id: number, policy: ExchangePolicy): void {
    const entry = this.entryOf(id);
    if (entry.policy !== null) throw new Violation('begun-twice', `${entry.name} began twice`);
    entry.policy = policy;
  }

  /** A lease of this connection was settled. Gives whether it had been used. */
  onSettled(id: number, connection: OriginConnection): boolean {
    let wasUsed = false;
    for (const attempt of this.entryOf(id).attempts) {
      if (attempt.connection !== connection || attempt.isSettled) continue;
      attempt.isSettled = true;
      wasUsed = true;
    }
    return wasUsed;
  }

  onFault(id: number, failure: Fault, status: number): void {
    const entry = this.entryOf(id);
    if (failure.kind === 'internal') throw new Violation('defect', failure.cause);
    if (entry.truth !== null) throw new Violation('told-twice', `${entry.name} failed twice`);
    const truth = truthOf(entry);
    entry.truth = truth;
    if (status !== 0) checkTold(entry, toldBy(failure), truth);
  }

  // ---- Attempts

  /** The first octet of a request is being written to an origin. */
  onAttempt(connection: OriginConnection, sent: SentRequest): void {
    const entry = this.entryOf(sent.id);
    const before = connection.attempts.at(-1) ?? null;
    // One whose response was read, and is not passed on yet, still stands before it.
    const isBehind = before !== null && !(isAnswered(before) && before.isSettled);
    const attempt: Attempt = {
      entry,
      connection,
      sent,
      atMs: this.#loop.now(),
      isBehind,
      mayBeStale: before !== null || this.#loop.now() - connection.openedMs >= STALE_IDLE_MS,
      readBefore: connection.tcp.readBytes,
      answer: null,
      isSettled: false,
    };
    const previous = entry.last;
    entry.attempts.push(attempt);
    connection.attempts.push(attempt);
    this.attempts += 1;
    if (isBehind) this.pipelined += 1;
    if (entry.policy === null) throw new Violation('unasked', `${entry.name} was never begun`);
    if (sent.method !== entry.plan.method)
      throw new Violation('method', `${entry.name} sent as ${sent.method}`);
    if (before !== null) {
      checkReuse(attempt, before);
      checkSeen(attempt, this.#loop.turns);
    }
    if (previous !== null) this.#resent(attempt, previous);
  }

  #resent(attempt: Attempt, previous: Attempt): void {
    if (sentBytes(previous) > 0) this.resends += 1;
    checkResend(attempt, previous);
  }
}

export function truthOf(entry: Entry): Truth {
  const { last } = entry;
  return {
    wasSent: entry.attempts.some((attempt) => sentBytes(attempt) > 0),
    isStuck: last !== null && isStuck(last),
    hasResponse: last !== null && finalBytesRead(last) > 0 && !isDropped(last),
    hasBytes: last !== null && last.connection.tcp.readBytes > last.readBefore,
  };
}

function isStuck({ connection, sent }: Attempt): boolean {
  const { tcp, scan } = connection;
  if (tcp.takenBytes < sent.startAt) return true;
  return tcp.takenBytes < scan.writtenBytes && !tcp.hasResetArrived;
}

/**
 * Nobody is told of it: a response of one of the statuses that are tried again, or one that lies unread behind another,
 * whose client is slow.
 */
function isDropped({ answer, entry, isBehind }: Attempt): boolean {
  if (isBehind) return true;
  return answer !== null && entry.policy?.retry.statuses.includes(answer.plan.status) === true;
}

function toldBy({ sent, received }: Fault): Told {
  if (received === 'part-of-head' || received === 'head' || received === 'whole') {
    return 'partial-response';
  }
  return sent === 'sent' ? 'sent-no-response' : 'not-sent';
}

/** Design 4.4: a caller of POST decides by it. */
export function checkTold(entry: Entry, told: Told, truth: Truth): void {
  const { wasSent, isStuck, hasResponse, hasBytes } = truth;
  const isSent = (wasSent || isStuck) && !hasResponse;
  const isTrue = told === 'not-sent' ? !wasSent : told === 'partial-response' ? hasBytes : isSent;
  if (isTrue) return;
  const so = !wasSent ? 'nothing was sent' : hasResponse ? 'some response had come' : 'it was sent';
  throw new Violation('told-untrue', `the client of ${entry.name} is told ${told}: ${so}`);
}
