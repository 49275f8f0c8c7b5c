/** A request's body on its way through: given to the carrier as it comes, and held as far as it is small. */
import type { ClientExchange } from '../downstream/handler.ts';
import type { RequestHead } from '../message/head.ts';
import type { Carrier } from '../upstream/carrier.ts';
import type { ExchangeContext } from './exchange-context.ts';
import { type BodyAllowance, HeldBody } from './held-body.ts';
import type { Route } from './route.ts';

/** That of a request, or null for one without. */
export function bodyOf(
  { framing }: RequestHead,
  client: ClientExchange,
  { policy, upstream }: Route,
  { bodies }: ExchangeContext,
): RequestBody | null {
  if (framing === 'none') return null;
  return new RequestBody(client, policy.retry.bodyLimitBytes, bodies.shareOf(upstream));
}

export class RequestBody {
  readonly #held: HeldBody;
  readonly #client: ClientExchange;
  #trailerLines = '';
  #isClientPaused = false;
  /** All of it has come from the client. */
  isWhole = false;

  constructor(client: ClientExchange, limitBytes: number, budget: BodyAllowance) {
    this.#client = client;
    this.#held = new HeldBody(limitBytes, budget);
  }

  /** All that has come is still here to be sent again. */
  get canReplay(): boolean {
    return this.#held.canReplay;
  }

  /** Whether the client may go on. */
  get goesOn(): boolean {
    return !this.#isClientPaused;
  }

  /** Octets held. */
  get bytes(): number {
    return this.#held.bytes;
  }

  /** Takes what has come. `carrier` is null while there is none. False asks the client to stop. */
  take(data: Buffer, carrier: Carrier | null): boolean {
    this.#held.add(data, { mustKeep: carrier === null });
    const goesOn = carrier === null ? this.#held.canReplay : carrier.writeBody(data);
    if (!this.#held.keepsChunk && carrier?.holdsBytes !== true) this.#client.releaseBody();
    this.#isClientPaused = !goesOn;
    return goesOn;
  }

  /** The last of it has come. */
  end(trailerLines: string, carrier: Carrier | null): void {
    this.isWhole = true;
    this.#trailerLines = trailerLines;
    carrier?.endBody(trailerLines);
  }

  /** Gives a carrier all that is held, and lets the client go on with the rest. */
  sendTo(carrier: Carrier): void {
    let goesOn = true;
    for (const chunk of this.#held.chunks) goesOn = carrier.writeBody(chunk);
    this.#held.onSent();
    if (this.isWhole) carrier.endBody(this.#trailerLines);
    else if (goesOn) this.resumeClient();
  }

  resumeClient(): void {
    if (!this.#isClientPaused) return;
    this.#isClientPaused = false;
    this.#client.resumeBody();
  }

  release(): void {
    this.#held.release();
  }
}
