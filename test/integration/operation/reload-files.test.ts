/** What makes the gateway read its file again. */
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { RunningGateway } from '../../support/gateway.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { waitFor } from '../../support/wait-for.ts';
import {
  configOf,
  echoed,
  endLater,
  gatewayForTest,
  loadForTest,
  logged,
  originForTest,
  reloadBy,
  rewritten,
} from './scene.ts';

/** As the kubelet does it: what `..data` points to is exchanged in one step, and the old directory goes. */
class Mount {
  readonly #dir: string;
  #version = 0;

  constructor(dir: string) {
    this.#dir = dir;
  }

  put(name: string, text: string): void {
    const before = `..v${this.#version}`;
    this.#version += 1;
    const now = `..v${this.#version}`;
    mkdirSync(join(this.#dir, now));
    writeFileSync(join(this.#dir, now, name), text);
    symlinkSync(now, join(this.#dir, '..data_tmp'));
    renameSync(join(this.#dir, '..data_tmp'), join(this.#dir, '..data'));
    rmSync(join(this.#dir, before), { recursive: true, force: true });
  }

  /** Puts the link to what is in `..data` in the place of the file. */
  link(name: string): void {
    symlinkSync(join('..data', name), join(this.#dir, 'tmp'));
    renameSync(join(this.#dir, 'tmp'), join(this.#dir, name));
  }
}

function withTeam(gateway: RunningGateway, team: string): string {
  const settings = JSON.parse(readFileSync(gateway.configPath, 'utf8'));
  settings.upstreams.api.headers = { set: { 'X-Team': team } };
  return JSON.stringify(settings);
}

it('the swap of a mounted ConfigMap, under load', async () => {
  const origin = await originForTest();
  const gateway = await gatewayForTest({ upstreams: { api: { url: origin.url } } });
  const load = loadForTest({ port: gateway.port });
  const mount = new Mount(dirname(gateway.configPath));
  mount.put('gateway.yaml', readFileSync(gateway.configPath, 'utf8'));
  const moved = await reloadBy(gateway, () => mount.link('gateway.yaml'));
  expect(moved.outcome).toBe('unchanged');
  for (const team of ['shop', 'desk']) {
    const line = await reloadBy(gateway, () => mount.put('gateway.yaml', withTeam(gateway, team)));
    expect(line.outcome).toBe('applied');
    expect(await echoed(gateway.port)).toMatchObject({ 'x-team': team });
  }
  const wrong = await reloadBy(gateway, () => mount.put('gateway.yaml', 'listeners: 1\n'));
  expect(wrong.outcome).toBe('refused');
  expect(await echoed(gateway.port)).toMatchObject({ 'x-team': 'desk' });
  expect((await load.stop()).failures).toEqual([]);
});

it('a rotated secret, which is shown nowhere', async () => {
  const origin = await originForTest();
  const dir = makeTempDir('secrets');
  endLater(() => dir.remove());
  const mount = new Mount(dir.path);
  mount.put('token', 'hunter-one\n');
  mount.link('token');
  // All that there may be are there from the start: one that is opened later has taken the place of another.
  const pool = { maxConnections: 16, warm: 16, warmMax: 16 };
  const Authorization = `Bearer \${file:${dir.file('token')}}`;
  const gateway = await gatewayForTest({
    upstreams: { api: { url: origin.url, headers: { set: { Authorization } }, pool } },
  });
  const opened = () => gateway.metric('sidepool_upstream_connections_opened_total');
  await waitFor(async () => (await opened()) === pool.warm);
  expect(await echoed(gateway.port)).toMatchObject({ authorization: 'Bearer hunter-one' });
  const load = loadForTest({ port: gateway.port });
  const line = await reloadBy(gateway, () => mount.put('token', 'hunter-two\n'));
  expect(line.outcome).toBe('applied');
  expect(await echoed(gateway.port)).toMatchObject({ authorization: 'Bearer hunter-two' });

  const empty = await reloadBy(gateway, () => mount.put('token', '\n'));
  expect(empty).toMatchObject({ outcome: 'refused' });
  expect(await echoed(gateway.port)).toMatchObject({ authorization: 'Bearer hunter-two' });
  // What was refused for its secret is taken up again when that is mended, though the file has not changed.
  const mended = await reloadBy(gateway, () => mount.put('token', 'hunter-three\n'));
  expect(mended.outcome).toBe('applied');
  expect(await echoed(gateway.port)).toMatchObject({ authorization: 'Bearer hunter-three' });

  expect((await load.stop()).failures).toEqual([]);
  expect(await opened()).toBe(pool.warm);
  expect(`${gateway.output()}${await configOf(gateway)}`).not.toContain('hunter');
});

it('SIGHUP reads the file even if nothing seems to have changed', async () => {
  const origin = await originForTest();
  const gateway = await gatewayForTest({ upstreams: { api: { url: origin.url } } });
  const line = await reloadBy(gateway, () => gateway.process.signal('SIGHUP'));
  expect(line).toMatchObject({ outcome: 'unchanged', detail: gateway.configPath });
  const { configPath } = gateway;
  expect(await gateway.metric('sidepool_config_reloads_total', { outcome: 'unchanged' })).toBe(1);

  // A file that is gone for a moment is no news; asked for, it is a mistake.
  const text = readFileSync(configPath, 'utf8');
  rmSync(configPath);
  await sleep(300);
  expect(logged(gateway, 'reload')).toHaveLength(1);
  const gone = await reloadBy(gateway, () => gateway.process.signal('SIGHUP'));
  expect(gone).toMatchObject({ outcome: 'refused' });
  expect(gone.detail).toBe(`${configPath}: there is no such file.`);
  const back = await reloadBy(gateway, () => writeFileSync(configPath, text));
  expect(back.outcome).toBe('unchanged');
});

it('what is doubtful in a new file is told, as it is at the start', async () => {
  const origin = await originForTest();
  const gateway = await gatewayForTest({ upstreams: { api: { url: origin.url } } });
  const line = await rewritten(gateway, {
    upstreams: { api: { url: origin.url }, web: { url: origin.url } },
    listeners: [{ upstream: 'api' }],
  });
  expect(line.outcome).toBe('applied');
  expect(gateway.output()).toContain('upstreams.web: found an upstream that no listener names');
});
