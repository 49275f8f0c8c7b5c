import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LinkedQueue, type Queued } from '../../../src/base/linked-queue.ts';

class Element implements Queued<Element> {
  queuedBefore: Element | null = null;
  queuedAfter: Element | null = null;
  isQueued = false;
  readonly name: number;

  constructor(name: number) {
    this.name = name;
  }
}

describe('a linked queue', () => {
  it('is empty at first', () => {
    const queue = new LinkedQueue<Element>();
    expect([queue.length, queue.first, queue.shift()]).toEqual([0, null, null]);
  });

  it('refuses an element that is queued, here or elsewhere', () => {
    const element = new Element(1);
    new LinkedQueue<Element>().push(element);
    expect(() => new LinkedQueue<Element>().push(element)).toThrow('queued already');
  });

  it('leaves an element that was taken out without links', () => {
    const queue = new LinkedQueue<Element>();
    const elements = [1, 2, 3].map((name) => new Element(name));
    for (const each of elements) queue.push(each);
    const middle = elements[1] as Element;
    queue.remove(middle);
    expect([middle.queuedBefore, middle.queuedAfter, middle.isQueued]).toEqual([null, null, false]);
    queue.remove(middle);
    expect(queue.length).toBe(2);
  });

  it('does as an array does, in any sequence of operations', () => {
    const operation = fc.record({
      what: fc.constantFrom('push', 'push', 'shift', 'remove'),
      which: fc.nat(9),
    });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
        const queue = new LinkedQueue<Element>();
        const elements = Array.from({ length: 10 }, (_, name) => new Element(name));
        let model: Element[] = [];
        for (const { what, which } of operations) {
          const element = elements[which] as Element;
          if (what === 'push') {
            if (element.isQueued) continue;
            queue.push(element);
            model.push(element);
          } else if (what === 'shift') {
            expect(queue.shift()).toBe(model.shift() ?? null);
          } else {
            queue.remove(element);
            model = model.filter((each) => each !== element);
          }
          expect(queue.length).toBe(model.length);
          expect(queue.first).toBe(model[0] ?? null);
          const walked: Element[] = [];
          for (let each = queue.first; each !== null; each = each.queuedAfter) walked.push(each);
          expect(walked).toEqual(model);
          expect(elements.filter(({ isQueued }) => isQueued)).toHaveLength(model.length);
        }
      }),
    );
  });
});
