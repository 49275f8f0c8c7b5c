import { describe, expect, test } from 'vitest';
import { barsSvg } from '../../bench/bars.ts';

const group = {
  title: 'a < b & c',
  reference: 1,
  digits: 2,
  bars: [
    { label: 'nginx', spread: { median: 1, min: 1, max: 1 }, own: false },
    { label: 'Sidepool', spread: { median: 2, min: 1.5, max: 4 }, own: true },
  ],
};

describe('bars', () => {
  const svg = barsSvg('title', [group]);

  test('are as long as their medians, on one scale, with the most inside the picture', () => {
    const lengths = [...svg.matchAll(/<rect class="(?:bar|own)" [^>]*? width="([\d.]+)"/g)].map(
      ([, width]) => Number(width),
    );
    expect(lengths[1]).toBeCloseTo(2 * (lengths[0] ?? 0), 0);
    const ends = [...svg.matchAll(/x2="([\d.]+)"/g)].map(([, x]) => Number(x));
    expect(Math.max(...ends)).toBeLessThan(Number(/viewBox="0 0 (\d+)/.exec(svg)?.[1]));
  });

  test('mark what is our own, and escape what would be markup', () => {
    expect(svg.match(/class="own"/g)).toHaveLength(1);
    expect(svg).toContain('a &lt; b &amp; c');
  });

  test('carry colours for dark pages', () => {
    expect(svg).toContain('prefers-color-scheme: dark');
  });
});
