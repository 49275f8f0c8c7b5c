/**
 * The controller's stream of endpoints: one connection for all upstreams of this process, opened again with backoff for as
 * long as anybody wants it. What was told stays in force while it is away; who asked decides for how long.
 */
import { readFile } from 'node:fs/promises';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Random } from '../base/clock.ts';
import { messageOf } from '../base/fault.ts';
import { Deadline, type TimerWheel } from '../base/timer-wheel.ts';

export interface EndpointStreamOptions {
  /** `https://host:port`. */
  readonly server: string;
  /** PEM. Replaced by what the stream says to trust, for as long as this process runs. */
  readonly ca: string;
  /** Read at each connection: kubelet replaces it. */
  readonly tokenFile: string;
  /** Where this pod runs; empty when that is not known. */
  readonly zone: string;
  readonly wheel: TimerWheel;
  readonly random: Random;
}

export interface ServiceListener {
  /** All addresses, `ip:port`; null when there is no such Service. */
  onAddresses(addresses: readonly string[] | null): void;
  /** The stream has ended, or could not be had: what was told before is as old as this. */
  onAway(cause: string): void;
}

const BACKOFF_MS = 250;
const BACKOFF_MOST_MS = 15_000;
/** The controller says something every 20 s. */
const SILENCE_MS = 65_000;
const CONNECT_MS = 5_000;
const LONGEST_LINE = 4 * 1024 * 1024;

interface Wish {
  readonly listeners: Set<ServiceListener>;
  /** Undefined until it was told. */
  addresses: readonly string[] | null | undefined;
}

export class EndpointStream {
  readonly #options: EndpointStreamOptions;
  /** By `namespace/name:port`. */
  readonly #wishes = new Map<string, Wish>();
  readonly #again = new Deadline(() => void this.#connect());
  readonly #silence = new Deadline(() => this.#lost('nothing was heard for too long'));
  #trust: string;
  #request: ClientRequest | null = null;
  /** Changes with each connection: what an earlier one still says does not count. */
  #turn = 0;
  #failures = 0;
  #rest = '';

  constructor(options: EndpointStreamOptions) {
    this.#options = options;
    this.#trust = options.ca;
  }

  /** `service` is `namespace/name:port`. Gives what ends it. */
  subscribe(service: string, listener: ServiceListener): () => void {
    let wish = this.#wishes.get(service);
    if (wish === undefined) {
      wish = { listeners: new Set(), addresses: undefined };
      this.#wishes.set(service, wish);
      // The wishes are told when a connection is opened; those of one moment together.
      this.#close();
      this.#options.wheel.set(this.#again, 1);
    } else if (wish.addresses !== undefined) listener.onAddresses(wish.addresses);
    const { listeners } = wish;
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#wishes.get(service)?.listeners === listeners)
        this.#wishes.delete(service);
      if (this.#wishes.size === 0) this.#close();
    };
  }

  async #connect(): Promise<void> {
    this.#close();
    if (this.#wishes.size === 0) return;
    const turn = this.#turn;
    const { server, tokenFile, zone, wheel } = this.#options;
    wheel.set(this.#silence, CONNECT_MS);
    try {
      // Loaded by who uses it: most sidecars do not.
      const { request: send } = await import('node:https');
      const token = (await readFile(tokenFile, 'utf8')).trim();
      if (turn !== this.#turn) return;
      const url = new URL('/v1/endpoints', server);
      for (const service of this.#wishes.keys()) url.searchParams.append('service', service);
      if (zone !== '') url.searchParams.set('zone', zone);
      const request = send(url, {
        agent: false,
        ca: this.#trust,
        headers: { Authorization: `Bearer ${token}` },
      });
      this.#request = request;
      request.on('error', (error) => this.#lostIn(turn, error.message));
      request.on('response', (response) => this.#read(response, turn));
      request.end();
    } catch (error) {
      this.#lostIn(turn, messageOf(error));
    }
  }

  #read(response: IncomingMessage, turn: number): void {
    response.setEncoding('utf8');
    response.on('error', (error) => this.#lostIn(turn, error.message));
    if (response.statusCode !== 200) {
      response.resume();
      this.#lostIn(turn, `the controller answered ${response.statusCode}`);
      return;
    }
    response.on('end', () => this.#lostIn(turn, 'the controller ended it'));
    response.on('data', (text: string) => {
      if (turn !== this.#turn) return;
      this.#options.wheel.set(this.#silence, SILENCE_MS);
      this.#failures = 0;
      this.#take(text);
    });
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > LONGEST_LINE) {
      this.#lost('a line without an end');
      return;
    }
    for (const line of lines) {
      const message = readMessage(line);
      if (message === null) {
        this.#lost('a line that is not understood');
        return;
      }
      this.#carryOut(message);
    }
  }

  #carryOut(message: Message): void {
    if (message.kind === 'trust') this.#trust = message.trust;
    if (message.kind !== 'set' && message.kind !== 'change') return;
    const wish = this.#wishes.get(message.service);
    if (wish === undefined) return;
    if (message.kind === 'set') wish.addresses = message.addresses;
    else {
      const removed = new Set(message.remove);
      const kept = (wish.addresses ?? []).filter((address) => !removed.has(address));
      wish.addresses = [...new Set([...kept, ...message.add])];
    }
    for (const listener of wish.listeners) listener.onAddresses(wish.addresses);
  }

  #lostIn(turn: number, cause: string): void {
    if (turn === this.#turn) this.#lost(cause);
  }

  #lost(cause: string): void {
    this.#close();
    const { wheel, random } = this.#options;
    const mostMs = Math.min(BACKOFF_MS * 2 ** this.#failures, BACKOFF_MOST_MS);
    this.#failures += 1;
    // All sidecars of a controller lose it in the same moment: they come back spread out.
    wheel.set(this.#again, mostMs / 2 + random() * mostMs);
    for (const { listeners } of this.#wishes.values())
      for (const listener of listeners) listener.onAway(cause);
  }

  #close(): void {
    const { wheel } = this.#options;
    this.#turn += 1;
    this.#rest = '';
    wheel.clear(this.#silence);
    wheel.clear(this.#again);
    this.#request?.destroy();
    this.#request = null;
  }
}

type Message =
  | { readonly kind: 'beat' }
  | { readonly kind: 'trust'; readonly trust: string }
  | {
      readonly kind: 'set';
      readonly service: string;
      readonly addresses: readonly string[] | null;
    }
  | {
      readonly kind: 'change';
      readonly service: string;
      readonly add: readonly string[];
      readonly remove: readonly string[];
    };

/** Null for what is no message. One of a kind that is not known is a beat: a later controller may say more. */
function readMessage(line: string): Message | null {
  let raw: unknown;
  try {
    raw = JSON.parse(line);
  } catch {
    return null;
  }
  if (typeof raw !== 'object' || raw === null) return null;
  const { trust, set, change, endpoints, add, remove } = raw as Readonly<Record<string, unknown>>;
  if (typeof trust === 'string') return { kind: 'trust', trust };
  if (typeof set === 'string') {
    if (endpoints === null) return { kind: 'set', service: set, addresses: null };
    return areTexts(endpoints) ? { kind: 'set', service: set, addresses: endpoints } : null;
  }
  if (typeof change === 'string')
    return areTexts(add) && areTexts(remove)
      ? { kind: 'change', service: change, add, remove }
      : null;
  return { kind: 'beat' };
}

function areTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}
