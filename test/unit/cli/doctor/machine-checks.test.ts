import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { checkDescriptors, checkSourcePorts } from '../../../../src/cli/doctor/machine-checks.ts';
import { fromPairs } from '../../../../src/config/load.ts';
import { makeTempDir, type TempDir } from '../../../support/temp-dir.ts';

const dirs: TempDir[] = [];
afterEach(() => {
  for (const dir of dirs.splice(0)) dir.remove();
});

type Socket = readonly [port: number, state: string, remote?: string];

/** A /proc with these files, and with one line of net/tcp for each socket. */
function machine(files: Readonly<Record<string, string>>, sockets: readonly Socket[] = []): string {
  const dir = makeTempDir('doctor-proc');
  dirs.push(dir);
  const lines = sockets.map(([port, state, remote = '010200C0:01BB'], at) => {
    const local = `0100000A:${port.toString(16).toUpperCase().padStart(4, '0')}`;
    return `   ${at}: ${local} ${remote} ${state} 00000000:00000000\n`;
  });
  const all = {
    'self/net/tcp': ['  sl  local_address rem_address   st\n', ...lines].join(''),
    ...files,
  };
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(dirname(dir.file(name)), { recursive: true });
    writeFileSync(dir.file(name), text);
  }
  return dir.path;
}

const range = { 'sys/net/ipv4/ip_local_port_range': '40000\t40099\n' };
const ports = (sockets: readonly Socket[], maxConnections = 10) =>
  checkSourcePorts('api', '192.0.2.1:443', { maxConnections, proc: machine(range, sockets) });
const waiting = (count: number): Socket[] =>
  Array.from({ length: count }, (_, at) => [40_000 + at, '06']);

describe('source ports', () => {
  it('that are free are counted, and those towards others do not count', async () => {
    const sockets: Socket[] = [
      [40_000, '01'],
      [40_001, '06'],
      [40_002, '01', '020200C0:01BB'],
      [40_003, '01', '010200C0:0050'],
    ];
    expect(await ports(sockets)).toMatchObject({
      verdict: 'ok',
      what: '98 of 100 are left towards 192.0.2.1:443; 1 are in use and 1 wait in TIME_WAIT',
    });
  });

  it('of which few are left are a warning, with what to do', async () => {
    expect(await ports(waiting(85))).toMatchObject({
      verdict: 'warning',
      what: expect.stringMatching(/^15 of 100 .*85 wait in TIME_WAIT$/),
      advice: expect.stringContaining('ss -tan'),
    });
  });

  it('fewer than the pool may hold are a warning, and none a problem', async () => {
    expect(await ports(waiting(95))).toMatchObject({
      verdict: 'warning',
      what: expect.stringContaining('fewer than the 10 connections'),
      advice: expect.stringContaining('ip_local_port_range'),
    });
    expect(await ports(waiting(100))).toMatchObject({ verdict: 'problem' });
  });

  it('are unknown where there is no /proc', async () => {
    const proc = '/nowhere';
    const found = await checkSourcePorts('api', '192.0.2.1:443', { maxConnections: 1, proc });
    expect(found.verdict).toBe('unknown');
  });
});

describe('descriptors', () => {
  const parsed = fromPairs([{ listen: '127.0.0.1:15101', upstream: 'http://a.test' }]);
  if (!parsed.ok) throw new Error('the pair is right');
  const { config } = parsed;
  const limited = (hard: string) =>
    machine({
      'self/limits': `Max open files            1024                 ${hard}              files\n`,
    });

  it('that suffice are said to', () => {
    expect(checkDescriptors(config, limited('1048576'))).toMatchObject({
      verdict: 'ok',
      what: '1048576 may be open, enough for 10000 clients and 32 upstream connections',
    });
    expect(checkDescriptors(config, limited('unlimited')).verdict).toBe('ok');
  });

  it('that do not are a warning that says how many', () => {
    expect(checkDescriptors(config, limited('4096'))).toMatchObject({
      verdict: 'warning',
      advice: 'Raise the limit (ulimit -n 10096), or set limits.maxClients to 4000.',
    });
  });

  it('are unknown where the system does not tell', () => {
    expect(checkDescriptors(config, '/nowhere').verdict).toBe('unknown');
  });
});
