/** Requests that the gateway makes up before it is ready: nobody sees them, and their failure does no harm. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { waitFor } from '../../support/wait-for.ts';
import { oneRequest } from './load.ts';
import { openFiles } from './process-view.ts';
import { admin, gatewayForTest, logged, originForTest } from './scene.ts';

it('a rehearsal comes before readiness, and is in no figure', async () => {
  const origin = await originForTest();
  const gateway = await gatewayForTest({
    upstreams: { api: { url: origin.url, pool: { warm: 1 } } },
    log: { level: 'debug' },
  });
  await waitFor(() => logged(gateway, 'ready').length > 0);
  const [rehearsed, ...others] = logged(gateway, 'rehearsed');
  expect(others).toEqual([]);
  // On a machine that is busy enough it is given up for the time it takes, and all else holds.
  if (rehearsed === undefined) throw new Error('none was told');
  const { level, given_up: givenUp } = rehearsed;
  expect([null, 'not done in 250 ms']).toContain(givenUp);
  expect(level).toBe('debug');
  const text = gateway.process.stdout();
  expect(text.indexOf('"rehearsed"')).toBeLessThan(text.indexOf('"event":"ready"'));
  expect(origin.counts.requests).toBe(0);
  const metrics = await (await admin(gateway, '/metrics')).text();
  const told = metrics
    .split('\n')
    .filter((line) =>
      /_(requests|client_connections|client_faults|faults|retries)\w*total/.test(line),
    )
    .filter((line) => !line.startsWith('#') && !line.endsWith(' 0'));
  expect(told).toEqual([]);
  const pools = await (await admin(gateway, '/pools')).text();
  expect(pools).toContain(`127.0.0.1:${origin.port}`);
  expect(pools).not.toContain('127.0.0.1:80"');
  expect(metrics + pools).not.toContain('rehearsal');
  expect(readFileSync('/proc/net/unix', 'latin1')).not.toContain(
    `sidepool-rehearsal-${gateway.pid}-`,
  );
  // A reload has nothing to rehearse.
  expect((await oneRequest(gateway.port)).body).toBe('ok');
  expect(openFiles(gateway.pid).join()).not.toContain('rehearsal');
});

it('one that fails does not stop the start', async () => {
  const origin = await originForTest();
  const unwilling =
    'import net from "node:net"; const { listen } = net.Server.prototype;' +
    'net.Server.prototype.listen = function (where, ...rest) {' +
    'if (!where?.path?.startsWith("\\0")) return listen.call(this, where, ...rest);' +
    'process.nextTick(() => this.emit("error", new Error("no such sockets"))); return this; };';
  const gateway = await gatewayForTest(
    { upstreams: { api: { url: origin.url } }, log: { level: 'debug' } },
    { env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(unwilling)}` } },
  );
  expect((await oneRequest(gateway.port)).body).toBe('ok');
  expect(logged(gateway, 'rehearsed')).toMatchObject([{ given_up: 'no such sockets' }]);
  expect(logged(gateway, 'ready')).toMatchObject([{ level: 'info' }]);
});
