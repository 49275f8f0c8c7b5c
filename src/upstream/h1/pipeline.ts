/** Several requests on one connection at a time: in which order they are answered, and who is answered now. */
import type { Fault } from '../../base/fault.ts';
import { Deadline, type TimerWheel } from '../../base/timer-wheel.ts';
import type { CloseReason } from '../observer.ts';
import type { ConnectionOwner } from './connection-owner.ts';
import { behindFault } from './faults.ts';
import { nobody, type PipelineSlot } from './pipeline-slot.ts';

export interface PipelineParts {
  readonly endpoint: string;
  readonly wheel: TimerWheel;
  readonly owner: ConnectionOwner;
}

export class Pipeline {
  readonly #parts: PipelineParts;
  /** Whose response is read, or comes next. */
  first: PipelineSlot | null = null;
  #behind: PipelineSlot[] = [];
  #gathered: PipelineSlot[] = [];
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
    if (this.first !== null || this.#behind.length > 0) {
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
      slot.beganMs = nowMs;
    }
    const hasFirst = this.first !== null && this.#gathered[0] === this.first;
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
    const { endpoint, owner } = this.#parts;
    if (why !== 'not-reusable') owner.onEndedEarly();
    for (const slot of behind) tell(slot, behindFault(endpoint, 'ended', slot.hasSent));
  }

  #watchFirst(): void {
    this.#isRescueDue = false;
    this.#awaitRescue(this.#parts.owner.rescueMs());
  }

  #awaitRescue(delayMs: number): void {
    const { wheel } = this.#parts;
    if (this.#behind.length > 0) wheel.set(this.#rescue, delayMs);
    else wheel.clear(this.#rescue);
  }

  /**
   * The first takes too long: those behind go elsewhere; what comes for them is still read here, and dropped. But not
   * while the upstream answers nobody: they would only double its work. And not on the first word of the clock: after a
   * pause of this process it comes before what has arrived meanwhile is read.
   */
  #onRescueDue(): void {
    const { endpoint, owner } = this.#parts;
    const isSure = this.#isRescueDue;
    this.#isRescueDue = true;
    if (!isSure || !owner.answersOthers()) {
      this.#awaitRescue(isSure ? owner.rescueMs() : 1);
      return;
    }
    owner.onRescued();
    for (const slot of [...this.#behind]) tell(slot, behindFault(endpoint, 'slow', slot.hasSent));
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
