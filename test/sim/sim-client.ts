/** A client: sends its requests in pieces, one after the other or all at once, and reads what comes back. */
import type { Random } from '../../src/base/clock.ts';
import type { Ledger } from './ledger.ts';
import { bodyOf, LONGEST_BODY } from './pattern.ts';
import { type PlanTastes, planRequest, type RequestPlan } from './plan.ts';
import { type Asked, ResponseScan } from './response-scan.ts';
import type { SimSocket } from './sim-socket.ts';
import type { Tcp } from './tcp.ts';

const MOST_REQUESTS = 4;

export class SimClient {
  readonly name: string;
  readonly tcp: Tcp;
  /** The gateway's end. */
  readonly socket: SimSocket;
  readonly scan: ResponseScan;
  readonly #plans: RequestPlan[] = [];
  /** Those that it has begun to send. */
  readonly #asked: Asked[] = [];
  /** How much of the last of them is sent. */
  #sentBytes = 0;
  readonly #pipelines: boolean;
  /** It reads nothing. */
  isDeaf = false;
  hasReset = false;
  tunnelBytes = 0;
  sees: 'open' | 'fin' | 'reset' = 'open';

  constructor(parts: {
    readonly name: string;
    readonly tcp: Tcp;
    readonly socket: SimSocket;
    readonly ledger: Ledger;
    readonly random: Random;
    readonly tastes: PlanTastes;
  }) {
    const { ledger, random } = parts;
    this.name = parts.name;
    this.tcp = parts.tcp;
    this.socket = parts.socket;
    this.scan = new ResponseScan(parts.name, ledger, this.#asked);
    this.#pipelines = random() < 0.3;
    const count = random() < 0.5 ? 1 : 1 + Math.floor(random() * MOST_REQUESTS);
    for (let made = 0; made < count; made += 1) {
      const plan = planRequest(ledger.nextId(), random, parts.tastes);
      this.#plans.push(plan);
      ledger.planned(plan, this.name);
    }
  }

  get #last(): Asked | null {
    return this.#asked.at(-1) ?? null;
  }

  get #isLastSent(): boolean {
    return this.#last === null || this.#sentBytes === this.#last.plan.bytes.length;
  }

  get #mayAskNext(): boolean {
    if (this.scan.hasSaidClose || this.#plans.length === 0) return false;
    if (this.#last !== null && !this.#last.plan.keepsAlive) return false;
    // What follows an upgrade that is accepted goes to whom it leads to.
    const pipelines = this.#pipelines && this.#last?.plan.asksUpgrade !== true;
    return pipelines || this.scan.finals === this.#asked.length;
  }

  get canSend(): boolean {
    if (this.tcp.hasPeerEnded || this.sees !== 'open' || this.scan.tunnelSerial !== null)
      return false;
    return this.#isLastSent ? this.#mayAskNext : true;
  }

  /** It has nothing more to send, and all that it asked for is here, or never will be. */
  get isDone(): boolean {
    if (this.sees !== 'open' || this.hasReset) return true;
    return !this.canSend && this.scan.finals === this.#asked.length;
  }

  get isGone(): boolean {
    return this.tcp.isPeerClosed || (this.sees !== 'open' && this.tcp.hasPeerEnded);
  }

  /** Sends up to so many octets. Gives what it has sent, for the story. */
  send(most: number): string {
    if (!this.canSend) return '';
    if (this.#isLastSent) {
      const plan = this.#plans.shift() as RequestPlan;
      this.#asked.push({ plan, outcome: 'none', hasContinue: false });
      this.#sentBytes = 0;
    }
    const { plan, hasContinue } = this.#last as Asked;
    // One that waits for leave sends its head alone first. It does not wait for ever: the next piece goes out anyway.
    const waits = plan.expects && !hasContinue && this.#sentBytes < plan.headBytes;
    const end = Math.min(waits ? plan.headBytes : plan.bytes.length, this.#sentBytes + most);
    this.tcp.send(plan.bytes.subarray(this.#sentBytes, end));
    const from = this.#sentBytes;
    this.#sentBytes = end;
    const what =
      from === 0
        ? `"${plan.bytes.toString('latin1', 0, 24).split('\r')[0]}"`
        : `request ${plan.id}`;
    return `${what}: octets ${from} to ${end} of ${plan.bytes.length}`;
  }

  sendTunnel(most: number): number {
    const id = this.#last?.plan.id;
    if (this.scan.tunnelSerial === null || id === undefined) return 0;
    if (this.tcp.hasPeerEnded || this.sees !== 'open') return 0;
    const count = Math.min(most, LONGEST_BODY - this.tunnelBytes);
    this.tcp.send(Buffer.from(bodyOf(id, this.tunnelBytes + count).subarray(this.tunnelBytes)));
    this.tunnelBytes += count;
    return count;
  }

  /** Reads up to so many octets. */
  read(most = Number.POSITIVE_INFINITY): number {
    if (this.tcp.isPeerClosed) return 0;
    const data = this.tcp.readByPeer(most);
    if (data.length > 0) this.scan.push(data);
    const { peerSees } = this.tcp;
    if (peerSees !== 'open' && this.sees === 'open') {
      this.sees = peerSees;
      this.scan.end(peerSees);
    }
    return data.length;
  }

  fin(): void {
    this.tcp.fin();
  }

  close(): void {
    this.tcp.closePeer();
  }

  reset(): void {
    this.hasReset = true;
    this.tcp.resetByPeer();
  }

  /**
   * Its first request was read whole, and the gateway has ended the connection in good order, and said nothing. Whoever
   * asks gets an answer, or sees a break.
   */
  get isIgnored(): boolean {
    const [first] = this.#asked;
    if (first === undefined || first.outcome !== 'none' || this.sees !== 'fin') return false;
    if (this.tcp.peerReadBytes > 0) return false;
    return !this.tcp.hasPeerEnded && this.tcp.readBytes >= first.plan.bytes.length;
  }

  /** For a person. */
  get state(): string {
    const asked = this.#asked.map(({ plan, outcome }) => `${plan.id}:${outcome}`).join(' ');
    return `${this.name} [${asked}] sees ${this.sees}`;
  }
}
