/** Several requests on one connection at a time: in which order they are answered, and who is answered now. */
import type { Fault } from '../../base/fault.ts';
import { Deadline, type TimerWheel } from '../../base/timer-wheel.ts';
import type { CloseReason } from '../observer.ts';
import type { H1Connection } from './connection.ts';
import type { ConnectionOwner } from './connection-owner.ts';
import { behindFault } from './faults.ts';
import { nobody, type PipelineSlot } from './pipeline-slot.ts';
import type { RequestOutput } from './request-output.ts';
import type { ResponseReader } from './response-reader.ts';

/** More than this of a response that nobody waits for is not read for the sake of those behind it. */
const DRAIN_BYTES = 64 * 1024;
/** After so long those who wait go elsewhere even if the upstream answers nobody, and the first itself is doubted. */
const PATIENCE_MS = 1_000;

export interface PipelineParts {
  readonly connection: H1Connection;
  readonly reader: ResponseReader;
  readonly output: RequestOutput;
  readonly wheel: TimerWheel;
  readonly owner: ConnectionOwner;
}

export class Pipeline {
  readonly #parts: PipelineParts;
  /** Whose response is read, or comes next. */
  first: PipelineSlot | null = null;
  #behind: PipelineSlot[] = [];
  #gathered: PipelineSlot[] = [];
  /** Those behind the first have gone elsewhere: nobody else is to wait behind it. */
  isHeldUp = false;
  #isMarked = false;
  /** The time for the first has run out once. */
  #isRescueDue = false;
  readonly #rescue = new Deadline(() => this.#onRescueDue());

  constructor(parts: PipelineParts) {
    this.#parts = parts;
  }

  /** Those who wait behind the first. */
  get waiting(): number {
    return this.#behind.length;
  }

  /** Whether the next in line, if there is one, has been sent. */
  get hasSentNext(): boolean {
    return this.#behind[0]?.hasSent === true;
  }

  /** Puts it in line. Gives whether it is the first. */
  add(slot: PipelineSlot): boolean {
    this.#gathered.push(slot);
    slot.line = this;
    if (this.first !== null || this.#behind.length > 0) {
      slot.wasBehind = true;
      this.#behind.push(slot);
      return false;
    }
    slot.isFirst = true;
    this.first = slot;
    return true;
  }

  /** What was gathered has been written, if `hasSent`. Gives whether the first was among them. */
  onFlushed(hasSent: boolean): boolean {
    const nowMs = this.#parts.wheel.now();
    for (const slot of this.#gathered) {
      slot.hasSent = hasSent;
      slot.sentAtMs = nowMs;
      slot.beganMs = nowMs;
    }
    const hasFirst = this.first !== null && this.#gathered[0] === this.first;
    // What it was put behind has been answered before this left: it was sent alone.
    if (hasFirst && this.first !== null) this.first.wasBehind = false;
    this.#gathered = [];
    if (!this.#rescue.isSet) this.#watchFirst();
    return hasFirst;
  }

  /** The first has been answered. Gives the next, which is the first now. */
  next(): PipelineSlot | null {
    this.finish();
    const next = this.#behind.shift() ?? null;
    if (next === null) return null;
    next.isFirst = true;
    next.beganMs = this.#parts.wheel.now();
    this.first = next;
    this.#watchFirst();
    return next;
  }

  /** The first is done, however it ended. */
  finish(): void {
    const { first } = this;
    if (first === null) return;
    first.isFirst = false;
    first.tookMs = this.#parts.wheel.now() - first.beganMs;
    this.first = null;
    this.#parts.wheel.clear(this.#rescue);
  }

  /** The connection ends, for this reason: those who wait get nothing from it any more. */
  dismiss(why: CloseReason): void {
    const behind = this.#behind;
    if (behind.length === 0) return;
    this.#behind = [];
    this.#dropUnsent();
    const { connection } = this.#parts;
    if (why !== 'not-reusable') this.#mark();
    for (const slot of behind) tell(slot, behindFault(connection.endpoint, 'ended', slot.hasSent));
  }

  #watchFirst(): void {
    this.#isRescueDue = false;
    this.isHeldUp = false;
    this.#awaitRescue(this.#parts.owner.rescueMs());
  }

  #awaitRescue(delayMs: number): void {
    const { wheel } = this.#parts;
    const isAwaited = this.#behind.some(({ sink }) => sink !== nobody) || this.#isDoubtful;
    if (isAwaited) wheel.set(this.#rescue, delayMs);
    else wheel.clear(this.#rescue);
  }

  /**
   * The first takes too long: those behind go elsewhere; what comes for them is still read here, and dropped. But not
   * while the upstream answers nobody: they would only double its work. And not on the first word of the clock: after a
   * pause of this process it comes before what has arrived meanwhile is read.
   */
  #onRescueDue(): void {
    const { connection, owner, reader } = this.#parts;
    const { first } = this;
    if (first === null) return;
    const isSure = this.#isRescueDue;
    this.#isRescueDue = true;
    const isLong = this.#parts.wheel.now() - first.beganMs >= PATIENCE_MS;
    if (!isSure || !(isLong || reader.isUnderWay || owner.answersOthers())) {
      this.#awaitRescue(isSure ? owner.rescueMs() : 1);
    } else if (isLong && this.#isDoubtful) {
      // An upstream that drops what it reads ahead would never answer it.
      connection.fail(behindFault(connection.endpoint, 'slow', first.hasSent));
    } else {
      this.release();
      this.#awaitRescue(PATIENCE_MS);
    }
  }

  /** It may never have been read: it was sent behind another, and nothing has come for it. */
  get #isDoubtful(): boolean {
    return this.first?.wasBehind === true && this.#parts.reader.received === 'nothing';
  }

  /** How long the first has waited behind others. */
  get waitedMs(): number {
    return this.first === null ? 0 : this.#parts.wheel.now() - this.first.sentAtMs;
  }

  /** The final head of the first is here. */
  onHead(): void {
    const { reader } = this.#parts;
    // RFC 9112 9.6: nothing that was sent behind it is answered.
    if (!reader.head.keepsAlive) this.dismiss('not-reusable');
    else if (this.first?.sink === nobody) this.onFirstAbandoned();
  }

  /** Nobody waits for the response that is read: too long a rest of it is not waited out. */
  onFirstAbandoned(): void {
    const { connection, reader } = this.#parts;
    if (reader.awaiting !== 'body' || reader.leftBytes <= DRAIN_BYTES) return;
    connection.takesMore = false;
    this.release();
  }

  /** What the first is told when the connection fails. Sent behind another and not answered, it may be answered alone. */
  faultOfFirst(failure: Fault): Fault {
    const { first } = this;
    const { connection, reader } = this.#parts;
    if (first?.wasBehind !== true || reader.awaiting !== 'head') return failure;
    this.#mark();
    const isKnown = failure.kind === 'internal' || failure.behind !== undefined;
    return isKnown ? failure : behindFault(connection.endpoint, 'ended', first.hasSent);
  }

  /** Those behind go elsewhere; what comes for them is still read here, and dropped. */
  release(): void {
    const { connection, owner } = this.#parts;
    this.isHeldUp = true;
    const waiting = this.#behind.filter(({ sink }) => sink !== nobody);
    if (this.#dropUnsent()) this.#behind = this.#behind.filter(({ hasSent }) => hasSent);
    if (waiting.length > 0) owner.onRescued();
    for (const slot of waiting) tell(slot, behindFault(connection.endpoint, 'slow', slot.hasSent));
  }

  /** Those that were gathered in this turn are told that they were not sent: so they are not to leave at its end. */
  #dropUnsent(): boolean {
    if (this.#gathered.length === 0 || this.#gathered[0] === this.first) return false;
    this.#gathered = [];
    this.#parts.output.drop();
    return true;
  }

  /** A connection ends early once, whomever that concerns. */
  #mark(): void {
    if (!this.#isMarked) this.#parts.owner.onEndedEarly();
    this.#isMarked = true;
  }

  /** Nobody is told any more. */
  stop(): void {
    this.#parts.wheel.clear(this.#rescue);
  }
}

/** From here on its response is nobody's. */
function tell(slot: PipelineSlot, fault: Fault): void {
  const { sink } = slot;
  slot.sink = nobody;
  sink?.onFault(fault);
}
