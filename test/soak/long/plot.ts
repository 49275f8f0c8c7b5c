/** A long run as a drawing: a small panel for each figure, with its slope, and below them when what happened. */
import type { Happening } from './disturbances.ts';
import { byMinute, type Point, slopeOf } from './slopes.ts';

export interface Panel {
  readonly title: string;
  readonly points: readonly Point[];
  /** Whether its slope is judged, and so drawn. */
  readonly hasSlope: boolean;
}

export interface Drawing {
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly warmUpHours: number;
  readonly hours: number;
  /** With `fromMs` and `toMs` counted from the beginning of the run. */
  readonly happenings: readonly Happening[];
}

const columns = 2;
const panelWidth = 400;
const panelHeight = 96;
const gapX = 84;
const gapY = 44;
const left = 70;
const top = 56;

export function drawn(drawing: Drawing): string {
  const { panels, title, happenings } = drawing;
  const names = [...new Set(happenings.map(({ name }) => name))];
  const rows = Math.ceil(panels.length / columns);
  const width = left + columns * panelWidth + (columns - 1) * gapX + 30;
  const laneTop = top + rows * (panelHeight + gapY) + 16;
  const height = laneTop + names.length * 18 + 40;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="11" role="img" aria-label="${title}">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="${left}" y="24" font-size="15">${title}</text>`,
    ...panels.map((panel, nth) => panelOf(panel, nth, drawing).join('')),
    lanes(names, laneTop, width, drawing).join(''),
    '</svg>\n',
  ].join('\n');
}

function panelOf({ title, points, hasSlope }: Panel, nth: number, drawing: Drawing): string[] {
  const x0 = left + (nth % columns) * (panelWidth + gapX);
  const y0 = top + Math.floor(nth / columns) * (panelHeight + gapY);
  const told = points.filter(({ value }) => Number.isFinite(value));
  const values = told.map(({ value }) => value);
  const most = Math.max(...values, 1);
  const least = Math.min(...values, most);
  // From zero, unless that would press what moves into a line.
  const from = least > most / 2 && most - least < most / 4 ? least - (most - least || 1) : 0;
  const to = most + (most - from) * 0.1;
  const across = (hours: number): number => rounded(x0 + (hours / drawing.hours) * panelWidth);
  const down = (value: number): number =>
    rounded(y0 + panelHeight * (1 - (value - from) / (to - from)));
  const line = told.map(({ hours, value }) => `${across(hours)} ${down(value)}`).join('L');
  const parts = [
    `<text x="${x0}" y="${y0 - 6}" fill="#333333">${title}</text>`,
    `<rect x="${x0}" y="${y0}" width="${across(drawing.warmUpHours) - x0}" height="${panelHeight}" fill="#f2f2f2"/>`,
    ...[from, (from + to) / 2, to].map(
      (value) =>
        `<path d="M${x0} ${down(value)}h${panelWidth}" stroke="#e5e5e5"/><text x="${x0 - 6}" y="${down(value) + 4}" text-anchor="end">${short(value)}</text>`,
    ),
    `<path d="M${line}" fill="none" stroke="#0072b2" stroke-width="1"/>`,
  ];
  if (!hasSlope) return parts;
  const judged = byMinute(told.filter(({ hours }) => hours >= drawing.warmUpHours));
  if (judged.length < 3) return parts;
  const { perHour } = slopeOf(judged);
  const offsets = judged.map(({ hours, value }) => value - perHour * hours).sort((a, b) => a - b);
  const offset = offsets[offsets.length >> 1] ?? 0;
  const at = (hours: number): string => `${across(hours)} ${down(offset + perHour * hours)}`;
  return [
    ...parts,
    `<path d="M${at(drawing.warmUpHours)}L${at(drawing.hours)}" stroke="#d55e00" stroke-width="2"/>`,
  ];
}

/** One lane for each kind of thing that happened, over the width of the first column. */
function lanes(
  names: readonly string[],
  laneTop: number,
  width: number,
  { happenings, hours }: Drawing,
): string[] {
  const laneWidth = width - left - 180;
  const across = (ms: number): number => rounded(left + 150 + (ms / 3_600_000 / hours) * laneWidth);
  return [
    ...names.flatMap((name, nth) => {
      const y = laneTop + nth * 18;
      const ticks = happenings
        .filter((each) => each.name === name)
        .map(({ fromMs, toMs }) => {
          const wide = Math.max(1, across(toMs) - across(fromMs));
          return `<rect x="${across(fromMs)}" y="${y}" width="${rounded(wide)}" height="10" fill="#009e73"/>`;
        });
      return [`<text x="${left}" y="${y + 9}">${name}</text>`, ...ticks];
    }),
    `<text x="${left + 150}" y="${laneTop + names.length * 18 + 18}">${short(hours * 60)} minutes; grey: warm-up, not judged; orange: slope by Theil and Sen</text>`,
  ];
}

function short(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Math.round(value * 10) / 10);
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
