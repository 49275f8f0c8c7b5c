/** Name servers without a network: answers and failures as a test sets them, and a record of what was asked. */
import type { AddressRecord, AddressResolver } from '../../../src/discovery/node-resolver.ts';

/** Addresses (with the zone's TTL), or an error code of `node:dns`. */
type Reply = readonly string[] | string;

interface Zone {
  readonly a?: Reply;
  readonly aaaa?: Reply;
  readonly ttl?: number;
}

export class FakeResolver implements AddressResolver {
  readonly #zones = new Map<string, Zone>();
  #held: (() => void)[] | null = null;
  /** `A name` or `AAAA name`, in the order of asking. */
  asked: string[] = [];
  cancelled = 0;

  /** A name that was never set does not exist; a family that was not set has no data. */
  set(name: string, zone: Zone): void {
    this.#zones.set(name, zone);
  }

  /** Both families fail with the code. */
  fail(name: string, code: string): void {
    this.#zones.set(name, { a: code, aaaa: code });
  }

  /** Answers wait until `release`. */
  hold(): void {
    this.#held = [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const go of held) go();
  }

  resolve4(name: string): Promise<readonly AddressRecord[]> {
    this.asked.push(`A ${name}`);
    return this.#reply(name, 'a');
  }

  resolve6(name: string): Promise<readonly AddressRecord[]> {
    this.asked.push(`AAAA ${name}`);
    return this.#reply(name, 'aaaa');
  }

  cancel(): void {
    this.cancelled += 1;
  }

  /** The names asked for, each once, in order. */
  get names(): readonly string[] {
    return [...new Set(this.asked.map((each) => each.split(' ')[1] ?? ''))];
  }

  async #reply(name: string, family: 'a' | 'aaaa'): Promise<readonly AddressRecord[]> {
    const held = this.#held;
    if (held !== null) await new Promise<void>((resolve) => held.push(resolve));
    const zone = this.#zones.get(name);
    if (zone === undefined) throw dnsError('ENOTFOUND');
    const reply = zone[family] ?? 'ENODATA';
    if (typeof reply === 'string') throw dnsError(reply);
    return reply.map((address) => ({ address, ttl: zone.ttl ?? 30 }));
  }
}

function dnsError(code: string): Error {
  return Object.assign(new Error(`query failed: ${code}`), { code });
}
