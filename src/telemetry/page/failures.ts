/** What failed and what was made again, with causes and last times. Sent to the browser too: see `parts.ts`. */
import type { FaultSummary, RecordedFault } from '../fault-ring.ts';
import type { UpstreamTotals } from '../upstream-recorder.ts';
import type { Words } from './words.ts';

export function failures({ esc, grouped, plural, ago }: Words) {
  const sentWords = (one: RecordedFault) => {
    if (one.received !== 'nothing') return 'sent, answer cut short';
    if (one.sent === 'sent') return 'sent, no answer';
    return one.sent === 'refused' ? 'refused, not acted on' : 'not sent';
  };
  const whose = (upstream: string) =>
    upstream === '' ? '<span class="none">client</span>' : esc(upstream);
  const plain = (name: string) => esc(name.replaceAll('-', ' '));

  const table = (caption: string, heads: readonly string[], rows: string) =>
    `<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table><caption class="unseen">${caption}</caption><thead><tr>${heads.map((head) => `<th scope="col">${head}</th>`).join('')}</tr></thead><tbody>${rows}</tbody></table></div>`;

  const summaryRow = (now: string) => (one: FaultSummary) =>
    `<tr><th scope="row">${plain(one.kind)}</th><td>${whose(one.upstream)}</td><td class="number">${grouped(one.count)}</td><td>${ago(one.time, now)}</td><td>${one.status === 0 ? 'nothing' : one.status}</td><td>${sentWords(one)}</td><td class="cause">${esc(one.cause)}</td></tr>`;

  const oneRow = (one: RecordedFault) =>
    `<tr><td><time datetime="${esc(one.time)}">${esc(one.time.slice(11, 19))}</time></td><td>${whose(one.upstream)}</td><td>${esc(one.method ?? '–')}</td><td>${one.status === 0 ? '–' : one.status}</td><td>${plain(one.kind)}</td><td class="cause">${esc(one.cause)}</td><td>${esc(one.exchange ?? '–')}</td></tr>`;

  /** All kinds that have occurred, and the last ones singly. */
  const faultTables = (
    summaries: readonly FaultSummary[],
    faults: readonly RecordedFault[],
    now: string,
  ) => {
    if (summaries.length === 0) return '<p class="none">None so far.</p>';
    const heads = [
      'Fault',
      'Upstream',
      'Times',
      'Last',
      'Client got',
      'Upstream saw',
      'Last cause',
    ];
    const kinds = table(
      'Faults by kind',
      heads,
      summaries.slice(0, 40).map(summaryRow(now)).join(''),
    );
    const each =
      faults.length === 0
        ? ''
        : `<details><summary>The last ${faults.length === 1 ? 'one' : faults.length}, one by one</summary>${table(
            'The last faults, one by one',
            ['Time, UTC', 'Upstream', 'Method', 'Client got', 'Fault', 'Cause', 'Exchange'],
            faults.map(oneRow).join(''),
          )}</details>`;
    return kinds + each;
  };

  const reasons: Readonly<Record<string, string>> = {
    'not-sent': 'not sent yet',
    'pipeline-ended': 'connection ended before its turn',
    rescued: 'waited behind a slow response',
    'reused-connection-ended': 'reused connection had ended',
    'new-connection-ended': 'new connection ended',
    status: 'by status',
    'try-timeout': 'no answer in time',
  };

  /** The attempts that were made again, one line a reason. */
  const retryList = ({ retriesBy }: UpstreamTotals, now: string) =>
    retriesBy.length === 0
      ? ''
      : `<ul class="retries">${retriesBy
          .map((one) => {
            const made = one.succeeded + one.failed;
            const outcome =
              one.failed === 0
                ? made > 0
                  ? ', all answered'
                  : ''
                : `, ${grouped(one.failed)} in vain`;
            const spent =
              one.budgetSpent === 0 ? '' : `, ${grouped(one.budgetSpent)} held back by the budget`;
            return `<li><b>${plural(made, 'attempt')} made again</b>: ${reasons[one.reason] ?? esc(one.reason)}${outcome}${spent}; last ${ago(one.lastTime, now)}</li>`;
          })
          .join('')}</ul>`;

  return { faultTables, retryList };
}

export type Failures = ReturnType<typeof failures>;
