import { describe, expect, it } from 'vitest';
import { RequestOutput } from '../../../../src/upstream/h1/request-output.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { FakeWire } from '../../../support/fake-wire.ts';

function scene() {
  const wire = new FakeWire(new FakeClock());
  return { wire, output: new RequestOutput(wire) };
}

const HEAD = 'POST / HTTP/1.1\r\nHost: a\r\n\r\n';

describe('a request on its way out', () => {
  it('without a body leaves at once', () => {
    const { wire, output } = scene();
    output.begin(HEAD, 'none');
    expect([wire.writes, output.isWhole, output.hasSent]).toEqual([[HEAD], true, true]);
  });

  it('with a body is held until there is some of it, or its writer has no more', () => {
    const { wire, output } = scene();
    output.begin(HEAD, 'length');
    expect([wire.writes, output.hasSent]).toEqual([[], false]);
    output.flush();
    expect([wire.writes, output.hasSent, output.isWhole]).toEqual([[HEAD], true, false]);
  });

  it('joins bodies of up to 4 KiB to the head', () => {
    const { wire, output } = scene();
    output.begin(HEAD, 'length');
    output.body(Buffer.alloc(4_096 - HEAD.length, 'x'));
    expect(wire.writes).toEqual([]);
    output.end('');
    expect(wire.writes).toEqual([`${HEAD}${'x'.repeat(4_096 - HEAD.length)}`]);
    expect(output.isWhole).toBe(true);
  });

  it('writes no more than it must: many small parts leave as they fill 4 KiB', () => {
    const { wire, output } = scene();
    output.begin(HEAD, 'chunked');
    for (let i = 0; i < 100; i += 1) output.body(Buffer.alloc(100, 'x'));
    output.end('');
    expect(wire.writes.length).toBeLessThanOrEqual(3);
    expect(wire.written.match(/x/g)).toHaveLength(10_000);
  });

  it('sends a large body beside the head, in one call', () => {
    const { wire, output } = scene();
    output.begin(HEAD, 'length');
    output.body(Buffer.alloc(4_097, 'x'));
    expect(wire.writes).toEqual([`${HEAD}${'x'.repeat(4_097)}`]);
    output.body(Buffer.alloc(10, 'y'));
    expect(wire.writes).toHaveLength(2);
  });

  it.each([
    ['small', 3],
    ['large', 5_000],
  ])('frames %s chunks', (_, bytes) => {
    const { wire, output } = scene();
    output.begin(HEAD, 'chunked');
    output.body(Buffer.alloc(bytes, 'x'));
    output.body(Buffer.alloc(1, 'y'));
    output.end('');
    expect(wire.written).toBe(
      `${HEAD}${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n1\r\ny\r\n0\r\n\r\n`,
    );
  });

  it('ends chunks with trailers', () => {
    const { wire, output } = scene();
    output.begin(HEAD, 'chunked');
    output.end('X-Sum: 1\r\n');
    expect(wire.writes).toEqual([`${HEAD}0\r\nX-Sum: 1\r\n\r\n`]);
  });

  it('keeps every octet as it is', () => {
    const { wire, output } = scene();
    const octets = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    output.begin(HEAD, 'length');
    output.body(octets);
    output.end('');
    expect(Buffer.from(wire.written, 'latin1').subarray(HEAD.length)).toEqual(octets);
  });

  it('joins a copy: the client’s buffer may be used again', () => {
    const { wire, output } = scene();
    const body = Buffer.from('first');
    output.begin(HEAD, 'length');
    output.body(body);
    body.fill('#');
    output.end('');
    expect(wire.written).toBe(`${HEAD}first`);
  });

  it('is not sent when its first write fails at once, and is when a later one does', () => {
    const first = scene();
    first.wire.failsWith = 'EPIPE';
    first.output.begin(HEAD, 'none');
    expect(first.output.hasSent).toBe(false);
    const second = scene();
    second.output.begin(HEAD, 'length');
    second.output.flush();
    second.wire.failsWith = 'EPIPE';
    second.output.body(Buffer.from('x'));
    second.output.end('');
    expect(second.output.hasSent).toBe(true);
  });

  it('begins anew for each request', () => {
    const { wire, output } = scene();
    output.begin(HEAD, 'none');
    output.begin(HEAD, 'length');
    expect([output.hasSent, output.isWhole, wire.writes.length]).toEqual([false, false, 1]);
  });
});
