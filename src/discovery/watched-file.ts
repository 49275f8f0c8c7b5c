/** A file that is parsed once and again only when it has changed. It is looked at when asked for: nothing wakes. */
import { readFileSync, statSync } from 'node:fs';

export class WatchedFile<T> {
  readonly #path: string;
  readonly #parse: (text: string) => T;
  #stamp = '';
  #content: T;

  constructor(path: string, parse: (text: string) => T) {
    this.#path = path;
    this.#parse = parse;
    this.#content = parse('');
  }

  /**
   * The content as it is now. A file that is not there is an empty one. While it cannot be read, what was read
   * last stays.
   *
   * Read synchronously: two small local files, at most once a second, and so it takes no thread of the pool.
   */
  read(): T {
    try {
      const stat = statSync(this.#path, { throwIfNoEntry: false });
      // The kubelet writes /etc/hosts in place; others put a new file in its place. Size and inode tell what an
      // mtime of coarse grain does not.
      const stamp = stat === undefined ? 'absent' : `${stat.mtimeMs} ${stat.size} ${stat.ino}`;
      if (stamp === this.#stamp) return this.#content;
      this.#content = this.#parse(stat === undefined ? '' : readFileSync(this.#path, 'utf8'));
      this.#stamp = stamp;
    } catch {
      // Unreadable, or taken away between the two calls: the next look tries again.
    }
    return this.#content;
  }
}
