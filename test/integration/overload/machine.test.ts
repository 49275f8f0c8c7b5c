/** What the machine does to a gateway: a disk that is full, a clock that jumps. */
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort } from '../../support/free-port.ts';
import { startGatewayFor } from '../../support/gateway.ts';
import { startProcess } from '../../support/process.ts';
import { skipReason, titled } from '../../support/program.ts';
import { connectRawClient, requestOnce } from '../../support/raw-client.ts';
import { alwaysAnswer, startRawOrigin } from '../../support/raw-origin.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { waitFor } from '../../support/wait-for.ts';
import { get } from '../faults/scene.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function goodOrigin() {
  const origin = await startRawOrigin({ onRequest: alwaysAnswer() });
  ends.push(() => origin.close());
  return origin;
}

const garbage = 'BREW / HTTP/1.1\r\nHost : a\r\n\r\n';

const cannotMount =
  process.getuid?.() === 0 ? skipReason('unshare', 'mount') : 'skipped: mounting needs root';

describe.skipIf(cannotMount)(titled('a full disk for the log', cannotMount), () => {
  it('costs no request; the log goes on once there is room', async () => {
    const origin = await goodOrigin();
    const [port, adminPort] = [await freePort(), await freePort()];
    const dir = makeTempDir('disk');
    ends.push(() => dir.remove());
    const entry = join(import.meta.dirname, '..', '..', '..', 'cmd', 'sidepool.ts');
    const pairs = `--listen 127.0.0.1:${port} --upstream ${origin.url} --admin 127.0.0.1:${adminPort}`;
    // A mount of its own that nobody else sees, and that ends with it.
    const script = `mount -t tmpfs -o size=8k tmpfs ${dir.path} && exec "${process.execPath}" "${entry}" gateway ${pairs} >> ${dir.path}/log`;
    const started = await startProcess({
      command: 'unshare',
      args: ['--mount', '/bin/sh', '-c', script],
      ready: { kind: 'http', url: `http://127.0.0.1:${adminPort}/readyz` },
      readyTimeoutMs: 20_000,
    });
    ends.push(() => started.stop());
    const log = `/proc/${started.pid}/root${dir.path}/log`;
    expect(existsSync(log)).toBe(true);
    const size = () => statSync(log).size;
    // 20 lines a second are written: until no more go in, and some beyond that wait.
    await waitFor(
      async () => {
        for (let nth = 0; nth < 20; nth += 1) await requestOnce(port, garbage);
        return size() >= 8_192;
      },
      { timeoutMs: 20_000, everyMs: 200 },
    );
    for (let nth = 0; nth < 20; nth += 1) expect((await requestOnce(port, get())).status).toBe(200);
    truncateSync(log);
    await waitFor(() => readFileSync(log, 'utf8').includes('"event":"fault"'), {
      timeoutMs: 20_000,
      everyMs: 100,
      what: () => `a line in a log of ${size()} octets`,
    });
    // Whole lines, as far as that is in our hands: the first may be the rest of one.
    for (const line of readFileSync(log, 'utf8').split('\n').slice(1, -1)) JSON.parse(line);
    expect((await requestOnce(port, get())).status).toBe(200);
  });
});

describe('a wall clock that jumps', () => {
  it('is followed by Date, and by nothing else: connections stay, and requests succeed', async () => {
    const origin = await goodOrigin();
    const dir = makeTempDir('clock');
    ends.push(() => dir.remove());
    const shiftPath = dir.file('shift');
    writeFileSync(shiftPath, '0');
    writeFileSync(
      dir.file('clock.cjs'),
      `const { readFileSync } = require('node:fs');
const System = Date;
let shiftMs = 0;
globalThis.Date = class Date extends System {
  constructor(...given) { given.length === 0 ? super(System.now() + shiftMs) : super(...given); }
  static now() { return System.now() + shiftMs; }
};
process.on('SIGUSR2', () => { shiftMs = Number(readFileSync(${JSON.stringify(shiftPath)}, 'utf8')); });
`,
    );
    const gateway = await startGatewayFor(
      origin.url,
      { pool: { warm: 1, warmMax: 1 } },
      { nodeArgs: ['--require', dir.file('clock.cjs')] },
    );
    ends.push(() => gateway.stop());
    const client = await connectRawClient(gateway.port);
    ends.push(() => client.close());
    expect((await client.exchange(get())).status).toBe(200);
    const opened = await gateway.metric('sidepool_upstream_connections_opened_total');
    const dateOf = async (): Promise<number> => {
      const { fields } = await requestOnce(gateway.port, garbage);
      return Date.parse(fields.get('date')?.[0] ?? '');
    };
    for (const days of [500, -500, 0]) {
      const shiftMs = days * 24 * 3_600_000;
      writeFileSync(shiftPath, String(shiftMs));
      gateway.process.signal('SIGUSR2');
      await waitFor(async () => Math.abs((await dateOf()) - Date.now() - shiftMs) < 10_000, {
        timeoutMs: 10_000,
        what: `a Date that is ${days} days away`,
      });
      expect((await client.exchange(get())).status).toBe(200);
    }
    expect(await gateway.metric('sidepool_upstream_connections_opened_total')).toBe(opened);
    expect(await gateway.metric('sidepool_upstream_connections_closed_total')).toBe(0);
  });
});
