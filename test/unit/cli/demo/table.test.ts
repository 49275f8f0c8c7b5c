import { describe, expect, it } from 'vitest';
import { type Column, table } from '../../../../src/cli/demo/table.ts';

const column: Column = {
  title: 'directly',
  load: {
    elapsedMs: 2_000,
    latenciesMs: [1, 2, 3, 400],
    failures: 0,
    firstFailure: null,
    processorMs: 1_234,
  },
  origin: { requests: 4, connections: 4_000, handshakes: 3, sourcePorts: 2, processorMs: 567 },
  reuse: 0.995,
  gatewayMs: null,
};

const plain = (text: string) => text;

describe('the table of the demo', () => {
  it('shows every figure under its title', () => {
    const lines = table([column, { ...column, title: 'other', gatewayMs: 90 }], plain).split('\n');
    const cells = lines.map((line) => line.trim().split(/\s{3,}/));
    expect(cells).toEqual([
      ['directly', 'other'],
      [expect.stringMatching(/^-+$/)],
      ['requests per second', '2', '2'],
      ['p50', '2.0 ms', '2.0 ms'],
      ['p99', '400.0 ms', '400.0 ms'],
      ['connections opened', '4,000', '4,000'],
      ['TLS handshakes', '3', '3'],
      ['source ports used', '2', '2'],
      ['reuse', '99.5 %', '99.5 %'],
      ['processor time: origin', '0.57 s', '0.57 s'],
      ['processor time: client', '1.23 s', '1.23 s'],
      ['processor time: gateway', '-', '0.09 s'],
      [''],
    ]);
  });

  it('ends all its lines in one column', () => {
    const wide = { ...column, title: 'through Sidepool', gatewayMs: 123_456 };
    const lengths = table([column, wide], plain)
      .trimEnd()
      .split('\n')
      .map((line) => line.length);
    expect(new Set(lengths).size).toBe(1);
  });

  it('lays emphasis on the titles alone', () => {
    const text = table([column], (words) => `<${words}>`);
    expect(text.match(/<.*>/g)).toEqual([expect.stringMatching(/directly>$/)]);
  });
});
