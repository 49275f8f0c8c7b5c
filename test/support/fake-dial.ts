/** Dials that succeed, fail or hang as a test says, and never open a socket. */
import { type Fault, type FaultKind, fault } from '../../src/base/fault.ts';
import type { Dial, DialResult, DialTarget } from '../../src/upstream/dialer.ts';
import type { FakeClock } from './fake-clock.ts';
import { FakeWire } from './fake-wire.ts';

/** `hang`: until the test decides. Else the dial ends that way one turn after it began, or before its call returns. */
export type DialBehaviour = 'hang' | 'connect' | 'connect at once' | 'refuse';

const phases = { tcpMs: 1, tlsMs: null, resumed: false } as const;

export class FakeDial {
  readonly #clock: FakeClock;
  readonly #special = new Map<string, DialBehaviour>();
  /** How dials end from now on. */
  behaviour: DialBehaviour = 'hang';
  readonly all: DialAttempt[] = [];
  /** In the order in which they were opened: an upstream numbers its connections from 1 in that order. */
  readonly wires: FakeWire[] = [];

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  readonly dial: Dial = (target, result) => {
    const attempt = new DialAttempt(this.#clock, target, result, this.wires);
    this.all.push(attempt);
    const behaviour = this.#special.get(target.address) ?? this.behaviour;
    if (behaviour === 'connect at once') attempt.succeed();
    else if (behaviour !== 'hang') {
      this.#clock.afterTurn(() => {
        if (!attempt.isUnderWay) return;
        if (behaviour === 'connect') attempt.succeed();
        else attempt.fail();
      });
    }
    return () => attempt.callOff();
  };

  /** How dials to this endpoint end, whatever others do. */
  behave(address: string, behaviour: DialBehaviour): void {
    this.#special.set(address, behaviour);
  }

  get underWay(): DialAttempt[] {
    return this.all.filter((attempt) => attempt.isUnderWay);
  }

  /** The dial that has been under way for longest. Throws if there is none. */
  get first(): DialAttempt {
    const [first] = this.underWay;
    if (first === undefined) throw new Error('no dial is under way');
    return first;
  }

  /** Addresses in the order in which they were dialled. */
  get addresses(): string[] {
    return this.all.map(({ target }) => target.address);
  }
}

export class DialAttempt {
  readonly target: DialTarget;
  readonly atMs: number;
  isUnderWay = true;
  isCalledOff = false;
  readonly #clock: FakeClock;
  readonly #result: DialResult;
  readonly #wires: FakeWire[];

  constructor(clock: FakeClock, target: DialTarget, result: DialResult, wires: FakeWire[]) {
    this.#clock = clock;
    this.target = target;
    this.atMs = clock.now();
    this.#result = result;
    this.#wires = wires;
  }

  succeed(): FakeWire {
    this.#settle();
    const wire = new FakeWire(this.#clock);
    this.#wires.push(wire);
    this.#result.onConnected(wire, phases);
    return wire;
  }

  fail(kind: FaultKind = 'connect-refused'): Fault {
    this.#settle();
    const failure = fault(kind, 'upstream', `${this.target.address} said no.`);
    this.#result.onFailed(failure);
    return failure;
  }

  callOff(): void {
    if (!this.isUnderWay) return;
    this.isUnderWay = false;
    this.isCalledOff = true;
  }

  #settle(): void {
    if (!this.isUnderWay) throw new Error('this dial is over');
    this.isUnderWay = false;
  }
}
