/**
 * A list of objects that is kept up to date: listed once, then watched from there on. A watch that ends is taken up where it
 * ended; only when the API server has forgotten that place is the list read anew.
 */
import type { Cancel, Clock, Random } from '../../base/clock.ts';
import { messageOf } from '../../base/fault.ts';
import { listAt, member, numberAt, textAt } from '../injection/json.ts';
import { ask, type WatchableApi } from './api.ts';

export interface WatchTarget {
  /** The whole list, at the start and whenever changes were missed. */
  onList(items: readonly unknown[]): void;
  onPut(object: unknown): void;
  onRemoved(object: unknown): void;
}

export interface WatchParts {
  readonly api: WatchableApi;
  readonly clock: Clock;
  readonly random: Random;
  onFailed(why: string): void;
  onMended(): void;
}

const PAGE = 500;
/** The API server ends a watch then; bookmarks come about each minute before. */
const WATCH_SECONDS = 300;
const SILENCE_MS = 150_000;
const BACKOFF_MS = 500;
const BACKOFF_MOST_MS = 30_000;
const SHORTEST_MS = 1_000;
const GONE = 410;

export class Watch {
  readonly #path: string;
  readonly #target: WatchTarget;
  readonly #parts: WatchParts;
  readonly #end = new AbortController();
  #version: string | null = null;
  #failures = 0;
  #hasListed = false;
  #running: Promise<void> = Promise.resolve();
  #cancelPause: Cancel = () => undefined;
  #endPause: () => void = () => undefined;

  /** `path` is that of the list, without a query. */
  constructor(path: string, target: WatchTarget, parts: WatchParts) {
    this.#path = path;
    this.#target = target;
    this.#parts = parts;
  }

  /** Whether the list was read once. */
  get isFilled(): boolean {
    return this.#hasListed;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#end.abort();
    this.#cancelPause();
    this.#endPause();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    const { clock } = this.#parts;
    while (!signal.aborted) {
      try {
        if (this.#version === null) await this.#list();
        const beganMs = clock.now();
        await this.#watch();
        // One that ends at once, again and again, would keep both sides busy for nothing.
        if (clock.now() - beganMs < SHORTEST_MS) await this.#pause();
        else {
          if (this.#failures > 0) this.#parts.onMended();
          this.#failures = 0;
        }
      } catch (error) {
        if (signal.aborted) return;
        this.#parts.onFailed(messageOf(error));
        await this.#pause();
      }
    }
  }

  async #list(): Promise<void> {
    const items: unknown[] = [];
    let next = '';
    let version = '';
    do {
      const more = next === '' ? '' : `&continue=${encodeURIComponent(next)}`;
      const path = `${this.#path}?limit=${PAGE}${more}`;
      const page = await ask(this.#parts.api, { method: 'GET', path });
      items.push(...listAt(page, 'items'));
      const metadata = member(page, 'metadata');
      version = textAt(metadata, 'resourceVersion') ?? '';
      next = textAt(metadata, 'continue') ?? '';
    } while (next !== '');
    this.#target.onList(items);
    this.#version = version;
    this.#hasListed = true;
  }

  async #watch(): Promise<void> {
    const query = new URLSearchParams({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: this.#version ?? '',
      timeoutSeconds: String(WATCH_SECONDS),
    });
    const status = await this.#parts.api.stream({
      path: `${this.#path}?${query}`,
      onLine: (line) => this.#onLine(line),
      signal: this.#end.signal,
      silenceMs: SILENCE_MS,
    });
    if (status === GONE) this.#version = null;
    else if (status !== 200) throw new Error(`watching ${this.#path}: ${status}`);
  }

  #onLine(line: string): void {
    if (line === '') return;
    const event: unknown = JSON.parse(line);
    const type = textAt(event, 'type');
    const object = member(event, 'object');
    if (type === 'ERROR') {
      // Whatever it is: what comes after it cannot be counted on. A list can.
      this.#version = null;
      const code = numberAt(object, 'code');
      if (code !== GONE)
        this.#parts.onFailed(`watching ${this.#path}: ${textAt(object, 'message') ?? code}`);
      return;
    }
    if (this.#version === null) return;
    this.#version = textAt(member(object, 'metadata'), 'resourceVersion') ?? this.#version;
    if (type === 'ADDED' || type === 'MODIFIED') this.#target.onPut(object);
    else if (type === 'DELETED') this.#target.onRemoved(object);
  }

  #pause(): Promise<void> {
    const { clock, random } = this.#parts;
    const mostMs = Math.min(BACKOFF_MS * 2 ** this.#failures, BACKOFF_MOST_MS);
    this.#failures += 1;
    return new Promise((resolve) => {
      this.#endPause = resolve;
      this.#cancelPause = clock.sleep(mostMs / 2 + (random() * mostMs) / 2, resolve);
    });
  }
}
