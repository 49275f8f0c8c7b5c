/**
 * The latencies as a drawing: which share of requests took longer than so many round trips. The share is drawn on a
 * logarithmic scale, so that the tail, which an ordinary distribution curve hides in its last pixels, has most of the room.
 */
import type { DistributionResult } from './results.ts';

interface Panel {
  readonly title: string;
  readonly left: number;
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
}

const panelWidth = 360;
const panelHeight = 260;
const top = 56;
const panels: readonly Panel[] = [
  { title: 'all', left: 64, from: 0.9, to: 3.6, ticks: [1, 1.5, 2, 2.5, 3, 3.5] },
  {
    title: 'near one round trip',
    left: 476,
    from: 1,
    to: 1.3,
    ticks: [1, 1.05, 1.1, 1.15, 1.2, 1.25, 1.3],
  },
];
const width = 476 + panelWidth + 24;
const height = top + panelHeight + 84;
/** One in a thousand takes longer than where a curve ends. */
const leastShare = 0.001;
const shares: readonly (readonly [number, string])[] = [
  [1, 'none'],
  [0.5, '50 %'],
  [0.1, '90 %'],
  [0.01, '99 %'],
  [0.001, '99.9 %'],
];
/** Told apart by people who do not see all colours (Okabe and Ito). */
const colours: Readonly<Record<string, string>> = {
  direct: '#000000',
  nginx: '#009e73',
  HAProxy: '#0072b2',
  Envoy: '#cc79a7',
  Sidepool: '#d55e00',
};

export function drawing(result: DistributionResult): string {
  const { nominalMs, scheme, ways, roundTrip } = result;
  const title = `One request a connection, ${scheme} origin, ${nominalMs} ms round trip`;
  const curves = ways.map(({ way, latency }) => ({
    way,
    points: latency.curve.map(([share, us]) => [us / roundTrip.p50Us, share] as const),
  }));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="12" role="img" aria-label="${title}">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="64" y="24" font-size="15">${title}</text>`,
    ...panels.flatMap((panel) => [
      ...frame(panel),
      ...curves.map(({ way, points }) => curve(panel, way, points)),
    ]),
    ...curves.map(({ way }, nth) => legend(way, nth)),
    '</svg>\n',
  ].join('\n');
}

function frame(panel: Panel): string[] {
  const bottom = top + panelHeight;
  const right = panel.left + panelWidth;
  return [
    `<text x="${panel.left}" y="${top - 8}" fill="#555555">${panel.title}</text>`,
    `<clipPath id="clip-${panel.left}"><rect x="${panel.left}" y="${top}" width="${panelWidth}" height="${panelHeight}"/></clipPath>`,
    ...panel.ticks.map((tick) => {
      const x = across(panel, tick);
      return `<path d="M${x} ${top}V${bottom}" stroke="#e5e5e5"/><text x="${x}" y="${bottom + 16}" text-anchor="middle">${tick}</text>`;
    }),
    ...shares.map(([share, text]) => {
      const y = down(1 - share);
      return `<path d="M${panel.left} ${y}H${right}" stroke="#e5e5e5"/><text x="${panel.left - 6}" y="${y + 4}" text-anchor="end">${text}</text>`;
    }),
    `<text x="${panel.left + panelWidth / 2}" y="${bottom + 36}" text-anchor="middle">round trips of the link</text>`,
  ];
}

function curve(panel: Panel, way: string, points: readonly (readonly [number, number])[]): string {
  const path = points.map(([x, share]) => `${across(panel, x)} ${down(share)}`).join('L');
  const strong = way === 'Sidepool' ? 2.5 : 1.5;
  return `<path clip-path="url(#clip-${panel.left})" d="M${path}" fill="none" stroke="${colours[way] ?? '#888888'}" stroke-width="${strong}"/>`;
}

function legend(way: string, nth: number): string {
  const x = 64 + nth * 120;
  const y = height - 20;
  return `<path d="M${x} ${y - 4}h24" stroke="${colours[way] ?? '#888888'}" stroke-width="3"/><text x="${x + 30}" y="${y}">${way}</text>`;
}

function across({ left, from, to }: Panel, value: number): number {
  return rounded(left + ((value - from) / (to - from)) * panelWidth);
}

/** Of the share of requests that took no longer. */
function down(share: number): number {
  const longer = Math.max(leastShare, 1 - share);
  return rounded(top + panelHeight * (1 - Math.log(longer) / Math.log(leastShare)));
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
