/** The comparison's figures are those of the pages that they were measured for: whoever measures again is told. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository, type Shown } from './blocks.ts';

const COMPARISON = 'docs/comparison.md';
const LEAST_FIGURES = 4;

/** Rows of figures, and whether a page that was measured has them. */
export function strangeFigures(): Shown[] {
  const measured = ['docs/benchmarks/README.md', 'docs/raw-suite.md'].flatMap(rowsOf);
  const known = new Set(measured.map(({ figures }) => figures.join(' ')));
  const link = new Set(rowsOf('docs/benchmarks/link-latency.md').flatMap(({ figures }) => figures));
  return rowsOf(COMPARISON)
    .filter(({ figures }) => figures.length >= LEAST_FIGURES)
    .filter(({ figures }) => !known.has(figures.join(' ')))
    .filter(({ figures }) => !figures.every((figure) => figure === '-' || link.has(figure)))
    .map(({ line, text }) => ({ path: COMPARISON, line, text }));
}

interface Row {
  readonly line: number;
  readonly text: string;
  readonly figures: readonly string[];
}

/** The cells behind the first, of each row that has nothing but figures there. */
function rowsOf(path: string): Row[] {
  const lines = readFileSync(join(repository, path), 'utf8').split('\n');
  return lines.flatMap((text, at) => {
    if (!text.startsWith('|')) return [];
    const cells = text
      .split('|')
      .slice(2, -1)
      .map((cell) => cell.trim());
    // A page of many columns has the way or the count of requests among them.
    return cells.some((cell) => /^[\d.]+$/.test(cell)) &&
      cells.every((cell) => /^[\d.,]+$|^-$/.test(cell))
      ? [{ line: at + 1, text, figures: cells }]
      : [];
  });
}
