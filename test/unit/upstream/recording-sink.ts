/** Takes a response and keeps a record of it. */
import type { Fault } from '../../../src/base/fault.ts';
import type { FieldTable } from '../../../src/message/fields.ts';
import type { ResponseHead } from '../../../src/message/head.ts';
import type { ResponseSink } from '../../../src/upstream/carrier.ts';
import type { CloseReason } from '../../../src/upstream/observer.ts';
import type { RawSocket } from '../../../src/upstream/wire.ts';

export class RecordingSink implements ResponseSink {
  /** Every call but `holdsBytes`, by name; data as `data:abc`, heads as `head:200`. */
  readonly calls: string[] = [];
  status = 0;
  /** Data as it was when the read ended, copied as a client that writes at once would. */
  body = '';
  /** Views of data, as a slow client holds them. */
  readonly held: Buffer[] = [];
  interims: number[] = [];
  trailers: string | null = null;
  canReuse: true | CloseReason | null = null;
  fault: Fault | null = null;
  switchedRest: string | null = null;
  socket: RawSocket | null = null;
  /** What `onResponseBody` answers. */
  takesMore = true;
  /** What `holdsBytes` answers. */
  holds = false;
  /** Called when it is over, however that was. */
  onOver: (() => void) | null = null;
  onBodyData: (() => void) | null = null;

  get isOver(): boolean {
    return this.canReuse !== null || this.fault !== null || this.switchedRest !== null;
  }

  get heldBody(): string {
    return Buffer.concat(this.held).toString('latin1');
  }

  onInterim(head: ResponseHead): void {
    this.#note(`interim:${head.status}`);
    this.interims.push(head.status);
  }

  onHead(head: ResponseHead): void {
    this.#note(`head:${head.status}`);
    this.status = head.status;
  }

  onResponseBody(data: Buffer): boolean {
    const text = data.toString('latin1');
    this.#note(`data:${text.length > 20 ? text.length : text}`);
    this.body += text;
    this.held.push(data);
    this.onBodyData?.();
    return this.takesMore;
  }

  onResponseEnd(trailers: FieldTable | null, canReuse: true | CloseReason): void {
    this.#note('end');
    this.trailers = trailers === null ? null : trailers.text;
    this.canReuse = canReuse;
    this.onOver?.();
  }

  onResponseReadEnd(): void {
    this.calls.push('read-end');
  }

  holdsBytes(): boolean {
    return this.holds;
  }

  onUpstreamWritable(): void {
    this.#note('writable');
  }

  onSwitched(head: ResponseHead, socket: RawSocket, rest: Buffer): void {
    this.#note(`switched:${head.status}`);
    this.socket = socket;
    this.switchedRest = rest.toString('latin1');
    this.onOver?.();
  }

  onFault(fault: Fault): void {
    this.#note(`fault:${fault.kind}`);
    this.fault = fault;
    this.onOver?.();
  }

  #note(call: string): void {
    if (this.isOver) throw new Error(`${call} after the end: ${this.calls.join(' ')}`);
    this.calls.push(call);
  }
}
