/** What the status page says first: one sentence on the whole, and what it rests on. Sent to the browser too: see `parts.ts`. */
import type { PoolsView } from '../admin/pools-view.ts';
import type { PageState } from './draw.ts';
import type { Pools } from './pools.ts';
import type { Settings } from './settings.ts';
import type { Words } from './words.ts';

interface Problem {
  readonly level: string;
  readonly says: string;
}

export function verdicts({ esc, plural, ago, healthOf, addressesOf }: Words & Pools & Settings) {
  const lateMs = 60_000;
  const mostProblems = 5;

  const upstreamProblems = (now: PoolsView): Problem[] =>
    now.upstreams
      .map((upstream) => ({ name: upstream.name, ...healthOf(upstream) }))
      .filter(({ level }) => level !== 'good')
      .map(({ name, level, word, why }) => ({
        level,
        says: `<b>${esc(name)}</b>: ${word}. ${esc(why)}`,
      }));

  /** Of the last minute; a client's own mistakes are no trouble of the gateway's. */
  const lateFaults = (now: PoolsView, summaries: PageState['summaries']): Problem[] =>
    summaries
      .filter(
        ({ side, time }) => side !== 'client' && Date.parse(now.time) - Date.parse(time) < lateMs,
      )
      .map((one) => ({
        level: 'warn',
        says: `<b>${one.upstream === '' ? 'gateway' : esc(one.upstream)}</b>: ${esc(one.cause)} (${plural(one.count, 'request')}, last ${ago(one.time, now.time)})`,
      }));

  const problemsOf = (now: PoolsView, summaries: PageState['summaries']): Problem[] => {
    const known = upstreamProblems(now);
    // What is said of the upstream as a whole is not said again of its last request.
    const untold = summaries.filter(
      ({ upstream, cause }) =>
        !known.some(
          ({ says }) => says.startsWith(`<b>${esc(upstream)}<`) && says.includes(esc(cause)),
        ),
    );
    const problems = [...known, ...lateFaults(now, untold)];
    if (!now.lastReload.succeeded)
      problems.push({
        level: 'warn',
        says: '<b>configuration</b>: the new one is wrong and was refused; the old one is in force. The log says what is wrong.',
      });
    return problems;
  };

  const section = (level: string, title: string, note: string) =>
    `<section class="say ${level}" aria-label="In short" data-level="${level}"><p class="title"><span aria-hidden="true">${level === 'good' ? '✓' : level === 'bad' ? '✕' : '!'}</span> ${title}</p>${note}</section>`;

  const list = (items: readonly string[]) => {
    if (items.length === 0) return '';
    const more =
      items.length > mostProblems ? `<li>and ${items.length - mostProblems} more, below</li>` : '';
    const few = items.slice(0, mostProblems).map((says) => `<li>${says}</li>`);
    return `<ul>${few.join('')}${more}</ul>`;
  };

  const howToBegin = (config: PageState['config']) => {
    const [first] = addressesOf(config);
    if (first === undefined) return '';
    const url = first.startsWith('unix:')
      ? `--unix-socket ${esc(first.slice(5))} http://localhost/`
      : `http://${esc(first)}/`;
    return `<p>Send one: <code>curl ${url}</code></p>`;
  };

  const verdict = ({ views, summaries, config }: PageState) => {
    const now = views[views.length - 1] as PoolsView;
    const problems = problemsOf(now, summaries);
    const says = problems.map((problem) => problem.says);
    const { ready, reasons } = now.readiness;
    if (now.isDraining)
      return section('warn', 'Draining: it serves on until nothing is active.', list(says));
    if (!ready) return section('warn', 'Not ready yet.', list([...reasons.map(esc), ...says]));
    const bad = problems.filter(({ level }) => level === 'bad').length;
    const of = plural(now.upstreams.length, 'upstream');
    if (bad > 0) return section('bad', `${bad} of ${of} cannot be used.`, list(says));
    if (problems.length > 0) return section('warn', 'Something needs a look.', list(says));
    const hasServed = now.upstreams.some(({ totals }) => (totals?.requests ?? 0) > 0);
    return hasServed
      ? section('good', `All is well: ${of}, none failing.`, '')
      : section('good', 'Ready. No request has come yet.', howToBegin(config));
  };

  return { verdict };
}

export type Verdict = ReturnType<typeof verdicts>;
