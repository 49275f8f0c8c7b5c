/** `sidepool top`: a gateway's pools in a terminal, from `/pools` of its admin address. */
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../base/fault.ts';
import type { ListenAddress } from '../../downstream/options.ts';
import type { PoolsView } from '../../telemetry/admin/pools-view.ts';
import { rows, screen } from './screen.ts';

export interface TopCall {
  readonly admin: ListenAddress;
  readonly everyMs: number;
  /** One look, and no more. */
  readonly once: boolean;
  /** A line of JSON for each look. */
  readonly json: boolean;
}

const LOOK_MS = 2_000;
/** Cursor home, then what is left of the old picture. */
const [HOME, REST] = ['\x1b[H', '\x1b[J'];
const CLEAR = '\x1b[2J';

/** Ends with Ctrl-C, or after one look; 1 when nobody answers. */
export async function top({ admin, everyMs, once, json }: TopCall): Promise<number> {
  const isScreen = process.stdout.isTTY && !json && !once;
  if (isScreen) process.stdout.write(CLEAR);
  let before: PoolsView | null = null;
  for (;;) {
    let now: PoolsView;
    try {
      now = await look(admin);
    } catch (error) {
      process.stderr.write(
        `sidepool: ${messageOf(error)}. Is a gateway running, and is this its admin address? --admin ADDR tells another.\n`,
      );
      return 1;
    }
    // One look has no rates: a second one is taken right behind it.
    if (!once || before !== null) show(now, before, { isScreen, json });
    if (once && before !== null) return 0;
    before = now;
    await sleep(once ? Math.min(everyMs, 1_000) : everyMs);
  }
}

function show(
  now: PoolsView,
  before: PoolsView | null,
  { isScreen, json }: { readonly isScreen: boolean; readonly json: boolean },
): void {
  if (json) {
    process.stdout.write(`${JSON.stringify({ time: now.time, upstreams: rows(now, before) })}\n`);
    return;
  }
  const picture = screen(now, before);
  // Each line is cleared to its end, so that nothing of a longer one before stays.
  if (isScreen)
    process.stdout.write(`${HOME}${picture.replaceAll('\n', '\x1b[K\n')}\x1b[K\n${REST}`);
  else process.stdout.write(`${picture}\n`);
}

function look(admin: ListenAddress): Promise<PoolsView> {
  const where =
    admin.kind === 'unix' ? { socketPath: admin.path } : { host: admin.host, port: admin.port };
  const name = admin.kind === 'unix' ? admin.path : `${admin.host}:${admin.port}`;
  return new Promise((resolve, reject) => {
    const request = get(
      { ...where, path: '/pools', agent: false, timeout: LOOK_MS },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => {
          text += part;
        });
        response.on('error', reject);
        response.on('end', () => {
          if (response.statusCode !== 200) {
            reject(new Error(`${name} answered ${response.statusCode} to /pools`));
            return;
          }
          try {
            resolve(JSON.parse(text) as PoolsView);
          } catch {
            reject(new Error(`${name} answered /pools with something else than JSON`));
          }
        });
      },
    );
    request.on('timeout', () =>
      request.destroy(new Error(`${name} did not answer within ${LOOK_MS / 1000} s`)),
    );
    request.on('error', reject);
  });
}
