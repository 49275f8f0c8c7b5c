/**
 * Draws the live part of the status page as HTML, from plain data: what one sees in five seconds first, the rest below.
 * Sent to the browser too: see `parts.ts`.
 */
import type { RedactedConfig } from '../../config/redact.ts';
import type { PoolsView, UpstreamView } from '../admin/pools-view.ts';
import type { FaultSummary, RecordedFault } from '../fault-ring.ts';
import type { HistoryRow } from '../history.ts';
import type { Failures } from './failures.ts';
import type { Plots } from './plots.ts';
import type { Pools } from './pools.ts';
import type { Settings } from './settings.ts';
import type { Verdict } from './verdict.ts';
import type { Words } from './words.ts';

export interface PageState {
  /** Oldest first, at least one: the last is what is shown, the ones before it make the rates quick. */
  readonly views: readonly PoolsView[];
  /** Whole rows by upstream; the one under way is in the view. */
  readonly history: { readonly [upstream: string]: readonly HistoryRow[] };
  /** Newest first. */
  readonly faults: readonly RecordedFault[];
  readonly summaries: readonly FaultSummary[];
  readonly config: RedactedConfig | null;
}

export interface Bounds {
  /** Connections drawn one by one. */
  readonly squares: number;
  /** Options of the configuration. */
  readonly options: number;
  readonly faults: number;
}

export type Draw = (state: PageState, bounds: Bounds) => string;

interface Parts extends Words, Plots, Pools, Failures, Settings, Verdict {}

export function drawing(parts: Parts): Draw {
  const { esc, grouped, plural, duration, percent, ago } = parts;

  const rowsOf = ({ name, openRow }: UpstreamView, history: PageState['history']) => {
    const rows = (history[name] ?? []).filter(
      ({ toMs }) => openRow === null || toMs <= openRow.fromMs + 1,
    );
    return openRow === null ? rows : [...rows, openRow];
  };

  /** Requests a second now: over the last few views, or without them over the row under way. */
  const rateOf = (
    upstream: UpstreamView,
    views: readonly PoolsView[],
    rows: readonly HistoryRow[],
  ) => {
    const now = views[views.length - 1] as PoolsView;
    const then = views[Math.max(0, views.length - 6)] as PoolsView;
    const before = then.upstreams.find(({ name }) => name === upstream.name)?.totals;
    const ms = now.atMs - then.atMs;
    const requests = (upstream.totals?.requests ?? 0) - (before?.requests ?? 0);
    if (ms >= 900 && before && requests >= 0) return (1000 * requests) / ms;
    const late = rows.filter(({ toMs }) => toMs > now.atMs - 15_000);
    const lateMs = late.reduce((sum, row) => sum + row.toMs - row.fromMs, 0);
    if (lateMs < 900) return late.length === 0 ? 0 : null;
    return (1000 * late.reduce((sum, row) => sum + row.requests, 0)) / lateMs;
  };

  /** Over the last minute. */
  const timesOf = (rows: readonly HistoryRow[], nowMs: number) => {
    const late = rows.filter((row) => row.meanMs !== null && row.toMs > nowMs - 60_000);
    const requests = late.reduce((sum, row) => sum + row.requests, 0);
    if (requests === 0) return null;
    const whole = late.reduce((sum, row) => sum + row.requests * (row.meanMs ?? 0), 0);
    return { meanMs: whole / requests, p99Ms: Math.max(...late.map((row) => row.p99Ms ?? 0)) };
  };

  interface Shown {
    readonly upstream: UpstreamView;
    readonly rows: readonly HistoryRow[];
    readonly rate: number | null;
    readonly faultsOfLate: number;
  }

  const tile = (value: string, name: string, note = '') =>
    `<div><dt>${name}</dt><dd>${value}${note === '' ? '' : ` <small>${note}</small>`}</dd></div>`;

  const tiles = (now: PoolsView, all: readonly Shown[]) => {
    const sum = { requests: 0, reused: 0, saved: 0, savedMs: 0, late: 0, faults: 0 };
    let rate: number | null = 0;
    for (const { upstream, rate: one, faultsOfLate } of all) {
      sum.requests += upstream.totals?.requests ?? 0;
      sum.reused += upstream.totals?.reused ?? 0;
      sum.saved += upstream.totals?.handshakesSaved ?? 0;
      sum.savedMs += upstream.totals?.connectSavedMs ?? 0;
      sum.faults += upstream.totals?.faults ?? 0;
      sum.late += faultsOfLate;
      rate = one === null || rate === null ? null : rate + one;
    }
    return `<dl class="tiles">${tile(parts.rate(rate), 'requests a second', `${grouped(sum.requests)} in all`)}${tile(percent(sum.reused, sum.requests), 'on warm connections')}${tile(grouped(sum.saved), 'handshakes saved', sum.savedMs > 0 ? `${duration(sum.savedMs)} of waiting` : '')}${tile(grouped(sum.late), 'failed in ten minutes', `${grouped(sum.faults + now.clients.faults)} in all`)}${tile(grouped(now.clients.open), 'client connections')}</dl>`;
  };

  const overview = (nowMs: number, all: readonly Shown[]) => {
    const rows = all.map(({ upstream, rows: past, rate, faultsOfLate }) => {
      const { totals } = upstream;
      const times = timesOf(past, nowMs);
      const open = parts.openOf(upstream);
      const cell = (value: string) => `<td class="number">${value}</td>`;
      return `<tr><th scope="row"><a href="#up-${esc(upstream.name)}">${esc(upstream.name)}</a></th><td>${parts.pill(parts.healthOf(upstream))}</td>${cell(parts.rate(rate))}${cell(times === null ? '–' : duration(times.meanMs))}${cell(times === null ? '–' : duration(times.p99Ms))}${cell(percent(totals?.reused ?? 0, totals?.requests ?? 0))}${cell(`${grouped(open.all)} / ${grouped(upstream.maxConnections)}`)}${cell(grouped(upstream.waiting))}${cell(grouped(totals?.retries ?? 0))}${cell(grouped(faultsOfLate))}</tr>`;
    });
    const head = (name: string, title = '', kind = ' class="number"') =>
      `<th scope="col"${kind}${title === '' ? '' : ` title="${title}"`}>${name}</th>`;
    return `<section class="box" aria-labelledby="upstreams"><h2 id="upstreams">Upstreams</h2><div class="scroll" role="region" aria-label="Table of upstreams" tabindex="0"><table><caption class="unseen">Upstreams, with figures of the last minute</caption><thead><tr>${head('Upstream', '', '')}${head('State', '', '')}${head('Requests/s')}${head('Mean', 'Mean time to answer, over the last minute')}${head('99 %', 'What 99 of 100 took at most, over the last minute')}${head('Reused', 'Exchanges that went over a connection used before')}${head('Connections', 'Open, of the most that configuration allows')}${head('Waiting', 'Requests that wait for a connection')}${head('Retries', 'Attempts made again, in all')}${head('Failed', 'Exchanges that failed, over the last ten minutes')}</tr></thead><tbody>${rows.join('')}</tbody></table></div></section>`;
  };

  const fact = (name: string, value: string, title = '') =>
    `<div${title === '' ? '' : ` title="${title}"`}><dt>${name}</dt><dd>${value}</dd></div>`;

  const card = ({ upstream, rows, rate }: Shown, now: PoolsView, room: number) => {
    const { name, endpoints, discovery, totals, lastDialFault } = upstream;
    const open = parts.openOf(upstream);
    let left = room;
    const drawn = endpoints.map((one) => {
      const { html, drawn: count } = parts.endpoint(one, left);
      left -= count;
      return html;
    });
    const facts =
      totals === null
        ? ''
        : `<dl class="facts">${fact('requests', grouped(totals.requests))}${fact('reused', percent(totals.reused, totals.requests), 'Exchanges that went over a connection used before')}${fact('saved', totals.handshakesSaved === 0 ? '–' : `${grouped(totals.handshakesSaved)} <small>${duration(totals.connectSavedMs)}</small>`, 'Handshakes that were not needed, and their number times the mean time to connect')}${fact('dials', `${grouped(totals.dials)}${totals.dialsFailed > 0 ? `, ${grouped(totals.dialsFailed)} failed` : ''}`)}${fact('warm', `${grouped(open.idle)} (floor ${grouped(upstream.warmWanted)})`, 'Idle connections, and how many the warm floor asks for')}${fact('stale', grouped(totals.stale), 'Connections that turned out to have ended under a request')}</dl>`;
    const dial =
      lastDialFault === null
        ? ''
        : `<p class="note"><b>Last failed dial</b> ${esc(lastDialFault.cause)}${lastDialFault.code === undefined ? '' : ` <code>${esc(lastDialFault.code)}</code>`}</p>`;
    const lost =
      discovery === null || discovery.lastFailure === null || discovery.failures === 0
        ? ''
        : `<p class="note"><b>Name lookup fails</b> ${esc(discovery.lastFailure)}</p>`;
    const host = discovery === null ? '' : `<span class="host">${esc(discovery.host)}</span>`;
    const html = `<article id="up-${esc(name)}" aria-label="Upstream ${esc(name)}"><header><h3>${esc(name)}</h3>${host}${parts.pill(parts.healthOf(upstream))}</header>
<div class="plots">${parts.rates(rows, now.atMs, rate)}${parts.times(rows, now.atMs)}<p class="axis" aria-hidden="true"><span>10 min ago</span><span>now</span></p></div>
<p class="room">${plural(endpoints.length, 'endpoint')}, ${grouped(open.all)} of ${plural(upstream.maxConnections, 'connection')}</p>
<ul class="endpoints">${drawn.join('')}</ul>${facts}${totals === null ? '' : parts.retryList(totals, now.time)}${dial}${lost}</article>`;
    return { html, left };
  };

  return (state, bounds) => {
    const { views, history, faults, summaries, config } = state;
    const now = views[views.length - 1] as PoolsView;
    const all = now.upstreams.map((upstream): Shown => {
      const rows = rowsOf(upstream, history);
      const faultsOfLate = rows.reduce((sum, row) => sum + row.faults, 0);
      return { upstream, rows, rate: rateOf(upstream, views, rows), faultsOfLate };
    });
    let room = bounds.squares;
    const cards = all.map((one) => {
      const { html, left } = card(one, now, room);
      room = left;
      return html;
    });
    const reloaded = now.lastReload;
    return `${parts.verdict(state)}
${tiles(now, all)}
${overview(now.atMs, all)}
<section aria-labelledby="pools"><h2 id="pools">Pools</h2><p class="legend"><span><i class="active"></i> active</span><span><i class="idle"></i> idle</span><span><i class="connecting"></i> connecting</span><span><i class="draining"></i> draining</span></p><div class="cards">${cards.join('')}</div></section>
<section class="box" aria-labelledby="faults"><h2 id="faults">Faults</h2>${parts.faultTables(summaries, faults.slice(0, bounds.faults), now.time)}</section>
<section class="box" aria-labelledby="config"><h2 id="config">Configuration in force</h2><p class="none">Read ${ago(reloaded.time, now.time)}${reloaded.succeeded ? '' : '; <b class="lost">the last reload was refused</b>'}. Up ${duration(now.upSeconds * 1000)}.</p>${config === null ? '' : parts.tables(config, bounds.options)}</section>`;
  };
}
