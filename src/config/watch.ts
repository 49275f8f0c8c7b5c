/**
 * Tells when the configuration's files have changed, and costs nothing while they have not: the kernel's notices, and
 * no timer.
 *
 * A mounted ConfigMap is a path over two symbolic links (`sidepool.yaml` to `..data/sidepool.yaml`, and `..data` to a
 * dated directory), and an update swaps the second. So what is watched is every directory in which the path could
 * be turned elsewhere, and what is compared is what the path leads to.
 *
 * A notice comes when writing begins, not when it ends: a change counts once the file has stayed the same for
 * `SETTLE_MS`.
 */
import { type FSWatcher, readlinkSync, realpathSync, statSync, watch } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Deadline, type TimerWheel } from '../base/timer-wheel.ts';
import { reason } from './secrets.ts';

export interface WatchOptions {
  readonly wheel: TimerWheel;
  /** Once for each change, however many writes and renames it was made of. */
  readonly onChange: () => void;
  /** A directory cannot be watched (mostly: the node is out of inotify watches). SIGHUP is what remains. */
  readonly onBlind: (directory: string, cause: string) => void;
}

export interface ConfigWatch {
  /** Other files whose change is one of the configuration: those that hold its secrets. Replaces the former list. */
  also(files: readonly string[]): void;
  close(): void;
}

const SETTLE_MS = 100;
/** As the kernel's own limit. */
const MOST_LINKS = 40;

/** Begins at once. Begin it before the file is read for the first time: then no change is missed. */
export function watchConfig(file: string, options: WatchOptions): ConfigWatch {
  return new Watch(file, options);
}

interface Watched {
  readonly watcher: FSWatcher;
  readonly inode: number;
  /** The entries that matter. */
  names: ReadonlySet<string>;
}

class Watch implements ConfigWatch {
  readonly #file: string;
  readonly #options: WatchOptions;
  readonly #settled = new Deadline(() => this.#look());
  readonly #watched = new Map<string, Watched>();
  readonly #blind = new Set<string>();
  /** What each file was when its change was last told of. */
  readonly #told = new Map<string, Stamp>();
  /** What all of them were at the last look, if that was something new. */
  #seen: string | null = null;
  #isClosed = false;

  constructor(file: string, options: WatchOptions) {
    this.#file = resolve(file);
    this.#options = options;
    this.#told.set(this.#file, missing);
    this.#watchAll();
    this.#told.set(this.#file, stampOf(this.#file));
  }

  also(files: readonly string[]): void {
    const wanted = new Set([this.#file, ...files.map((file) => resolve(file))]);
    for (const file of this.#told.keys()) if (!wanted.has(file)) this.#told.delete(file);
    const added = [...wanted].filter((file) => !this.#told.has(file));
    for (const file of added) this.#told.set(file, missing);
    this.#watchAll();
    // Those known before keep what was told of them: they may have changed since they were read.
    for (const file of added) this.#told.set(file, stampOf(file));
  }

  close(): void {
    this.#isClosed = true;
    this.#options.wheel.clear(this.#settled);
    for (const { watcher } of this.#watched.values()) watcher.close();
    this.#watched.clear();
  }

  #onNotice(): void {
    // Not put off by further notices: in a busy directory the look would never come.
    if (!this.#isClosed && !this.#settled.isSet) this.#options.wheel.set(this.#settled, SETTLE_MS);
  }

  #look(): void {
    // Watched anew first: what changes after this is noticed, what changed before is seen now.
    this.#watchAll();
    const now = [...this.#told.keys()].map((file) => [file, stampOf(file)] as const);
    const isNew = now.some(([file, stamp]) => stamp !== this.#told.get(file));
    // Missing for a moment, as between the two steps of some editors: its return is noticed.
    if (!isNew || stampOf(this.#file) === missing) {
      this.#seen = null;
      return;
    }
    const all = JSON.stringify(now);
    if (all !== this.#seen) {
      this.#seen = all;
      this.#options.wheel.set(this.#settled, SETTLE_MS);
      return;
    }
    this.#seen = null;
    for (const [file, stamp] of now) this.#told.set(file, stamp);
    this.#options.onChange();
  }

  #watchAll(): void {
    const turns = new Map<string, Set<string>>();
    for (const file of this.#told.keys()) collectTurns(file, turns);
    for (const [directory, { watcher, inode }] of this.#watched) {
      if (turns.has(directory) && inodeOf(directory) === inode) continue;
      watcher.close();
      this.#watched.delete(directory);
    }
    for (const [directory, names] of turns) {
      const watched = this.#watched.get(directory);
      if (watched === undefined) this.#watch(directory, names);
      else watched.names = names;
    }
  }

  #watch(directory: string, names: ReadonlySet<string>): void {
    try {
      const inode = inodeOf(directory);
      const watcher = watch(directory, { persistent: false }, (_, name) => {
        const watched = this.#watched.get(directory);
        // The directory's own name: it was itself taken away.
        if (name === null || watched?.names.has(name) || name === basename(directory))
          this.#onNotice();
      });
      watcher.on('error', (error) => this.#onBlind(directory, reason(error)));
      this.#watched.set(directory, { watcher, inode, names });
      this.#blind.delete(directory);
    } catch (error) {
      this.#onBlind(directory, reason(error));
    }
  }

  #onBlind(directory: string, cause: string): void {
    this.#watched.get(directory)?.watcher.close();
    this.#watched.delete(directory);
    if (this.#isClosed || this.#blind.has(directory)) return;
    this.#blind.add(directory);
    this.#options.onBlind(directory, cause);
  }
}

/** What a path leads to. */
type Stamp = string;
const missing: Stamp = '';

function stampOf(file: string): Stamp {
  try {
    const path = realpathSync(file);
    const { ino, size, mtimeMs, ctimeMs } = statSync(path);
    return `${path} ${ino} ${size} ${mtimeMs} ${ctimeMs}`;
  } catch {
    return missing;
  }
}

function inodeOf(directory: string): number {
  return statSync(directory, { throwIfNoEntry: false })?.ino ?? -1;
}

/** Adds every directory, with the entry in it, where the way to `path` could be turned: links, the file, what is missing. */
function collectTurns(path: string, turns: Map<string, Set<string>>): void {
  const steps = path.split('/');
  let links = 0;
  let at = '/';
  const turn = (name: string): void => {
    const names = turns.get(at) ?? new Set();
    turns.set(at, names.add(name));
  };
  for (let step = steps.shift(); step !== undefined; step = steps.shift()) {
    if (step === '' || step === '.') continue;
    if (step === '..') {
      at = dirname(at);
      continue;
    }
    const link = readLink(join(at, step));
    if (link === 'missing' || steps.length === 0) turn(step);
    if (link === 'missing') return;
    if (link === 'none') {
      at = join(at, step);
      continue;
    }
    turn(step);
    links += 1;
    if (links > MOST_LINKS) return;
    steps.unshift(...link.to.split('/'));
    if (link.to.startsWith('/')) at = '/';
  }
}

function readLink(path: string): { readonly to: string } | 'none' | 'missing' {
  try {
    return { to: readlinkSync(path) };
  } catch (error) {
    // EINVAL: something else than a link.
    return (error as NodeJS.ErrnoException).code === 'EINVAL' ? 'none' : 'missing';
  }
}
