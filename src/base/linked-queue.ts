/**
 * A queue in order from whose middle an element can be taken at no cost. An element carries its own links, so
 * that queueing allocates nothing; it lies in one queue at a time.
 */
export interface Queued<T> {
  queuedBefore: T | null;
  queuedAfter: T | null;
  isQueued: boolean;
}

export class LinkedQueue<T extends Queued<T>> {
  #first: T | null = null;
  #last: T | null = null;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get first(): T | null {
    return this.#first;
  }

  /** Appends. Throws if the element already lies in a queue: it would corrupt both. */
  push(element: T): void {
    if (element.isQueued) throw new Error('element is queued already');
    element.isQueued = true;
    element.queuedBefore = this.#last;
    element.queuedAfter = null;
    if (this.#last === null) this.#first = element;
    else this.#last.queuedAfter = element;
    this.#last = element;
    this.#length += 1;
  }

  /** Takes the first element, or null when empty. */
  shift(): T | null {
    const element = this.#first;
    if (element !== null) this.remove(element);
    return element;
  }

  /** Takes an element out, wherever it stands. Does nothing if it is not queued. */
  remove(element: T): void {
    if (!element.isQueued) return;
    if (element.queuedBefore === null) this.#first = element.queuedAfter;
    else element.queuedBefore.queuedAfter = element.queuedAfter;
    if (element.queuedAfter === null) this.#last = element.queuedBefore;
    else element.queuedAfter.queuedBefore = element.queuedBefore;
    element.queuedBefore = null;
    element.queuedAfter = null;
    element.isQueued = false;
    this.#length -= 1;
  }
}
