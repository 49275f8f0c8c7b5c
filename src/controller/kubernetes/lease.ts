/**
 * Which of several replicas does what only one should: the holder of a Lease. Clocks of different machines are not
 * compared: a Lease has run out when, by the own clock, its record has not changed for as long as it says.
 */
import type { Clock } from '../../base/clock.ts';
import { member, numberAt, textAt } from '../injection/json.ts';
import { type Api, ask } from './api.ts';

export interface LeaseOptions {
  readonly namespace: string;
  readonly name: string;
  /** This replica. */
  readonly identity: string;
  /** How long a silent holder keeps it. */
  readonly durationMs: number;
}

export class Lease {
  readonly #api: Api;
  readonly #clock: Clock;
  readonly #options: LeaseOptions;
  readonly #path: string;
  /** The record as last seen changed, and when that was. */
  #seen = '';
  #seenMs = 0;
  /** Until when the own hold is certain. */
  #heldUntilMs = Number.NEGATIVE_INFINITY;

  constructor(api: Api, clock: Clock, options: LeaseOptions) {
    this.#api = api;
    this.#clock = clock;
    this.#options = options;
    this.#path = `/apis/coordination.k8s.io/v1/namespaces/${options.namespace}/leases`;
  }

  get isHeld(): boolean {
    return this.#clock.now() < this.#heldUntilMs;
  }

  /** Takes or renews the Lease if that can be done; gives whether it is held. Rejects when the API server does not say. */
  async tend(): Promise<boolean> {
    const beganMs = this.#clock.now();
    const answer = await this.#api.call({ method: 'GET', path: this.#onePath });
    if (answer.status === 404) return this.#write('POST', this.#fresh(undefined), beganMs);
    const lease =
      answer.status === 200
        ? answer.body
        : await ask(this.#api, { method: 'GET', path: this.#onePath });
    const spec = member(lease, 'spec');
    const holder = textAt(spec, 'holderIdentity') ?? '';
    const record = JSON.stringify([holder, textAt(spec, 'renewTime')]);
    if (record !== this.#seen) {
      this.#seen = record;
      this.#seenMs = beganMs;
    }
    const durationMs = (numberAt(spec, 'leaseDurationSeconds') ?? 0) * 1000;
    const isFree = holder === '' || beganMs >= this.#seenMs + durationMs;
    if (holder !== this.#options.identity && !isFree) {
      this.#heldUntilMs = Number.NEGATIVE_INFINITY;
      return false;
    }
    return this.#write('PUT', this.#fresh(lease), beganMs);
  }

  /** Gives it up, so that another need not wait for it to run out. Never rejects. */
  async release(): Promise<void> {
    if (!this.isHeld) return;
    this.#heldUntilMs = Number.NEGATIVE_INFINITY;
    try {
      const lease = await ask(this.#api, { method: 'GET', path: this.#onePath });
      if (textAt(member(lease, 'spec'), 'holderIdentity') !== this.#options.identity) return;
      const spec = { ...(member(lease, 'spec') as object), holderIdentity: '' };
      const body = { ...(lease as object), spec };
      await this.#api.call({ method: 'PUT', path: this.#onePath, body });
    } catch {
      // It runs out by itself.
    }
  }

  get #onePath(): string {
    return `${this.#path}/${this.#options.name}`;
  }

  async #write(method: 'POST' | 'PUT', body: unknown, beganMs: number): Promise<boolean> {
    const path = method === 'POST' ? this.#path : this.#onePath;
    const answer = await this.#api.call({ method, path, body });
    // Somebody was faster.
    const isTaken = answer.status === 409;
    if (!isTaken && answer.status >= 300) await ask({ call: async () => answer }, { method, path });
    this.#heldUntilMs = isTaken ? Number.NEGATIVE_INFINITY : beganMs + this.#options.durationMs;
    return !isTaken;
  }

  #fresh(before: unknown): unknown {
    const { name, namespace, identity, durationMs } = this.#options;
    const now = microTime(this.#clock.wallSeconds());
    const spec = member(before, 'spec');
    const isOwn = textAt(spec, 'holderIdentity') === identity;
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: member(before, 'metadata') ?? { name, namespace },
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: Math.max(1, Math.ceil(durationMs / 1000)),
        acquireTime: isOwn ? (textAt(spec, 'acquireTime') ?? now) : now,
        renewTime: now,
        leaseTransitions: (numberAt(spec, 'leaseTransitions') ?? 0) + (isOwn ? 0 : 1),
      },
    };
  }
}

/** With six digits behind the point, as the API wants it. */
function microTime(wallSeconds: number): string {
  // biome-ignore lint/style/noRestrictedGlobals: a conversion; the time comes from the clock.
  return new Date(wallSeconds * 1000).toISOString().replace('Z', '000Z');
}
