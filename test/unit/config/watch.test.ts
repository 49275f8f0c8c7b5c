import fs, {
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { TimerWheel } from '../../../src/base/timer-wheel.ts';
import { type ConfigWatch, watchConfig } from '../../../src/config/watch.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { makeTempDir, type TempDir } from '../../support/temp-dir.ts';
import { waitFor } from '../../support/wait-for.ts';

let dir: TempDir;
let clock: FakeClock;
let wheel: TimerWheel;
let watched: ConfigWatch | undefined;
let changes: number;
let blind: string[];

beforeEach(() => {
  dir = makeTempDir('watch');
  clock = new FakeClock();
  wheel = new TimerWheel(clock);
  changes = 0;
  blind = [];
});

afterEach(() => {
  watched?.close();
  watched = undefined;
  wheel.stop();
  dir.remove();
});

function start(file: string): ConfigWatch {
  watched = watchConfig(file, {
    wheel,
    onChange: () => {
      changes += 1;
    },
    onBlind: (directory, cause) => blind.push(`${directory}: ${cause}`),
  });
  return watched;
}

/** Waits for the kernel's notice, then lets the time pass in which a change settles. */
async function noticed(): Promise<void> {
  await waitFor(() => wheel.size > 0, { what: 'a notice from the kernel' });
  clock.advance(500);
}

/** What the kubelet does: a dated directory, `..data` to it, and the file's name over `..data`. */
function mountConfigMap(): (text: string) => void {
  let version = 0;
  const publish = (text: string): void => {
    const before = `..v${version}`;
    version += 1;
    mkdirSync(dir.file(`..v${version}`));
    writeFileSync(dir.file(`..v${version}`, 'sidepool.yaml'), text);
    symlinkSync(`..v${version}`, dir.file('..data_tmp'));
    renameSync(dir.file('..data_tmp'), dir.file('..data'));
    if (version > 1) rmSync(dir.file(before), { recursive: true });
  };
  publish('one');
  symlinkSync('..data/sidepool.yaml', dir.file('sidepool.yaml'));
  return publish;
}

it('tells once of a file written in place', async () => {
  writeFileSync(dir.file('a.yaml'), 'one');
  start(dir.file('a.yaml'));
  writeFileSync(dir.file('a.yaml'), 'two');
  writeFileSync(dir.file('a.yaml'), 'three');
  await noticed();
  expect(changes).toBe(1);
  writeFileSync(dir.file('a.yaml'), 'four');
  await noticed();
  expect(changes).toBe(2);
});

it('tells of a file put in the place of the old one', async () => {
  writeFileSync(dir.file('a.yaml'), 'one');
  start(dir.file('a.yaml'));
  writeFileSync(dir.file('.a.yaml.swp'), 'two');
  renameSync(dir.file('.a.yaml.swp'), dir.file('a.yaml'));
  await noticed();
  expect(changes).toBe(1);
});

it('tells of each swap of a mounted ConfigMap', async () => {
  const publish = mountConfigMap();
  start(dir.file('sidepool.yaml'));
  for (const expected of [1, 2, 3]) {
    publish(`version ${expected}`);
    await noticed();
    expect(changes).toBe(expected);
  }
});

it('tells of a file behind a link, written where it really is', async () => {
  mkdirSync(dir.file('real'));
  mkdirSync(dir.file('link'));
  writeFileSync(dir.file('real', 'a.yaml'), 'one');
  symlinkSync(dir.file('real', 'a.yaml'), dir.file('link', 'a.yaml'));
  start(dir.file('link', 'a.yaml'));
  writeFileSync(dir.file('real', 'a.yaml'), 'two');
  await noticed();
  expect(changes).toBe(1);
});

it('waits while the file is missing, and tells of its return', async () => {
  writeFileSync(dir.file('a.yaml'), 'one');
  start(dir.file('a.yaml'));
  unlinkSync(dir.file('a.yaml'));
  await noticed();
  expect([changes, wheel.size]).toEqual([0, 0]);
  writeFileSync(dir.file('a.yaml'), 'two');
  await noticed();
  expect(changes).toBe(1);
});

it('finds the file again when its whole directory was taken away and came back', async () => {
  mkdirSync(dir.file('etc'));
  writeFileSync(dir.file('etc', 'a.yaml'), 'one');
  start(dir.file('etc', 'a.yaml'));
  rmSync(dir.file('etc'), { recursive: true });
  await noticed();
  mkdirSync(dir.file('etc'));
  writeFileSync(dir.file('etc', 'a.yaml'), 'two');
  await noticed();
  expect(changes).toBe(1);
});

it('follows a directory that was put in the place of another', async () => {
  mkdirSync(dir.file('etc'));
  writeFileSync(dir.file('etc', 'a.yaml'), 'one');
  mkdirSync(dir.file('next'));
  writeFileSync(dir.file('next', 'a.yaml'), 'two');
  start(dir.file('etc', 'a.yaml'));
  renameSync(dir.file('etc'), dir.file('old'));
  renameSync(dir.file('next'), dir.file('etc'));
  await noticed();
  expect(changes).toBe(1);
  writeFileSync(dir.file('etc', 'a.yaml'), 'three');
  await noticed();
  expect(changes).toBe(2);
});

it('sees a link on the way turned, though nothing else changes', async () => {
  for (const version of ['v1', 'v2']) {
    mkdirSync(dir.file(version));
    writeFileSync(dir.file(version, 'a.yaml'), version);
  }
  symlinkSync('v1', dir.file('current'));
  start(dir.file('current', 'a.yaml'));
  symlinkSync('v2', dir.file('new'));
  renameSync(dir.file('new'), dir.file('current'));
  await noticed();
  expect(changes).toBe(1);
  writeFileSync(dir.file('v2', 'a.yaml'), 'v3');
  await noticed();
  expect(changes).toBe(2);
});

it('does not tell of a write that is still going on', async () => {
  writeFileSync(dir.file('a.yaml'), 'one');
  start(dir.file('a.yaml'));
  writeFileSync(dir.file('a.yaml'), 'tw');
  await waitFor(() => wheel.size > 0);
  clock.advance(120);
  writeFileSync(dir.file('a.yaml'), 'two and more');
  clock.advance(120);
  expect(changes).toBe(0);
  clock.advance(120);
  expect(changes).toBe(1);
});

it('does not look when a neighbour changes, and never wakes an idle process', async () => {
  writeFileSync(dir.file('a.yaml'), 'one');
  start(dir.file('a.yaml'));
  const seen = new Set<string | null>();
  const fence = watch(dir.path, (_, name) => seen.add(name));
  writeFileSync(dir.file('b.yaml'), 'one');
  await waitFor(() => seen.has('b.yaml'));
  fence.close();
  expect([wheel.size, clock.pendingSleeps]).toEqual([0, 0]);
  writeFileSync(dir.file('a.yaml'), 'two');
  await noticed();
  expect(changes).toBe(1);
  const { wakeups } = clock;
  clock.advance(3_600_000);
  expect(clock.wakeups).toBe(wakeups);
});

it('says which directory cannot be watched, once', () => {
  const open = vi.spyOn(fs, 'watch').mockImplementation(() => {
    throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  });
  syncBuiltinESMExports();
  try {
    writeFileSync(dir.file('a.yaml'), 'one');
    start(dir.file('a.yaml')).also([dir.file('a.yaml')]);
    expect(blind).toEqual([`${dir.path}: ENOSPC`]);
  } finally {
    open.mockRestore();
    syncBuiltinESMExports();
  }
});

it('tells of the files that hold secrets too', async () => {
  writeFileSync(dir.file('a.yaml'), 'one');
  mkdirSync(dir.file('secrets'));
  writeFileSync(dir.file('secrets', 'token'), 'one');
  start(dir.file('a.yaml')).also([dir.file('secrets', 'token')]);
  writeFileSync(dir.file('secrets', 'token'), 'two');
  await noticed();
  expect(changes).toBe(1);
});

it('tells of a change that came between the reading of a file and the naming of its secrets', async () => {
  writeFileSync(dir.file('a.yaml'), 'one');
  writeFileSync(dir.file('token'), 'one');
  const watch = start(dir.file('a.yaml'));
  writeFileSync(dir.file('a.yaml'), 'two');
  watch.also([dir.file('token')]);
  await noticed();
  expect(changes).toBe(1);
});

it('tells of a secret that comes to be, and of the file while a secret is missing', async () => {
  writeFileSync(dir.file('a.yaml'), 'one');
  const watch = start(dir.file('a.yaml'));
  watch.also([dir.file('secrets', 'token')]);
  writeFileSync(dir.file('a.yaml'), 'two');
  await noticed();
  expect(changes).toBe(1);
  mkdirSync(dir.file('secrets'));
  writeFileSync(dir.file('secrets', 'token'), 'one');
  await noticed();
  expect(changes).toBe(2);
});

it('forgets the secrets that are no longer named', async () => {
  writeFileSync(dir.file('a.yaml'), 'one');
  writeFileSync(dir.file('token'), 'one');
  const watch = start(dir.file('a.yaml'));
  watch.also([dir.file('token')]);
  watch.also([]);
  writeFileSync(dir.file('token'), 'two');
  writeFileSync(dir.file('a.yaml'), 'two');
  await noticed();
  writeFileSync(dir.file('token'), 'three');
  const probe = dir.file('a.yaml');
  writeFileSync(probe, 'three');
  await noticed();
  expect(changes).toBe(2);
});

it('is silent once it is closed', async () => {
  writeFileSync(dir.file('a.yaml'), 'one');
  const watch = start(dir.file('a.yaml'));
  writeFileSync(dir.file('a.yaml'), 'two');
  await waitFor(() => wheel.size > 0);
  watch.close();
  clock.advance(1000);
  expect([changes, wheel.size]).toEqual([0, 0]);
  expect(blind).toEqual([]);
});
