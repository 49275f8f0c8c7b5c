/** PHP as it is: short scripts, each call on a connection of its own, pauses between, three services behind. */
import { join } from 'node:path';
import { runToEnd } from '../../support/process.ts';
import { requireProgram } from '../../support/program.ts';
import { type Answered, type Load, oneRequestLoad } from '../load.ts';
import type { Case } from './case.ts';
import { loadCase } from './load-case.ts';

const script = join(import.meta.dirname, 'pages.php');
const clients = 10;
const seconds = 2;

export const phpCase: Case = loadCase({
  name: 'php',
  title: 'PHP with pauses, three TLS services',
  about: `${clients} PHP processes make pages: each asks three services by \`file_get_contents\` (32 octets, 10 KB, a POST of 2 KB), then does something else for 5 to 25 ms. So the load is the same for all but for what the calls take, and the machine is not full. Before the first round each proxy is warmed up with 3 s of one-request clients (ab). The times are of a whole page, three calls. With no proxy, PHP makes each TLS handshake itself.`,
  base: 'haproxy',
  programs: ['php', 'ab'],
  scene: { tls: true, origins: 3 },
  seconds: seconds + 0.5,
  // A few thousand requests leave what compiles as it runs cold, and a sidecar runs for days.
  warmUp: oneRequestLoad(3),
  loads: ({ authority }) => [phpLoad(authority?.certPath ?? '')],
});

function phpLoad(authorityPath: string): Load {
  return {
    name: `php-${clients}`,
    title: 'PHP pages of three calls',
    programs: ['php'],
    seconds,
    run: (urls) => runPages(authorityPath, urls),
  };
}

async function runPages(authorityPath: string, urls: readonly string[]): Promise<Answered> {
  const one = () =>
    runToEnd({
      command: requireProgram('php'),
      args: [script, String(seconds), authorityPath, ...urls],
      timeoutMs: seconds * 1_000 + 30_000,
    });
  const runs = await Promise.all(Array.from({ length: clients }, one));
  const said = runs.map(({ code, stdout, stderr }) => {
    if (code !== 0) throw new Error(`php failed: ${stdout}${stderr}`);
    return JSON.parse(stdout) as { requests: number; errors: number; pagesMs: number[] };
  });
  const requests = said.reduce((sum, each) => sum + each.requests, 0);
  const pagesMs = said.flatMap((each) => each.pagesMs).sort((a, b) => a - b);
  return {
    requests,
    requestsPerSecond: requests / seconds,
    medianMs: pagesMs[Math.floor(pagesMs.length / 2)] ?? Number.NaN,
    p99Ms: pagesMs[Math.floor(pagesMs.length * 0.99)] ?? Number.NaN,
    errors: said.reduce((sum, each) => sum + each.errors, 0),
  };
}
