/** `sidepool ready`: waits until a gateway is. What follows a plain sidecar is started when this has ended. */
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ListenAddress } from '../downstream/options.ts';

const BETWEEN_MS = 50;

export interface ReadyCall {
  readonly admin: ListenAddress;
  readonly waitMs: number;
}

/** 0 once `/readyz` says so, 1 when the time is over first. */
export async function ready({ admin, waitMs }: ReadyCall): Promise<number> {
  const deadline = performance.now() + waitMs;
  let last = 'nobody answers';
  while (performance.now() < deadline) {
    const answer = await ask(admin);
    if (answer.isReady) return 0;
    last = answer.says;
    await sleep(BETWEEN_MS);
  }
  process.stderr.write(`sidepool: not ready after ${waitMs} ms: ${last}\n`);
  return 1;
}

interface ReadyAnswer {
  readonly isReady: boolean;
  readonly says: string;
}

function ask(admin: ListenAddress): Promise<ReadyAnswer> {
  const where =
    admin.kind === 'unix' ? { socketPath: admin.path } : { host: admin.host, port: admin.port };
  return new Promise((resolve) => {
    const request = get({ ...where, path: '/readyz', agent: false, timeout: 1000 }, (response) => {
      response.resume();
      response.once('error', () => undefined);
      resolve({ isReady: response.statusCode === 200, says: `status ${response.statusCode}` });
    });
    request.once('timeout', () => request.destroy(new Error('no answer in a second')));
    request.once('error', (error) => resolve({ isReady: false, says: error.message }));
  });
}
