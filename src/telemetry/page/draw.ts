/**
 * Draws the live part of the status page as HTML.
 *
 * One function for both sides: the server calls it for the first sight and for browsers without scripts, and sends its
 * source along, so that the page draws itself again from `/pools` and `/faults`. So everything that it uses stands
 * inside it, and it takes and gives plain data. Whatever it shows goes through `esc`.
 */
import type { ConnectionSnapshot, EndpointSnapshot } from '../../upstream/observer.ts';
import type { PoolsView, UpstreamView } from '../admin/pools-view.ts';
import type { RecordedFault } from '../fault-ring.ts';

/** `history` is not empty, oldest first; `squares` bounds how many connections are drawn one by one. */
export function draw(
  history: readonly PoolsView[],
  faults: readonly RecordedFault[],
  squares: number,
): string {
  const now = history[history.length - 1] as PoolsView;
  let squaresLeft = squares;

  const esc = (text: string | number) =>
    String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  const grouped = (value: number) => String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ' ');
  const plural = (count: number, noun: string) =>
    `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;
  const duration = (ms: number) => {
    if (ms < 1000) return `${Math.round(ms)} ms`;
    const s = ms / 1000;
    if (s < 10) return `${s.toFixed(1)} s`;
    if (s < 120) return `${Math.round(s)} s`;
    if (s < 7200) return `${Math.round(s / 60)} min`;
    return s < 172_800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86_400)} d`;
  };
  const rateText = (rate: number | null) => {
    if (rate === null) return '–';
    return rate >= 100 || rate === 0 ? grouped(rate) : rate.toFixed(rate < 10 ? 2 : 1);
  };
  const percent = (part: number, whole: number) =>
    whole === 0 ? '–' : `${Math.floor((1000 * part) / whole) / 10} %`;

  /** Requests a second of an upstream between two views; null where a counter began anew. */
  const rate = (name: string, from: PoolsView | undefined, to: PoolsView) => {
    const of = (view: PoolsView | undefined) =>
      view?.upstreams.find((upstream) => upstream.name === name)?.totals?.requests;
    const before = of(from);
    const after = of(to);
    if (from === undefined || before === undefined || after === undefined) return null;
    const seconds = (to.atMs - from.atMs) / 1000;
    return after < before || seconds <= 0 ? null : (after - before) / seconds;
  };

  /** The last rate is over up to five views, so that it does not flicker. */
  const rateNow = (name: string) => rate(name, history[Math.max(0, history.length - 6)], now);

  const spark = (name: string) => {
    const rates: number[] = [];
    for (let i = 1; i < history.length; i += 1) {
      rates.push(rate(name, history[i - 1], history[i] as PoolsView) ?? 0);
    }
    const top = Math.max(1, ...rates);
    const points = rates.map((value, i) => {
      const x = 120 - (rates.length - 1 - i) * 2;
      return `${x},${(30 - (28 * value) / top).toFixed(1)}`;
    });
    const line = points.length > 1 ? `<polyline points="${points.join(' ')}"/>` : '';
    return `<svg class="spark" viewBox="0 0 120 32" preserveAspectRatio="none" aria-hidden="true">${line}</svg>`;
  };

  const square = (connection: ConnectionSnapshot) => {
    const idle = connection.idleMs === null ? '' : ` for ${duration(connection.idleMs)}`;
    const title = `${connection.state}${idle}, age ${duration(connection.ageMs)}, ${plural(connection.requests, 'request')}`;
    return `<i class="${connection.state}" title="${esc(title)}"></i>`;
  };

  /** How an endpoint answers, unless it is well. */
  const answersPill = ({ health: known }: EndpointSnapshot) => {
    if (known === null || known.state === 'healthy') return '';
    const words = { ejected: 'put aside', probation: 'on trial', failing: 'failing' }[known.state];
    const left = known.endsInMs === null ? '' : `, ${duration(known.endsInMs)} left`;
    const title = `${known.reason ?? ''}: ${plural(known.consecutiveFailures, 'failure')} in a row`;
    return ` <em class="pill ${known.state === 'ejected' ? 'bad' : 'warn'}" title="${esc(title)}">${words}${left}</em>`;
  };

  const endpointRow = (endpoint: EndpointSnapshot) => {
    const { connections, connecting } = endpoint;
    const inState = (state: string) => connections.filter((one) => one.state === state).length;
    const counts = [
      [inState('active'), 'active'],
      [inState('idle'), 'idle'],
      [inState('tunnel'), 'tunnel'],
      [connecting, 'connecting'],
      [inState('draining'), 'draining'],
    ]
      .filter(([count]) => count !== 0)
      .map((pair) => pair.join(' '))
      .join(', ');
    const order = { active: 0, idle: 1, tunnel: 2, draining: 3 };
    const sorted = [...connections].sort((a, b) => order[a.state] - order[b.state] || a.id - b.id);
    const few = sorted.slice(0, Math.max(0, squaresLeft));
    squaresLeft -= few.length;
    const dialled = Math.min(connecting, 20);
    const more = sorted.length - few.length;
    const learned = endpoint.learnedIdleLimitMs === null ? '' : ', learned';
    const limit = endpoint.isDraining
      ? ''
      : `idle limit ${duration(endpoint.idleLimitMs)}${learned}`;
    return `<li><p class="where"><b>${esc(endpoint.address)}</b>${endpoint.isDraining ? ' <em class="pill">leaving</em>' : ''}${answersPill(endpoint)}
<span>${counts === '' ? 'no connection' : counts}</span><span class="limit">${limit}</span></p>
<p class="squares" role="img" aria-label="${esc(`${endpoint.address}: ${counts === '' ? 'no connection' : counts}`)}">${few.map(square).join('')}${'<i class="connecting" title="being opened"></i>'.repeat(dialled)}${more > 0 ? `<span>+${more}</span>` : ''}</p></li>`;
  };

  const stat = (name: string, value: string, title: string, note = '') =>
    `<div title="${esc(title)}"><dt>${name}</dt><dd>${value}${note === '' ? '' : ` <small>${note}</small>`}</dd></div>`;

  const isFailing = (upstream: UpstreamView) =>
    upstream.lastDialFault !== null &&
    upstream.endpoints.every(({ connections }) => connections.length === 0);

  const health = (upstream: UpstreamView) => {
    if (upstream.isDown) return '<em class="pill bad">✕ down</em>';
    const breaker = upstream.breaker?.state ?? 'closed';
    if (breaker === 'open') return '<em class="pill bad">✕ breaker open</em>';
    if (breaker === 'probation') return '<em class="pill warn">! breaker on trial</em>';
    if (isFailing(upstream)) return '<em class="pill warn">! cannot connect</em>';
    if (upstream.isPanic) return '<em class="pill warn">! most endpoints fail</em>';
    return '<em class="pill good">✓ up</em>';
  };

  const card = (upstream: UpstreamView) => {
    const { name, endpoints, discovery, totals, lastDialFault } = upstream;
    let open = 0;
    let idle = 0;
    for (const { connections, connecting } of endpoints) {
      open += connections.length + connecting;
      idle += connections.filter(({ state }) => state === 'idle').length;
    }
    const stats =
      totals === null
        ? ''
        : `<dl>${stat('requests/s', rateText(rateNow(name)), 'Exchanges that ended, a second', `${grouped(totals.requests)} in all`)}
${stat('reuse', percent(totals.reused, totals.requests), 'Exchanges that went over a connection used before')}
${stat('mean time', totals.requests === 0 ? '–' : duration(totals.durationMs / totals.requests), 'From request head to the end of the response')}
${stat('retries', grouped(totals.retries), 'Attempts made again', totals.stale > 0 ? `${grouped(totals.stale)} stale` : '')}
${stat('faults', grouped(totals.faults), 'Exchanges that failed')}
${stat('waiting', grouped(upstream.waiting), 'Requests that wait for a connection')}
${stat('warm', `${grouped(idle)} / ${grouped(upstream.warmWanted)}`, 'Idle connections, of those that the warm floor asks for')}
${stat('time saved', duration(totals.connectSavedMs), 'Handshakes that were not needed, times the mean time to connect')}</dl>`;
    const dial =
      lastDialFault === null
        ? ''
        : `<p class="dial"><b>Last failed dial</b> ${esc(lastDialFault.kind)}${lastDialFault.code === undefined ? '' : ` (${esc(lastDialFault.code)})`}: ${esc(lastDialFault.cause)}</p>`;
    const lost =
      discovery === null || discovery.lastFailure === null || discovery.failures === 0
        ? ''
        : `<p class="dial"><b>Name lookup fails</b> ${esc(discovery.lastFailure)}</p>`;
    const host = discovery === null ? '' : `<span class="host">${esc(discovery.host)}</span>`;
    return `<article><header><h2>${esc(name)}</h2>${host}${health(upstream)}${spark(name)}</header>
<p class="room">${plural(endpoints.length, 'endpoint')}, ${grouped(open)} of ${plural(upstream.maxConnections, 'connection')}</p>
<ul class="endpoints">${endpoints.map(endpointRow).join('')}</ul>${stats}${dial}${lost}</article>`;
  };

  const sentWords = (one: RecordedFault) => {
    if (one.received !== 'nothing') return 'sent, answer cut short';
    if (one.sent === 'sent') return 'sent, no answer';
    return one.sent === 'refused' ? 'refused, not acted on' : 'not sent';
  };

  const faultRow = (one: RecordedFault) =>
    `<tr><td><time datetime="${esc(one.time)}">${esc(one.time.slice(11, 19))}</time></td><td>${one.upstream === '' ? '<span class="none">client</span>' : esc(one.upstream)}</td><td>${esc(one.method ?? '')} ${one.status === 0 ? '–' : one.status}</td><td><b>${esc(one.kind)}</b></td><td>${sentWords(one)}</td><td class="cause">${esc(one.cause)}</td></tr>`;

  const total = { requests: 0, reused: 0, rate: 0, saved: 0 };
  let isRateKnown = false;
  for (const { name, totals } of now.upstreams) {
    total.requests += totals?.requests ?? 0;
    total.reused += totals?.reused ?? 0;
    total.saved += totals?.connectSavedMs ?? 0;
    const one = rateNow(name);
    if (one !== null) isRateKnown = true;
    total.rate += one ?? 0;
  }
  const down = now.upstreams.filter((upstream) => upstream.isDown).map(({ name }) => name);
  const readiness = now.isDraining
    ? '<em class="pill warn">draining</em>'
    : now.readiness.ready
      ? '<em class="pill good">✓ ready</em>'
      : '<em class="pill bad">✕ not ready</em>';
  const reasons = now.readiness.ready ? '' : esc(now.readiness.reasons.join('; '));
  const tile = (value: string, name: string) => `<div><dt>${name}</dt><dd>${value}</dd></div>`;
  return `<p class="say" role="status" aria-live="polite">${readiness} ${plural(now.upstreams.length, 'upstream')}, ${down.length === 0 ? 'none down' : `<b>down: ${esc(down.join(', '))}</b>`}. ${reasons}</p>
<dl class="tiles">${tile(grouped(now.clients.open), 'client connections')}${tile(rateText(isRateKnown ? total.rate : null), 'requests/s')}${tile(percent(total.reused, total.requests), 'on warm connections')}${tile(duration(total.saved), 'of handshakes saved')}${tile(duration(now.upSeconds * 1000), 'up')}</dl>
<p class="legend"><span><i class="active"></i> active</span><span><i class="idle"></i> idle</span><span><i class="connecting"></i> connecting</span><span><i class="draining"></i> draining</span></p>
<section class="cards" aria-label="Upstreams">${now.upstreams.map(card).join('')}</section>
<section class="faults" aria-label="Recent faults"><h2>Recent faults</h2>${faults.length === 0 ? '<p class="none">None. Every request so far was answered by its upstream.</p>' : `<div class="scroll" role="region" aria-label="Table of recent faults" tabindex="0"><table><thead><tr><th scope="col">UTC</th><th scope="col">upstream</th><th scope="col">request</th><th scope="col">fault</th><th scope="col">what the upstream saw</th><th scope="col">cause</th></tr></thead><tbody>${faults.slice(0, 30).map(faultRow).join('')}</tbody></table></div>`}</section>`;
}
