import { describe, expect, it } from 'vitest';
import { sumOf } from '../../../../src/cli/demo/gateway-process.ts';

const metrics = `# HELP a_total Of a.
# TYPE a_total counter
a_total{x="1",y="{}"} 2
a_total{x="2"} 3
a_total_more 100
b_seconds 0.5
`;

describe('reading the metrics', () => {
  it('adds up the samples of one name', () => {
    expect(sumOf(metrics, 'a_total')).toBe(5);
    expect(sumOf(metrics, 'b_seconds')).toBe(0.5);
  });

  it('does not take a missing metric for nothing', () => {
    expect(() => sumOf(metrics, 'a')).toThrow("the gateway's metrics have no a");
  });
});
