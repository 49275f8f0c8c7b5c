import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Input } from '../../../src/http1/input.ts';

describe('an input', () => {
  it('reads a chunk where it lies', () => {
    const input = new Input();
    const chunk = Buffer.from('hello');
    input.push(chunk);
    expect(input.bytes).toBe(chunk);
    expect([input.at, input.length, input.isEmpty]).toEqual([0, 5, false]);
    expect(input.takeRest()).toBe(chunk);
    expect([input.length, input.isEmpty]).toEqual([0, true]);
  });

  it('grows by doubling: octet by octet costs no more copies than the length has doublings', () => {
    const input = new Input();
    const buffers = new Set<ArrayBufferLike>();
    for (let i = 0; i < 32 * 1024; i += 1) {
      input.push(Buffer.of(i & 255));
      buffers.add(input.bytes.buffer);
    }
    expect(buffers.size).toBeLessThanOrEqual(10);
    expect(input.bytes).toEqual(Buffer.from(Array.from({ length: 32 * 1024 }, (_, i) => i & 255)));
  });

  it('copies what is kept, once', () => {
    const input = new Input();
    const chunk = Buffer.from('hello');
    input.push(chunk);
    input.at = 2;
    input.keep();
    chunk.fill(0x21);
    expect(input.bytes.toString('latin1', input.at)).toBe('llo');
    const { bytes } = input;
    input.keep();
    expect(input.bytes).toBe(bytes);
  });

  it('keeps little more than there is of a large chunk', () => {
    const input = new Input();
    input.push(Buffer.alloc(64 * 1024));
    input.at = 1_000;
    input.keep();
    expect(input.bytes.buffer.byteLength).toBeLessThan(72 * 1024);
  });

  it('holds no memory once all is read', () => {
    const input = new Input();
    input.push(Buffer.from('hello'));
    input.at = 5;
    input.keep();
    expect(input.bytes.length).toBe(0);
  });

  it('leaves alone the views that it gave while it goes on', () => {
    const input = new Input();
    input.push(Buffer.from('ab'));
    input.push(Buffer.from('cd'));
    const view = input.bytes.subarray(input.at, input.at + 3);
    input.at += 3;
    input.push(Buffer.from('efgh'.repeat(300)));
    expect(view.toString()).toBe('abc');
  });

  it('gives what was pushed, in any order of pushing, reading and keeping', () => {
    const step = fc.oneof(
      fc.record({ what: fc.constant('push' as const), size: fc.nat(700) }),
      fc.record({ what: fc.constant('read' as const), size: fc.nat(900) }),
      fc.constant({ what: 'keep' as const, size: 0 }),
      fc.constant({ what: 'rest' as const, size: 0 }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const input = new Input();
        let next = 0;
        let pending: Buffer = Buffer.alloc(0);
        for (const { what, size } of steps) {
          if (what === 'push') {
            const chunk = Buffer.from(Array.from({ length: size }, (_, i) => (next + i) & 255));
            next += size;
            pending = Buffer.concat([pending, chunk]);
            input.push(chunk);
            // The owner of the memory keeps its promise, now and then: it asks for a copy and writes over its own.
            if (size % 3 === 0) {
              input.keep();
              chunk.fill(0xee);
            }
          } else if (what === 'read') {
            const length = Math.min(size, input.length);
            expect(input.bytes.subarray(input.at, input.at + length)).toEqual(
              pending.subarray(0, length),
            );
            input.at += length;
            pending = pending.subarray(length);
          } else if (what === 'keep') {
            input.keep();
          } else {
            expect(input.takeRest()).toEqual(pending);
            pending = Buffer.alloc(0);
          }
          expect(input.length).toBe(pending.length);
          expect(input.bytes.subarray(input.at).equals(pending)).toBe(true);
        }
      }),
    );
  });
});
