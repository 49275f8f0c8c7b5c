/** An upstream that gives leases as a test says, and keeps count of what becomes of each. */
import type { Fault } from '../../src/base/fault.ts';
import { LinkedQueue } from '../../src/base/linked-queue.ts';
import type { Outcome } from '../../src/resilience/outcome.ts';
import {
  type Leasable,
  Lease,
  type LeaseKeeper,
  type LeaseSeeker,
} from '../../src/upstream/carrier.ts';
import type { CloseReason } from '../../src/upstream/observer.ts';
import type { UpstreamOptions } from '../../src/upstream/options.ts';
import type { Upstream } from '../../src/upstream/upstream.ts';
import { FakeCarrier } from './fake-carrier.ts';

/** What an exchange sees of an upstream. */
type Seen = Pick<
  Upstream,
  | 'name'
  | 'options'
  | 'join'
  | 'part'
  | 'acquire'
  | 'cancel'
  | 'onStale'
  | 'speaksHttp10'
  | 'giveBack'
  | 'discard'
  | 'onTrialAnswered'
  | 'onSwitched'
  | 'onOutcome'
>;

export class FakeUpstream implements Seen, LeaseKeeper {
  readonly name = 'shop';
  readonly options = {
    name: 'shop',
    url: { scheme: 'http', host: 'origin.example', port: 80, authority: 'origin.example' },
  } as UpstreamOptions;
  readonly #waiting = new LinkedQueue<LeaseSeeker>();
  readonly #idle: FakeCarrier[] = [];
  /** All there ever were, in the order in which they were first leased. */
  readonly carriers: FakeCarrier[] = [];
  /** Whether a lease is given at once: on an idle carrier, or a new one. */
  givesAtOnce = true;
  /** What each attempt has told of its endpoint, with its response's status. */
  readonly outcomes: [Outcome, number][] = [];
  /** Refuses with this, at once. */
  refuses: Fault | null = null;
  /** How many leases may be out at once. */
  most = Number.POSITIVE_INFINITY;
  speaks10 = false;
  leases = 0;
  /** Each settlement, in order: `back`, or why it was discarded. */
  readonly settled: ('back' | CloseReason)[] = [];
  /** [endpoint, idleMs] of each connection that was told stale. */
  readonly stale: [string, number][] = [];
  /** What seekers asked for, in order. */
  readonly sought: { readonly need: string; readonly avoid: string | null }[] = [];
  cancels = 0;

  /** As the exchange's types have it: all that it sees of an upstream is here. */
  get asUpstream(): Upstream {
    return this as unknown as Upstream;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get leasesOut(): number {
    return this.leases - this.settled.length;
  }

  /** The carrier that was leased last. */
  get last(): FakeCarrier {
    const last = this.#lastLeased;
    if (last === null) throw new Error('no lease was given');
    return last;
  }

  #lastLeased: FakeCarrier | null = null;

  /** Exchanges that have joined and not parted. */
  exchanges = 0;

  join(): void {
    this.exchanges += 1;
  }

  part(): void {
    if (this.exchanges === 0) throw new Error('parted without having joined');
    this.exchanges -= 1;
  }

  acquire(seeker: LeaseSeeker): void {
    this.sought.push({ need: seeker.need, avoid: seeker.avoid });
    if (this.refuses !== null) {
      seeker.onNoLease(this.refuses);
    } else if (this.givesAtOnce && this.leasesOut < this.most) this.#lease(seeker);
    else this.#waiting.push(seeker);
  }

  cancel(seeker: LeaseSeeker): void {
    if (!seeker.isQueued) throw new Error('cancelled without waiting');
    this.cancels += 1;
    this.#waiting.remove(seeker);
  }

  onStale(endpoint: string, idleMs: number): void {
    this.stale.push([endpoint, idleMs]);
  }

  speaksHttp10(): boolean {
    return this.speaks10;
  }

  onTrialAnswered(): void {
    // No attempt is a trial here.
  }

  /** Tunnels so far. */
  switches = 0;

  onSwitched(): void {
    this.switches += 1;
  }

  onOutcome({ status }: Lease, outcome: Outcome): void {
    this.outcomes.push([outcome, status]);
  }

  giveBack(leased: Leasable): void {
    const carrier = leased as FakeCarrier;
    this.settled.push('back');
    carrier.onSettled(true);
    if (carrier.isOpen) this.#idle.push(carrier);
    this.#serve();
  }

  discard(leased: Leasable, reason: CloseReason): void {
    this.settled.push(reason);
    (leased as FakeCarrier).onSettled(false);
    this.#serve();
  }

  /** As an upstream does: a connection that frees up serves the first that waits. */
  #serve(): void {
    if (this.givesAtOnce && this.leasesOut < this.most) this.give();
  }

  /** Gives the first that waits its lease, if there is one and room for it. */
  give(): void {
    const seeker = this.leasesOut < this.most ? this.#waiting.shift() : null;
    if (seeker !== null) this.#lease(seeker);
  }

  /** Refuses the first that waits. */
  refuse(failure: Fault): void {
    this.#waiting.shift()?.onNoLease(failure);
  }

  /** An idle carrier that has carried a request before. */
  addIdle({ idleMs = 0 } = {}): FakeCarrier {
    const carrier = this.#make();
    carrier.requests = 1;
    // As that request has left it.
    carrier.hasSent = true;
    carrier.lastIdleMs = idleMs;
    this.#idle.push(carrier);
    return carrier;
  }

  #takeIdle(): FakeCarrier | undefined {
    let idle = this.#idle.pop();
    while (idle?.isOpen === false) idle = this.#idle.pop();
    return idle;
  }

  #make(): FakeCarrier {
    const carrier = new FakeCarrier(`10.0.0.${this.carriers.length + 1}:80`);
    this.carriers.push(carrier);
    return carrier;
  }

  #lease(seeker: LeaseSeeker): void {
    const carrier = (seeker.need === 'new' ? undefined : this.#takeIdle()) ?? this.#make();
    carrier.isLeased = true;
    this.#lastLeased = carrier;
    this.leases += 1;
    seeker.onLease(new Lease(carrier, this));
  }
}
