/** Reads a small rest of a response that nobody waits for, so that its connection can be used again. */
import type { Lease, ResponseSink } from '../upstream/carrier.ts';
import type { CloseReason } from '../upstream/observer.ts';
import type { RawSocket } from '../upstream/wire.ts';

export class ResponseDrain implements ResponseSink {
  readonly #lease: Lease;

  constructor(lease: Lease) {
    this.#lease = lease;
  }

  onInterim(): void {
    // Nobody is left to be told.
  }

  onHead(): void {
    // Nobody is left to be told.
  }

  onResponseBody(): boolean {
    return true;
  }

  onResponseReadEnd(): void {
    // Nothing was written.
  }

  holdsBytes(): boolean {
    return false;
  }

  onUpstreamWritable(): void {
    // The request was whole before.
  }

  onResponseEnd(_: unknown, canReuse: true | CloseReason): void {
    if (canReuse === true) this.#lease.giveBack();
    else this.#lease.discard(canReuse);
  }

  onSwitched(_: unknown, upstream: RawSocket): void {
    // Only the rest of a body is drained: nothing can be switched any more.
    upstream.destroy();
    this.#lease.discard('client-gone');
  }

  onFault(): void {
    this.#lease.discard('client-gone');
  }
}
