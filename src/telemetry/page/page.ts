/** The status page: one document without a request to anywhere else, below 60 KB with all that it needs. */
import { randomBytes } from 'node:crypto';
import type { Bounds, PageState } from './draw.ts';
import { draw, drawSource } from './parts.ts';
import { script } from './script.ts';
import { style } from './style.ts';

const LONGEST_PAGE = 60_000;
/** For the first sight, from rich to poor: the script draws all of it a moment later. */
const tries: readonly Bounds[] = [
  { squares: 150, options: 100, faults: 10 },
  { squares: 40, options: 0, faults: 3 },
  { squares: 0, options: 0, faults: 1 },
  { squares: 0, options: 0, faults: 0 },
  { squares: 0, options: -1, faults: 0 },
];

export interface StatusPage {
  readonly status: 200;
  readonly contentType: string;
  readonly body: string;
  readonly contentSecurityPolicy: string;
}

export function statusPage(state: PageState): StatusPage {
  const nonce = randomBytes(16).toString('base64');
  return {
    status: 200,
    contentType: 'text/html; charset=utf-8',
    body: pageOf(state, nonce),
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

function firstSight(state: PageState, longest: number): string {
  for (const bounds of tries) {
    const html = draw(state, bounds);
    if (Buffer.byteLength(html) <= longest) return html;
  }
  return '<p>These are many upstreams: the script draws them.</p><noscript><p>Without scripts, see <a href="pools">pools</a>.</p></noscript>';
}

let source = '';

function pageOf(state: PageState, nonce: string): string {
  source ||= drawSource();
  const { version = '' } = state.views.at(-1) ?? {};
  const before = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>Sidepool</title>
<link rel="icon" href="data:,">
<style nonce="${nonce}">${style}</style>
</head>
<body>
<a class="skip unseen" href="#live">To the pools</a>
<header><h1>Sidepool</h1><span class="version">${version}</span><span id="link"></span><nav aria-label="As data"><a href="metrics">metrics</a><a href="pools">pools</a><a href="faults">faults</a><a href="history">history</a><a href="config">config</a></nav></header>
<noscript><p>Scripts are off: this is how things were when you asked. Reload to see how they are now.</p></noscript>
<p id="told" class="unseen" role="status" aria-live="polite"></p>
<main id="live" tabindex="-1">`;
  const after = `</main>
<script nonce="${nonce}">const draw = ${source};
${script}</script>
</body>
</html>
`;
  const room = LONGEST_PAGE - Buffer.byteLength(before) - Buffer.byteLength(after);
  return `${before}${firstSight(state, room)}${after}`;
}
