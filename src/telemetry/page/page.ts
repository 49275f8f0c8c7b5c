/** The status page: one document without a request to anywhere else. */
import { randomBytes } from 'node:crypto';
import type { PoolsView } from '../admin/pools-view.ts';
import type { RecordedFault } from '../fault-ring.ts';
import { draw } from './draw.ts';
import { script } from './script.ts';
import { style } from './style.ts';

/** Connections drawn one by one before the script takes over; and the most that the live part may weigh. */
const FIRST_SQUARES = 150;
const LONGEST_LIVE = 36_000;

export interface StatusPage {
  readonly status: 200;
  readonly contentType: string;
  readonly body: string;
  readonly contentSecurityPolicy: string;
}

export function statusPage(view: PoolsView, faults: readonly RecordedFault[]): StatusPage {
  const nonce = randomBytes(16).toString('base64');
  return {
    status: 200,
    contentType: 'text/html; charset=utf-8',
    body: pageOf(view.version, firstSight(view, faults), nonce),
    contentSecurityPolicy: [
      "default-src 'none'",
      `script-src 'nonce-${nonce}'`,
      `style-src 'nonce-${nonce}'`,
      "connect-src 'self'",
      'img-src data:',
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
  };
}

function firstSight(view: PoolsView, faults: readonly RecordedFault[]): string {
  for (const [squares, shownFaults] of [
    [FIRST_SQUARES, 20],
    [0, 5],
  ] as const) {
    const html = draw([view], faults.slice(0, shownFaults), squares);
    if (html.length <= LONGEST_LIVE) return html;
  }
  return '<p>These are many upstreams: the script draws them.</p><noscript><p>Without scripts, see <a href="pools">pools</a>.</p></noscript>';
}

function pageOf(version: string, live: string, nonce: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>Sidepool</title>
<link rel="icon" href="data:,">
<noscript><meta http-equiv="refresh" content="2"></noscript>
<style nonce="${nonce}">${style}</style>
</head>
<body>
<header><h1>Sidepool</h1><span class="version">${version}</span><span id="link"></span><nav aria-label="As data"><a href="metrics">metrics</a><a href="pools">pools</a><a href="faults">faults</a><a href="config">config</a></nav></header>
<main id="live">${live}</main>
<script nonce="${nonce}">const draw = ${draw.toString()};
${script}</script>
</body>
</html>
`;
}
