/** The two plots of an upstream's last ten minutes. Sent to the browser too: see `parts.ts`. */
import type { HistoryRow } from '../history.ts';
import type { Words } from './words.ts';

export function plots({ esc, duration, rate }: Words) {
  const spanMs = 600_000;
  const width = 600;
  const height = 60;
  const x = (ms: number, nowMs: number) =>
    Math.round(Math.max(0, width - ((nowMs - ms) / spanMs) * width));

  const frame = (title: string, says: string, label: string, marks: string) =>
    `<figure><figcaption><b>${title}</b> <span>${says}</span></figcaption>
<svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" aria-label="${esc(label)}">${marks}</svg></figure>`;

  const rates = (rows: readonly HistoryRow[], nowMs: number, current: number | null) => {
    const perSecond = (row: HistoryRow, count: number) =>
      (1000 * count) / Math.max(1000, row.toMs - row.fromMs);
    const most = Math.max(0, ...rows.map((row) => perSecond(row, row.requests)));
    const top = Math.max(most, ...rows.map((row) => perSecond(row, row.faults)), 0.1);
    let all = '';
    let failed = '';
    let faults = 0;
    for (const row of rows) {
      const left = x(row.fromMs, nowMs);
      const wide = Math.max(2, x(row.toMs, nowMs) - left - 1);
      const bar = (count: number, least: number) => {
        const tall = Math.round(Math.max(least, (perSecond(row, count) / top) * (height - 4)));
        return `M${left} ${height}v${-tall}h${wide}V${height}z`;
      };
      if (row.requests > 0) all += bar(row.requests, 2);
      if (row.faults > 0) failed += bar(row.faults, 4);
      faults += row.faults;
    }
    const now = `now ${rate(current)} a second`;
    const label = `Requests over the last ten minutes: ${now}, at most ${rate(most)}; ${faults} failed.`;
    const says = most === 0 ? 'none in ten minutes' : `${now}, most ${rate(most)}`;
    return frame(
      'Requests',
      says,
      label,
      `<path class="bars" d="${all}"/><path class="failed" d="${failed}"/>`,
    );
  };

  const times = (rows: readonly HistoryRow[], nowMs: number) => {
    const known = rows.filter((row) => row.meanMs !== null);
    const most = Math.max(0, ...known.map((row) => row.p99Ms ?? 0));
    const line = (of: (row: HistoryRow) => number | null) => {
      let path = '';
      let lastMs = Number.NEGATIVE_INFINITY;
      for (const row of known) {
        const y = Math.round(height - 2 - ((of(row) ?? 0) / Math.max(most, 0.1)) * (height - 6));
        const isNext = row.fromMs - lastMs < 1000;
        path += `${isNext ? 'L' : 'M'}${x(row.fromMs, nowMs)} ${y}H${x(row.toMs, nowMs)}`;
        lastMs = row.toMs;
      }
      return path;
    };
    const last = known[known.length - 1];
    const isNow = last !== undefined && nowMs - last.toMs < 15_000;
    const now = isNow
      ? `now ${duration(last.meanMs ?? 0)} on average, 99 % within ${duration(last.p99Ms ?? 0)}`
      : '';
    const label =
      known.length === 0
        ? 'Time to answer: no request in the last ten minutes.'
        : `Time to answer over the last ten minutes: ${now === '' ? '' : `${now}, `}99 % within ${duration(most)} at the worst.`;
    const says =
      known.length === 0
        ? 'none in ten minutes'
        : isNow
          ? `<i class="key mean"></i>mean ${duration(last.meanMs ?? 0)} <i class="key high"></i>99 % ${duration(last.p99Ms ?? 0)}, most ${duration(most)}`
          : `most ${duration(most)}`;
    return frame(
      'Time to answer',
      says,
      label,
      `<path class="high" d="${line((row) => row.p99Ms)}"/><path class="mean" d="${line((row) => row.meanMs)}"/>`,
    );
  };

  return { rates, times };
}

export type Plots = ReturnType<typeof plots>;
