/** A reload under load: what changes counts from the next request, and nobody is dropped. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { freePorts } from '../../support/free-port.ts';
import type { RunningGateway } from '../../support/gateway.ts';
import { startProcess } from '../../support/process.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { waitFor } from '../../support/wait-for.ts';
import type { Load } from './load.ts';
import {
  configOf,
  echoed,
  endLater,
  gatewayForTest,
  loadForTest,
  originForTest,
  overwritten,
  reloadBy,
  rewritten,
  shortDrain,
} from './scene.ts';

/** Until each kind of client has done some more: then what was just done to the gateway has been under load. */
async function someMore(load: Load): Promise<void> {
  const before = { ...load.tally.done };
  await waitFor(
    () => {
      const { done } = load.tally;
      return (
        done.oneRequest >= before.oneRequest + 40 &&
        done.keepAlive >= before.keepAlive + 20 &&
        done.uploads >= before.uploads + 2 &&
        done.downloads >= before.downloads + 2
      );
    },
    { timeoutMs: 10_000, what: () => JSON.stringify(load.tally) },
  );
}

function opened(gateway: RunningGateway, upstream = 'api'): Promise<number> {
  return gateway.metric('sidepool_upstream_connections_opened_total', { upstream });
}

it('a wrong file is refused with every mistake, and the old one stays', async () => {
  const origin = await originForTest();
  const gateway = await gatewayForTest({ upstreams: { api: { url: origin.url } } });
  const load = loadForTest({ port: gateway.port });
  await someMore(load);
  const before = await configOf(gateway);
  const wrong = {
    listeners: [{ address: `127.0.0.1:${gateway.port}`, upstream: 'apj' }],
    upstreams: { api: { url: 'ftp://127.0.0.1', pool: { warm: 'two', maxconnections: 4 } } },
    admin: { address: new URL(gateway.adminUrl).host },
  };
  const line = await overwritten(gateway, JSON.stringify(wrong));
  expect(line).toMatchObject({ level: 'error', outcome: 'refused' });
  for (const mistake of [
    'listeners[0].upstream: found "apj"',
    'upstreams.api.url: found "ftp:',
    'upstreams.api.pool.warm: found "two"',
    'upstreams.api.pool.maxconnections: found an unknown key',
  ]) {
    expect(line.detail).toContain(mistake);
  }
  expect(await gateway.metric('sidepool_config_last_reload_success')).toBe(0);
  expect(await gateway.metric('sidepool_config_reloads_total', { outcome: 'refused' })).toBe(1);
  expect(await configOf(gateway)).toBe(before);
  await someMore(load);

  const right = await rewritten(gateway, {
    upstreams: { api: { url: origin.url, headers: { set: { 'X-Team': 'shop' } } } },
  });
  expect(right).toMatchObject({ level: 'info', outcome: 'applied' });
  expect(await gateway.metric('sidepool_config_last_reload_success')).toBe(1);
  await someMore(load);
  expect((await load.stop()).failures).toEqual([]);
});

it('a changed policy counts at once and keeps the pool', async () => {
  const origin = await originForTest();
  // All that there may be are there from the start: one that is opened later has taken the place of another.
  const pool = { maxConnections: 16, warm: 16, warmMax: 16 };
  const gateway = await gatewayForTest({ upstreams: { api: { url: origin.url, pool } } });
  const load = loadForTest({ port: gateway.port });
  await waitFor(async () => (await opened(gateway)) === pool.warm);
  await someMore(load);
  const set = { 'X-Team': 'shop' };
  await rewritten(gateway, { upstreams: { api: { url: origin.url, pool, headers: { set } } } });
  expect(await echoed(gateway.port)).toMatchObject({ 'x-team': 'shop' });
  await someMore(load);
  expect(await opened(gateway)).toBe(pool.warm);
  expect(origin.counts.connections).toBe(pool.warm);
  expect((await load.stop()).failures).toEqual([]);
});

it('a changed URL: what is under way ends on the old origin, the rest goes to the new one', async () => {
  const [before, after] = [await originForTest(), await originForTest()];
  const gateway = await gatewayForTest({ upstreams: { api: { url: before.url } } });
  const load = loadForTest({ port: gateway.port });
  await someMore(load);
  await rewritten(gateway, { upstreams: { api: { url: after.url } } });
  // Requests that were begun before may still be on their way: one moment later there are none.
  await sleep(50);
  const left = before.counts.requests;
  await someMore(load);
  expect(before.counts.requests).toBe(left);
  expect(after.counts.requests).toBeGreaterThan(60);
  expect((await load.stop()).failures).toEqual([]);
  // The counters of one name go on, and no connection to the old origin is left.
  const { upstreams } = (await (await fetch(`${gateway.adminUrl}/pools`)).json()) as {
    upstreams: { endpoints: { address: string }[] }[];
  };
  expect(JSON.stringify(upstreams)).toContain(`127.0.0.1:${after.port}`);
  expect(JSON.stringify(upstreams)).not.toContain(`127.0.0.1:${before.port}`);
});

it('ten reloads in a row, from one origin to the other and back', async () => {
  const origins = [await originForTest(), await originForTest()];
  // By name: each new upstream has its address to find out first, while the last one is already being replaced.
  const urls = origins.map(({ port }) => `http://localhost:${port}`);
  const gateway = await gatewayForTest({ upstreams: { api: { url: urls[0] ?? '' } } });
  const load = loadForTest({ port: gateway.port });
  await someMore(load);
  for (let i = 1; i <= 10; i += 1) {
    const line = await rewritten(gateway, { upstreams: { api: { url: urls[i % 2] ?? '' } } });
    expect(line.outcome).toBe('applied');
  }
  await someMore(load);
  expect((await load.stop()).failures).toEqual([]);
  expect(await gateway.metric('sidepool_config_reloads_total', { outcome: 'applied' })).toBe(10);
});

it('ten reloads by file and by signal at once end with the last one in force', async () => {
  const origin = await originForTest();
  const gateway = await gatewayForTest({ upstreams: { api: { url: origin.url } } });
  const load = loadForTest({ port: gateway.port });
  await someMore(load);
  for (let nth = 1; nth <= 10; nth += 1) {
    const headers = { set: { 'X-Nth': `${nth}` } };
    const pool = { warm: 1 + (nth % 3) };
    await reloadBy(gateway, () => {
      gateway.rewrite({
        drain: shortDrain,
        upstreams: { api: { url: origin.url, headers, pool } },
      });
      gateway.process.signal('SIGHUP');
    });
  }
  await waitFor(async () => (await echoed(gateway.port))['x-nth'] === '10');
  await someMore(load);
  expect((await load.stop()).failures).toEqual([]);
});

it('an admin address of the command line stands above that of the file, after a reload too', async () => {
  const origin = await originForTest();
  const dir = makeTempDir('admin');
  endLater(() => dir.remove());
  const [listen, fromFile, given] = await freePorts(3);
  const path = dir.file('gateway.yaml');
  const write = (level: string) =>
    writeFileSync(
      path,
      JSON.stringify({
        listeners: [{ address: `127.0.0.1:${listen}`, upstream: 'api' }],
        upstreams: { api: { url: origin.url } },
        admin: { address: `127.0.0.1:${fromFile}` },
        drain: shortDrain,
        log: { level },
      }),
    );
  write('info');
  const url = `http://127.0.0.1:${given}`;
  const started = await startProcess({
    command: process.execPath,
    args: ['cmd/sidepool.ts', 'gateway', '--config', path, '--admin', `127.0.0.1:${given}`],
    cwd: join(import.meta.dirname, '..', '..', '..'),
    ready: { kind: 'http', url: `${url}/readyz` },
  });
  endLater(() => started.stop());
  write('debug');
  await started.waitForLine(/"event":"reload","outcome":"applied"/);
  expect(started.stdout()).not.toContain('admin counts from the next start');
  expect(await (await fetch(`${url}/config`)).text()).not.toContain(String(fromFile));
  await expect(fetch(`http://127.0.0.1:${fromFile}/livez`)).rejects.toThrow();
});
