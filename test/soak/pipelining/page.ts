/** The results as a summary for a terminal, and as docs/benchmarks/pipelining.md. */
import { cpus, totalmem } from 'node:os';
import { type Circumstances, markdownTable } from '../../bench/report.ts';
import type { ByMethod, RunResult } from './run.ts';

export interface Report {
  readonly circumstances: Circumstances;
  /** The gateway's. */
  readonly command: string;
  readonly results: readonly RunResult[];
  readonly breaches: readonly string[];
  readonly notRun: readonly { readonly what: string; readonly reason: string }[];
}

export function summaryOf(report: Report): string {
  const examples = report.results.flatMap((result) =>
    result.examples.map((text) => `${nameOf(result)}: ${text}`),
  );
  const sections = [
    verdictTable(report.results),
    'What the gateway counted:',
    listed(report.results, ({ gateway }) => gateway),
    'Told failures:',
    listed(report.results, ({ toldBy }) => toldBy),
    'Framings of the right ones:',
    listed(report.results, ({ framings }) => framings),
    'What the hostile and the halting origin did:',
    listed(report.results, ({ deeds }) => deeds),
    ...(examples.length === 0 ? [] : ['Wrong and lost:', examples.join('\n')]),
    ...report.notRun.map(({ what, reason }) => `NOT RUN: ${what}: ${reason}`),
    report.breaches.length === 0 ? 'The proof holds.' : `MISSED:\n${report.breaches.join('\n')}`,
  ];
  return sections.join('\n\n');
}

function verdictTable(results: readonly RunResult[]): string {
  return markdownTable(
    [
      'origin, pipelining',
      'requests',
      'right',
      'wrong',
      'lost',
      'told',
      'cut off',
      'client left',
      'GET seen twice, more',
      'HEAD',
      'POST',
      'pipelined',
      'sent elsewhere',
    ],
    results.map((result) => [
      nameOf(result),
      grouped(result.sent),
      grouped(result.right),
      grouped(result.wrong),
      grouped(result.lost),
      grouped(result.told),
      grouped(result.cut),
      grouped(result.left),
      ...(['GET', 'HEAD', 'POST'] as const).map((method) => repeated(result, method)),
      counted(result, /pipelined_total/),
      counted(result, /retries_total.*rescued/),
    ]),
  );
}

function repeated({ twice, more }: RunResult, method: keyof ByMethod): string {
  return `${grouped(twice[method])}, ${grouped(more[method])}`;
}

function counted({ gateway }: RunResult, name: RegExp): string {
  const values = Object.entries(gateway).filter(([key]) => name.test(key));
  return grouped(values.reduce((sum, [, value]) => sum + value, 0));
}

function listed(
  results: readonly RunResult[],
  read: (result: RunResult) => Readonly<Record<string, number>>,
): string {
  const lines = results.map((result) => {
    const counts = Object.entries(read(result)).filter(([, value]) => value !== 0);
    const text = counts.map(([name, value]) => `${name} ${grouped(value)}`).join(', ');
    return text === '' ? '' : `- ${nameOf(result)}: ${text}`;
  });
  return lines.filter((line) => line !== '').join('\n') || '- none';
}

export function pageOf(report: Report): string {
  const { circumstances: begun, results, notRun } = report;
  const { node, nginx, haproxy } = begun.versions;
  const skipped = notRun.map(({ what, reason }) => `Not run: ${what} (${reason}).\n`).join('');
  const verdict =
    report.breaches.length === 0
      ? 'Nothing was wrong, nothing was lost, and no POST was seen twice.'
      : `**The proof does not hold:** ${report.breaches.join('; ')}.`;
  return `# Pipelining: whose response is whose

<!-- Written by test/soak/pipelining.ts. Do not edit: run it again. -->

${verdict}

Keep-alive clients of HTTP/1.1 and some of one HTTP/1.0 request each, more of them than there are connections to the
origin, ask in turn: 80 % GET, 10 % HEAD, 10 % POST. Each request has an id of its own in a field and in its path; the
origin sends the one back in a field and the other at both ends of the body, and the client compares every octet. Bodies
have from 0 to 200,000 octets of filler, with a length, in chunks, or none (HEAD, 204, 304); some responses come after
interim ones, some after a while. One client in a hundred goes away before its response is whole, and one in a hundred
stops reading in the middle. nginx and Apache close after as many requests as they do by default (1,000 and 100). The
hostile origin answers rightly and in order, but in one request of thirty it ends or resets the connection before,
within or after an answer, with requests unanswered or unread, or lets it wait. Two early ends make pipelining rest, so
the halting origin does the same, but ends a connection only once in some thousand requests and lets many wait.

${verdictTable(results)}

- **right**: status, field and body are those of this request. **wrong**: anything else that looks like a response.
- **lost**: no response at all, or one cut off so that it looks whole.
- **told**: 502, 503 or 504 with \`Proxy-Status\`. **cut off**: begun rightly, and broken off visibly, because the origin did.
- **seen twice, more**: ids that the origin's own account has twice, or more often.
- **pipelined**, **sent elsewhere**: the gateway's counts; a request that waits long behind another is sent again elsewhere.

## Told failures

${listed(results, ({ toldBy }) => toldBy)}

## What the gateway counted

${listed(results, ({ gateway }) => gateway)}

## What the hostile and the halting origin did

${listed(results, ({ deeds }) => deeds)}

## Circumstances

${skipped}
| Circumstance | |
| --- | --- |
| date | ${begun.date} |
| machine | ${machine(begun)} |
| commit | ${begun.commit} |
| gateway | \`${report.command.replace(/\S+\/(?=dist\/)/, '')}\` |
| Node | ${node} |
| nginx, HAProxy | ${nginx}; ${haproxy} |
| seeds | ${[...new Set(results.map(({ seed }) => seed))].join(', ')} |
`;
}

/** What figures depend on, and nothing that tells whose machine it is. */
function machine({ kernel }: Circumstances): string {
  const linux = kernel.split('.', 2).join('.');
  return `${cpus().length} processors, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${linux}`;
}

function nameOf({ origin, pipelining }: RunResult): string {
  return `${origin}, ${pipelining}`;
}

function grouped(value: number): string {
  return value.toLocaleString('en-US');
}
