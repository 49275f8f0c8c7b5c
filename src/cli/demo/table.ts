/** The demo's table: the same load, both ways, side by side. */
import type { LoadResult } from './load.ts';
import { percentile } from './load.ts';
import type { OriginCounts } from './origin.ts';

/** One way's figures. */
export interface Column {
  readonly title: string;
  readonly load: LoadResult;
  readonly origin: OriginCounts;
  /** Requests that went over a connection used before, as a share of all. */
  readonly reuse: number;
  /** Processor time of the gateway; null where there is none. */
  readonly gatewayMs: number | null;
}

export type Emphasis = (text: string) => string;

type Row = readonly [label: string, value: (column: Column) => string];

const rows: readonly Row[] = [
  ['requests per second', ({ load }) => whole(load.latenciesMs.length / (load.elapsedMs / 1000))],
  ['p50', ({ load }) => milliseconds(percentile(load.latenciesMs, 0.5))],
  ['p99', ({ load }) => milliseconds(percentile(load.latenciesMs, 0.99))],
  ['connections opened', ({ origin }) => whole(origin.connections)],
  ['TLS handshakes', ({ origin }) => whole(origin.handshakes)],
  ['source ports used', ({ origin }) => whole(origin.sourcePorts)],
  ['reuse', ({ reuse }) => `${(100 * reuse).toFixed(1)} %`],
  ['processor time: origin', ({ origin }) => seconds(origin.processorMs)],
  ['processor time: client', ({ load }) => seconds(load.processorMs)],
  ['processor time: gateway', ({ gatewayMs }) => (gatewayMs === null ? '-' : seconds(gatewayMs))],
];

/** Ends in a line break. */
export function table(columns: readonly Column[], emphasis: Emphasis): string {
  const labelWidth = Math.max(...rows.map(([label]) => label.length));
  const widths = columns.map((column) =>
    Math.max(column.title.length, ...rows.map(([, value]) => value(column).length)),
  );
  const line = (label: string, cells: readonly string[]): string =>
    `  ${label.padEnd(labelWidth)}${cells
      .map((cell, index) => `   ${cell.padStart(widths[index] ?? 0)}`)
      .join('')}`;
  const titles = columns.map(({ title }) => title);
  const head = line('', titles);
  const rule = `  ${'-'.repeat(head.length - 2)}`;
  const body = rows.map(([label, value]) => line(label, columns.map(value)));
  return `${[emphasis(head), rule, ...body].join('\n')}\n`;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function milliseconds(value: number): string {
  return `${value.toFixed(1)} ms`;
}

function seconds(valueMs: number): string {
  return `${(valueMs / 1000).toFixed(2)} s`;
}
