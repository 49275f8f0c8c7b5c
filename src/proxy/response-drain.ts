/** Reads a small rest of a response that nobody waits for, so that its connection can be used again. */
import type { Lease, ResponseSink } from '../upstream/carrier.ts';
import type { CloseReason } from '../upstream/observer.ts';
import type { RawSocket } from '../upstream/wire.ts';

/** A response that nobody waits for any more is read to its end if no more than this is left of it. */
const DRAIN_BYTES = 64 * 1024;

/** Keeps the connection if it costs little to read the response to its end; else discards it, for this reason. */
export function dropResponse(lease: Lease, reason: CloseReason): void {
  const { carrier } = lease;
  if (reason === 'fault' || carrier.leftBytes > DRAIN_BYTES) lease.discard(reason);
  else carrier.redirect(new ResponseDrain(lease));
}

class ResponseDrain implements ResponseSink {
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
