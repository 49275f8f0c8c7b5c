/** Bars as SVG, with the least and the most as a line; its own colours for light and for dark pages. */
import type { Spread } from './report.ts';

export interface BarGroup {
  readonly title: string;
  /** Where a line is drawn to compare with; 1 for ratios. */
  readonly reference?: number;
  readonly digits: number;
  readonly bars: readonly Bar[];
}

export interface Bar {
  readonly label: string;
  readonly spread: Spread;
  /** Drawn in the colour of what the page is about. */
  readonly own: boolean;
}

const width = 760;
const labelWidth = 190;
const valueWidth = 60;
const rowHeight = 22;
const headHeight = 34;
const gap = 14;

const style = `
text { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #1f2328; }
.title { font-weight: 600; }
.ground { fill: #ffffff; }
.bar { fill: #8c959f; }
.own { fill: #0969da; }
.range { stroke: #1f2328; stroke-width: 1.5; }
.reference { stroke: #cf222e; stroke-width: 1; stroke-dasharray: 3 3; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .ground { fill: #0d1117; }
  .bar { fill: #6e7681; }
  .own { fill: #4493f8; }
  .range { stroke: #e6edf3; }
  .reference { stroke: #ff7b72; }
}`;

export function barsSvg(title: string, groups: readonly BarGroup[]): string {
  const height = groups.reduce((sum, group) => sum + groupHeight(group), gap);
  let top = gap;
  const parts = groups.map((group) => {
    const drawn = drawGroup(group, top);
    top += groupHeight(group);
    return drawn;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">
<style>${style}
</style>
<rect class="ground" width="${width}" height="${height}"/>
${parts.join('\n')}
</svg>
`;
}

function groupHeight({ bars }: BarGroup): number {
  return headHeight + bars.length * rowHeight + gap;
}

function drawGroup({ title, bars, reference, digits }: BarGroup, top: number): string {
  const most = Math.max(reference ?? 0, ...bars.map(({ spread }) => spread.max));
  const room = width - labelWidth - valueWidth - gap;
  const x = (value: number) => round(labelWidth + (most > 0 ? (value / most) * room : 0));
  const rows = bars.map(({ label, spread, own }, nth) => {
    const y = top + headHeight + nth * rowHeight;
    const middle = y + rowHeight / 2;
    return [
      `<text x="${labelWidth - 8}" y="${middle + 4}" text-anchor="end">${escaped(label)}</text>`,
      `<rect class="${own ? 'own' : 'bar'}" x="${labelWidth}" y="${y + 3}" width="${round(x(spread.median) - labelWidth)}" height="${rowHeight - 6}"/>`,
      `<line class="range" x1="${x(spread.min)}" x2="${x(spread.max)}" y1="${middle}" y2="${middle}"/>`,
      `<text x="${round(x(spread.max) + 6)}" y="${middle + 4}">${spread.median.toFixed(digits)}</text>`,
    ].join('\n');
  });
  const bottom = top + headHeight + bars.length * rowHeight;
  const line =
    reference === undefined
      ? ''
      : `\n<line class="reference" x1="${x(reference)}" x2="${x(reference)}" y1="${top + headHeight - 4}" y2="${bottom}"/>`;
  return `<text class="title" x="${gap}" y="${top + 18}">${escaped(title)}</text>\n${rows.join('\n')}${line}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
