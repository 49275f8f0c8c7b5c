/**
 * An origin's end of one connection. It knows which requests it has seen, answers them in order with the request's id
 * and a serial number of its own, in pieces, and ends when it likes.
 */
import type { Random } from '../../src/base/clock.ts';
import { type AnswerPlan, type AnswerTastes, plainAnswer, planAnswer } from './answer.ts';
import type { Answer, Attempt } from './attempt.ts';
import type { Ledger } from './ledger.ts';
import { bodyOf, LONGEST_BODY } from './pattern.ts';
import { RequestScan } from './request-scan.ts';
import type { SimSocket } from './sim-socket.ts';
import type { Tcp } from './tcp.ts';

export interface OriginParts {
  readonly name: string;
  readonly address: string;
  readonly tcp: Tcp;
  readonly ledger: Ledger;
  readonly nowMs: number;
  /** How many requests may be under way on it. */
  readonly mostDepth: number;
  readonly isEncrypted: boolean;
}

export class OriginConnection {
  readonly name: string;
  readonly address: string;
  readonly tcp: Tcp;
  readonly openedMs: number;
  readonly mostDepth: number;
  readonly isEncrypted: boolean;
  readonly scan: RequestScan;
  readonly attempts: Attempt[] = [];
  readonly answers: Answer[] = [];
  readonly #ledger: Ledger;
  /** The gateway's end. Set once it is there. */
  socket: SimSocket | null = null;
  /** What it has said and not yet sent. */
  #unsent: Buffer[] = [];
  /** Places in all that it has ever said. */
  saidBytes = 0;
  sentBytes = 0;
  #endsWhenSent = false;
  /** It has sent what nobody asked for, from here on in what it has said. */
  strayAt = Number.POSITIVE_INFINITY;
  /** It reads nothing and says nothing. */
  isDeaf = false;
  tunnelBytes = 0;
  /** Since when the gateway has left it idle. */
  idleSinceMs: number;

  constructor({ name, address, tcp, ledger, nowMs, ...rest }: OriginParts) {
    this.name = name;
    this.address = address;
    this.tcp = tcp;
    this.openedMs = nowMs;
    this.idleSinceMs = nowMs;
    this.mostDepth = rest.mostDepth;
    this.isEncrypted = rest.isEncrypted;
    this.#ledger = ledger;
    this.scan = new RequestScan(name, (sent) => ledger.onAttempt(this, sent));
  }

  get isOpen(): boolean {
    return !this.tcp.hasPeerEnded && !this.tcp.isPeerClosed;
  }

  get hasUnsent(): boolean {
    return this.#unsent.length > 0;
  }

  /** Requests that it has read the head of and not answered. */
  get unanswered(): Attempt | null {
    if (this.#endsWhenSent || this.scan.isTunnel) return null;
    const next = this.attempts[this.answers.length];
    return next !== undefined && next.sent.headEndAt <= this.tcp.peerReadBytes ? next : null;
  }

  isWholeRead({ sent }: Attempt): boolean {
    return sent.endAt !== null && sent.endAt <= this.tcp.peerReadBytes;
  }

  read(most = Number.POSITIVE_INFINITY): number {
    return this.tcp.isPeerClosed ? 0 : this.tcp.readByPeer(most).length;
  }

  /** Answers the next request. Null when there is none. */
  answer(random: Random, tastes: AnswerTastes): Answer | null {
    return this.#answer((serial, attempt) => planAnswer(serial, attempt.sent, random, tastes));
  }

  answerPlainly(): Answer | null {
    return this.#answer((serial, attempt) => plainAnswer(serial, attempt.sent));
  }

  #answer(plan: (serial: number, attempt: Attempt) => AnswerPlan): Answer | null {
    const attempt = this.unanswered;
    if (attempt === null || !this.isOpen) return null;
    const planned = plan(this.#ledger.nextSerial(), attempt);
    const beginsAt = this.saidBytes;
    const headAt = beginsAt + planned.interims.length;
    const answer: Answer = {
      plan: planned,
      attempt,
      beginsAt,
      headAt,
      headEndAt: headAt + planned.head.length,
      endAt: headAt + planned.head.length + planned.rest.length,
      isWhole: planned.soundness === 'sound',
      bodyBytes: planned.bodyBytes,
    };
    attempt.answer = answer;
    this.answers.push(answer);
    this.#ledger.onAnswer(answer);
    this.#say(planned.interims);
    this.#say(planned.head);
    this.#say(planned.rest);
    if (planned.isSwitch) this.scan.isTunnel = true;
    else if (!planned.keeps || planned.soundness !== 'sound') this.#endsWhenSent = true;
    return answer;
  }

  /** RFC 9110 10.1.1: leave for a body that is announced. */
  sayContinue(): boolean {
    const next = this.unanswered;
    if (next === null || !next.sent.expects || this.isWholeRead(next)) return false;
    this.#say(Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'));
    return true;
  }

  /** Says what nobody has asked for, and what is no response. */
  stray(text: string, { ends }: { readonly ends: boolean }): void {
    const last = this.answers.at(-1);
    // Behind a body that ends with the connection it would be some of that body.
    if (last?.plan.framing === 'close') return;
    this.strayAt = Math.min(this.strayAt, this.saidBytes);
    this.#say(Buffer.from(text, 'latin1'));
    if (ends) this.#endsWhenSent = true;
  }

  /**
   * Says a second response behind one that it has not sent to its end, and sends all: sound in itself, and the answer to
   * nothing. Gives whether it could.
   */
  double(): boolean {
    const last = this.answers.at(-1);
    const isAlone = this.attempts.length === this.answers.length && last?.isWhole === true;
    if (!isAlone || !this.hasUnsent || !this.isOpen || this.#endsWhenSent) return false;
    if (last.endAt !== this.saidBytes || last.plan.isSwitch) return false;
    this.strayAt = this.saidBytes;
    this.#say(
      Buffer.from('HTTP/1.1 200 OK\r\nX-Id: 0\r\nX-Serial: 0\r\nContent-Length: 0\r\n\r\n'),
    );
    this.send();
    this.tcp.arrive();
    return true;
  }

  /** In a tunnel: some octets of what follows. */
  sayTunnel(most: number): number {
    const last = this.answers.at(-1);
    if (!this.scan.isTunnel || last === undefined) return 0;
    const count = Math.min(most, LONGEST_BODY - this.tunnelBytes);
    const upTo = bodyOf(last.plan.serial, this.tunnelBytes + count);
    this.#say(upTo.subarray(this.tunnelBytes));
    this.tunnelBytes += count;
    return count;
  }

  #say(data: Buffer): void {
    if (data.length === 0) return;
    this.#unsent.push(data);
    this.saidBytes += data.length;
  }

  /** Sends up to so many octets of what it has said. Ends when that was all and it has said so. */
  send(most = Number.POSITIVE_INFINITY): number {
    if (!this.isOpen) return 0;
    let left = Math.min(most, this.saidBytes);
    const asked = left;
    while (left > 0) {
      const first = this.#unsent[0];
      if (first === undefined) break;
      const part = first.subarray(0, left);
      this.tcp.send(part);
      left -= part.length;
      this.sentBytes += part.length;
      if (part.length === first.length) this.#unsent.shift();
      else this.#unsent[0] = first.subarray(part.length);
    }
    if (this.#unsent.length === 0 && this.#endsWhenSent) this.fin();
    return asked - left;
  }

  fin(): void {
    if (!this.isOpen) return;
    this.#cut();
    this.tcp.fin();
  }

  close(): void {
    if (this.tcp.isPeerClosed) return;
    if (this.isOpen) this.#cut();
    this.tcp.closePeer();
  }

  reset(): void {
    if (this.tcp.isPeerClosed) return;
    // A FIN that went out before it may be seen before it.
    if (this.isOpen) this.#cutOff();
    this.tcp.resetByPeer();
  }

  /** What was said and is not sent never will be. A body that ends with the connection has ended here. */
  #cut(): void {
    const last = this.answers.at(-1);
    this.#unsent = [];
    if (last === undefined || last.endAt <= this.sentBytes) return;
    if (last.plan.framing === 'close' && this.sentBytes >= last.headEndAt) {
      last.bodyBytes = this.sentBytes - last.headEndAt;
      last.endAt = this.sentBytes;
    } else last.isWhole = false;
  }

  #cutOff(): void {
    const last = this.answers.at(-1);
    this.#unsent = [];
    if (last === undefined) return;
    // RFC 9112 6.3: a reset is no end of a body that ends with the connection.
    if (last.endAt > this.sentBytes || last.plan.framing === 'close') last.isWhole = false;
  }
}
