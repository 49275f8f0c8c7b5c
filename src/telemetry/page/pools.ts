/** An upstream's endpoints and connections, drawn one by one. Sent to the browser too: see `parts.ts`. */
import type { ConnectionSnapshot, EndpointSnapshot } from '../../upstream/observer.ts';
import type { UpstreamView } from '../admin/pools-view.ts';
import type { Words } from './words.ts';

export function pools({ esc, plural, duration }: Words) {
  const square = (connection: ConnectionSnapshot) => {
    const idle = connection.idleMs === null ? '' : ` for ${duration(connection.idleMs)}`;
    const title = `${connection.state}${idle}, age ${duration(connection.ageMs)}, ${plural(connection.requests, 'request')}`;
    return `<i class="${connection.state}" title="${esc(title)}"></i>`;
  };

  /** How an endpoint answers, unless it is well. */
  const answersPill = ({ health: known }: EndpointSnapshot) => {
    if (known === null || known.state === 'healthy') return '';
    const says = { ejected: 'put aside', probation: 'on trial', failing: 'failing' }[known.state];
    const left = known.endsInMs === null ? '' : `, ${duration(known.endsInMs)} left`;
    const title = `${known.reason ?? ''}: ${plural(known.consecutiveFailures, 'failure')} in a row`;
    return ` <em class="pill ${known.state === 'ejected' ? 'bad' : 'warn'}" title="${esc(title)}">${says}${left}</em>`;
  };

  const countsOf = ({ connections, connecting }: EndpointSnapshot) => {
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
    return counts === '' ? 'no connection' : counts;
  };

  /** At most `room` connections are drawn one by one; the others are counted. Gives how many were drawn. */
  const endpoint = (one: EndpointSnapshot, room: number) => {
    const { connections, connecting } = one;
    const order = { active: 0, idle: 1, tunnel: 2, draining: 3 };
    const sorted = [...connections].sort((a, b) => order[a.state] - order[b.state] || a.id - b.id);
    const few = sorted.slice(0, Math.max(0, room));
    const more = sorted.length - few.length;
    const learned = one.learnedIdleLimitMs === null ? '' : ', learned';
    const limit = one.isDraining ? '' : `idle limit ${duration(one.idleLimitMs)}${learned}`;
    const counts = countsOf(one);
    const html = `<li><p class="where"><b>${esc(one.address)}</b>${one.isDraining ? ' <em class="pill">leaving</em>' : ''}${answersPill(one)}
<span>${counts}</span><span class="limit">${limit}</span></p>
<p class="squares" role="img" aria-label="${esc(`${one.address}: ${counts}`)}">${few.map(square).join('')}${'<i class="connecting" title="being opened"></i>'.repeat(Math.min(connecting, 20))}${more > 0 ? `<span>+${more}</span>` : ''}</p></li>`;
    return { html, drawn: few.length };
  };

  const openOf = ({ endpoints }: UpstreamView) => {
    const open = { all: 0, idle: 0, active: 0 };
    for (const { connections, connecting } of endpoints) {
      open.all += connections.length + connecting;
      open.idle += connections.filter(({ state }) => state === 'idle').length;
      open.active += connections.filter(({ state }) => state === 'active').length;
    }
    return open;
  };

  /** How an upstream is: a level, a word for it, and what is wrong in a sentence; empty if nothing is. */
  const healthOf = (upstream: UpstreamView) => {
    const { lastDialFault, breaker, discovery } = upstream;
    const dial = lastDialFault === null ? '' : lastDialFault.cause;
    const trial = 'It has failed, and is tried with one request at a time.';
    if (upstream.isDown) return { level: 'bad', word: 'down', why: dial };
    if (breaker !== null && breaker.state !== 'closed')
      return breaker.state === 'open'
        ? { level: 'bad', word: 'breaker open', why: 'Too many requests failed: they are refused.' }
        : { level: 'warn', word: 'breaker on trial', why: trial };
    if (lastDialFault !== null && openOf(upstream).all === 0)
      return { level: 'warn', word: 'cannot connect', why: dial };
    if (upstream.isPanic)
      return { level: 'warn', word: 'most endpoints fail', why: 'All are used, well or not.' };
    if (upstream.endpoints.length === 0)
      return {
        level: 'warn',
        word: 'no endpoint',
        why: discovery?.lastFailure ?? 'Its name has no address yet.',
      };
    if (upstream.waiting > 0 && openOf(upstream).all >= upstream.maxConnections)
      return {
        level: 'warn',
        word: 'full',
        why: `All ${plural(upstream.maxConnections, 'connection')} are in use, and ${plural(upstream.waiting, 'request')} wait: see pool.maxConnections.`,
      };
    return { level: 'good', word: 'up', why: '' };
  };

  const pill = ({ level, word }: { level: string; word: string }) =>
    `<em class="pill ${level}">${level === 'good' ? '✓' : level === 'bad' ? '✕' : '!'} ${word}</em>`;

  return { endpoint, openOf, healthOf, pill };
}

export type Pools = ReturnType<typeof pools>;
