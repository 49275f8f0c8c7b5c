/** Clients, exchanges and a scripted upstream under a clock that stands still: the data path without a socket. */
import { type Random, seeded } from '../../../src/base/clock.ts';
import type { Fault, FaultKind } from '../../../src/base/fault.ts';
import type { ClientOptions } from '../../../src/downstream/options.ts';
import { beginExchanges } from '../../../src/proxy/begin.ts';
import { BodyBudget } from '../../../src/proxy/held-body.ts';
import type { ExchangeObserver, FaultContext, RetryOutcome } from '../../../src/proxy/observer.ts';
import type { ExchangePolicy, ExchangeTimeouts, RetryOptions } from '../../../src/proxy/options.ts';
import { RetryBudget } from '../../../src/resilience/retry-budget.ts';
import type { RetryReason } from '../../../src/resilience/retry-policy.ts';
import { FakeUpstream } from '../../support/fake-upstream.ts';
import { ClientSide } from '../downstream/scene.ts';
import { plainEdits } from '../http1/scene.ts';

export const plainRetry: RetryOptions = {
  resends: 1,
  onNewConnection: 'safe',
  statuses: [],
  maxRetryAfterMs: 5_000,
  idempotencyHeaders: [],
  perTryTimeoutMs: 0,
  bodyLimitBytes: 1_000,
  budgetRatio: 0.2,
  budgetFloor: 3,
  backoffBaseMs: 20,
  backoffMaxMs: 1_000,
};

const noLimits: ExchangeTimeouts = {
  waitMs: 3_000,
  firstByteMs: 0,
  idleMs: 0,
  requestMs: 0,
  tunnelIdleMs: 0,
};

export interface SceneOptions {
  readonly retry?: Partial<RetryOptions>;
  readonly timeouts?: Partial<ExchangeTimeouts>;
  readonly policy?: Partial<ExchangePolicy>;
  readonly client?: Partial<ClientOptions>;
  readonly bufferBytes?: number;
  readonly random?: Random;
}

export interface ToldFault extends FaultContext {
  readonly kind: FaultKind;
  readonly sent: Fault['sent'];
}

export class Scene extends ClientSide {
  readonly upstream: FakeUpstream;
  readonly bodies: BodyBudget;
  began = 0;
  readonly ended: {
    readonly status: number;
    readonly isReused: boolean;
    readonly durationMs: number;
  }[] = [];
  /** Faults of exchanges; `faults` has those of clients without one. */
  readonly told: ToldFault[] = [];
  readonly retries: [RetryReason, RetryOutcome][] = [];
  staleTold = 0;

  constructor(options: SceneOptions = {}) {
    const {
      retry,
      timeouts,
      policy,
      client = {},
      bufferBytes = 10_000,
      random = seeded(1),
    } = options;
    const upstream = new FakeUpstream();
    const bodies = new BodyBudget(bufferBytes);
    const retryOptions = { ...plainRetry, ...retry };
    super(
      () =>
        beginExchanges(
          {
            route: {
              upstream: upstream.asUpstream,
              policy: {
                edits: plainEdits,
                timeouts: { ...noLimits, ...timeouts },
                retry: retryOptions,
                upgrades: ['websocket'],
                requiresUpgrade: false,
                ownAuthorities: [],
                ...policy,
              },
              budget: new RetryBudget(
                retryOptions.budgetRatio,
                retryOptions.budgetFloor,
                this.clock.now(),
              ),
              observer: this.#exchangeObserver,
            },
            authorities: ['127.0.0.1:15101'],
          },
          { clock: this.clock, wheel: this.wheel, random, bodies },
        ),
      client,
    );
    this.upstream = upstream;
    this.bodies = bodies;
  }

  get #exchangeObserver(): ExchangeObserver {
    return {
      onBegan: () => {
        this.began += 1;
      },
      onEnded: (result) => {
        this.ended.push(result);
      },
      onStale: () => {
        this.staleTold += 1;
      },
      onRetry: (reason, outcome) => {
        this.retries.push([reason, outcome]);
      },
      onFault: ({ kind, sent }, context) => {
        this.told.push({ ...context, kind, sent });
      },
    };
  }

  /** What it was told as the status of each exchange that ended. */
  get statuses(): number[] {
    return this.ended.map(({ status }) => status);
  }

  /** Kind, status and what was sent, of each exchange that failed. */
  get toldShort(): [FaultKind, number, Fault['sent']][] {
    return this.told.map(({ kind, status, sent }) => [kind, status, sent]);
  }

  override leave(): void {
    super.leave();
    // Rests of responses that nobody waits for are read to their end, or not.
    for (const carrier of this.upstream.carriers) if (carrier.isBusy) carrier.fault('body-cut');
    this.settle();
  }

  override leftovers(): string[] {
    const { upstream, bodies, began, ended, told } = this;
    const wrong = super.leftovers();
    if (upstream.leasesOut !== 0) wrong.push(`${upstream.leasesOut} leases not settled`);
    if (upstream.exchanges !== 0) wrong.push(`${upstream.exchanges} exchanges have not parted`);
    if (upstream.waiting !== 0) wrong.push(`${upstream.waiting} wait for a lease`);
    if (bodies.usedBytes !== 0) wrong.push(`${bodies.usedBytes} octets of body held`);
    if (ended.length !== began) wrong.push(`${began} exchanges began, ${ended.length} ended`);
    if (told.length > this.requests)
      wrong.push(`${told.length} faults for ${this.requests} requests`);
    return wrong;
  }
}
