/**
 * Keeps slow and broken peers from taking the admin server away from the kubelet, whose probe decides whether the
 * container lives.
 *
 * Each connection carries one request and has a time to live, so no timer of node:http is needed, and none runs while
 * nobody is connected. When too many are open the oldest that has not sent its request yet makes room: a probe takes
 * a millisecond, whoever is still there after dozens of others came is not one.
 */
import type { Socket } from 'node:net';
import type { Cancel, Clock } from '../../base/clock.ts';

export interface ConnectionLimits {
  readonly maxOpen: number;
  /** From the connection to the end of its request. */
  readonly requestMs: number;
  /** From the connection to the end of its response. */
  readonly lifeMs: number;
}

interface Guest {
  hasAsked: boolean;
  cancel: Cancel;
}

export class AdminConnections {
  readonly #clock: Clock;
  readonly #limits: ConnectionLimits;
  /** In the order in which they came. */
  readonly #guests = new Map<Socket, Guest>();

  constructor(clock: Clock, limits: ConnectionLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  get open(): number {
    return this.#guests.size;
  }

  welcome(socket: Socket): void {
    if (this.#guests.size >= this.#limits.maxOpen) this.#makeRoom();
    const cancel = this.#clock.sleep(this.#limits.requestMs, () => socket.destroy());
    this.#guests.set(socket, { hasAsked: false, cancel });
    socket.once('close', () => {
      this.#guests.get(socket)?.cancel();
      this.#guests.delete(socket);
    });
    // A peer that resets is gone; there is nothing to be done for it.
    socket.on('error', () => {});
  }

  /** Its request is here: what is left of its life is for the response. */
  asked(socket: Socket): void {
    const guest = this.#guests.get(socket);
    if (guest === undefined || guest.hasAsked) return;
    guest.hasAsked = true;
    guest.cancel();
    const rest = this.#limits.lifeMs - this.#limits.requestMs;
    guest.cancel = this.#clock.sleep(rest, () => socket.destroy());
  }

  #makeRoom(): void {
    let oldest: Socket | undefined;
    for (const [socket, { hasAsked }] of this.#guests) {
      oldest ??= socket;
      if (hasAsked) continue;
      oldest = socket;
      break;
    }
    if (oldest === undefined) return;
    // Its `close` comes a turn later: it must not be chosen twice until then.
    this.#guests.get(oldest)?.cancel();
    this.#guests.delete(oldest);
    oldest.destroy();
  }
}
