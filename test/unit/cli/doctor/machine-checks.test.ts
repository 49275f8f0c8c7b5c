import { describe, expect, it } from 'vitest';
import {
  checkDescriptors,
  checkSourcePorts,
  type ReadProc,
} from '../../../../src/cli/doctor/machine-checks.ts';
import { fromPairs } from '../../../../src/config/load.ts';

const target = { ip: '192.0.2.1', port: 443 };
const HEADLINE = '  sl  local_address rem_address   st tx_queue rx_queue';

/** The kernel's files, with one line of net/tcp for each [local port, state]. */
function machine(
  files: Readonly<Record<string, string>>,
  lines: readonly (readonly [port: number, state: string, remote?: string])[] = [],
): ReadProc {
  const row = (port: number, state: string, remote: string) =>
    `   0: 0100000A:${port.toString(16).toUpperCase().padStart(4, '0')} ${remote} ${state} 00000000:00000000`;
  const tcp = lines.map(([port, state, remote = '010200C0:01BB']) => row(port, state, remote));
  const all: Readonly<Record<string, string>> = {
    'sys/net/ipv4/ip_local_port_range': '40000\t40099\n',
    'net/tcp': [HEADLINE, ...tcp].join('\n'),
    ...files,
  };
  return (path) => {
    const text = all[path];
    if (text === undefined) throw new Error(`no ${path}`);
    return text;
  };
}

const ports = (read: ReadProc, maxConnections = 10, to = target) =>
  checkSourcePorts('api', to, { maxConnections, read });

const established = '01';
const timeWait = '06';

describe('source ports', () => {
  it('that are free are counted', () => {
    const read = machine({}, [
      [40_000, established],
      [40_001, timeWait],
    ]);
    expect(ports(read)).toMatchObject({
      verdict: 'ok',
      what: '98 of 100 (40000 to 40099) are left towards 192.0.2.1:443; 1 are in use and 1 wait in TIME_WAIT',
    });
  });

  it('of other addresses, ports and ranges do not count', () => {
    const read = machine({}, [
      [40_000, established, '020200C0:01BB'],
      [40_001, established, '010200C0:0050'],
      [50_000, established],
    ]);
    expect(ports(read).what).toMatch(/^100 of 100/);
  });

  it('of which few are left are a warning, with what to do', () => {
    const many = Array.from({ length: 85 }, (_, at) => [40_000 + at, timeWait] as const);
    expect(ports(machine({}, many))).toMatchObject({
      verdict: 'warning',
      what: expect.stringMatching(/^15 of 100 .*85 wait in TIME_WAIT$/),
      advice: expect.stringContaining('ss -tan'),
    });
  });

  it('fewer than the pool may hold are a warning, and none a problem', () => {
    const many = Array.from({ length: 95 }, (_, at) => [40_000 + at, timeWait] as const);
    expect(ports(machine({}, many))).toMatchObject({
      verdict: 'warning',
      what: expect.stringContaining('fewer than the 10 connections'),
      advice: expect.stringContaining('ip_local_port_range'),
    });
    const all = Array.from({ length: 100 }, (_, at) => [40_000 + at, timeWait] as const);
    expect(ports(machine({}, all))).toMatchObject({ verdict: 'problem' });
  });

  it('of IPv6, and of IPv4 on a socket of IPv6, are counted', () => {
    const tcp6 = [
      HEADLINE,
      '0: 0000000000000000FFFF00000100000A:9C40 0000000000000000FFFF0000010200C0:01BB 01',
      '1: 00000000000000000000000001000000:9C41 B80D0120000000000000000001000000:01BB 01',
    ].join('\n');
    const read = machine({ 'net/tcp6': tcp6 });
    expect(ports(read).what).toMatch(/^99 of 100/);
    expect(ports(read, 10, { ip: '2001:db8::1', port: 443 })).toMatchObject({
      what: expect.stringMatching(/^99 of 100 .* towards \[2001:db8::1\]:443/),
    });
  });

  it('are unknown where there is no /proc', () => {
    const none: ReadProc = () => {
      throw new Error('none');
    };
    expect(ports(none)).toMatchObject({ verdict: 'unknown' });
  });
});

describe('descriptors', () => {
  const parsed = fromPairs([{ listen: '127.0.0.1:15101', upstream: 'http://a.test' }]);
  if (!parsed.ok) throw new Error('the pair is right');
  const { config } = parsed;
  const limits = (hard: string) =>
    machine({
      'self/limits': `Max open files            1024                 ${hard}              files\n`,
    });

  it('that suffice are said to', () => {
    expect(checkDescriptors(config, limits('1048576'))).toMatchObject({
      verdict: 'ok',
      what: '1048576 may be open, enough for 10000 clients and 32 upstream connections',
    });
    expect(checkDescriptors(config, limits('unlimited')).verdict).toBe('ok');
  });

  it('that do not are a warning that says how many', () => {
    expect(checkDescriptors(config, limits('4096'))).toMatchObject({
      verdict: 'warning',
      advice: 'Raise the limit (ulimit -n 10096), or set limits.maxClients to 4000.',
    });
  });
});
