import { mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { PortMeter } from '../../../src/telemetry/port-meter.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { StillClock } from './scene.ts';

/** As the kernel writes it: 149 columns, the sockets numbered. */
function table(lines: readonly string[]): string {
  const title = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid';
  const rest = '00000000:00000000 00:00000000 00000000     0        0 12345 1 0000000000000000';
  const numbered = lines.map((line, at) => `${String(at).padStart(4)}: ${line} ${rest}`);
  return [title, ...numbered].map((line) => `${line.padEnd(149)}\n`).join('');
}

interface Kernel {
  readonly range?: string;
  readonly reserved?: string;
  readonly tcp?: readonly string[];
  readonly tcp6?: readonly string[];
}

function kernel({ range, reserved = '', tcp, tcp6 }: Kernel): {
  readonly proc: string;
  readonly write: (tcp: readonly string[]) => void;
} {
  const dir = makeTempDir('proc');
  onTestFinished(() => dir.remove());
  const proc = dir.path;
  const settings = join(proc, 'sys', 'net', 'ipv4');
  const own = join(proc, 'self', 'net');
  mkdirSync(settings, { recursive: true });
  mkdirSync(own, { recursive: true });
  if (range !== undefined) writeFileSync(join(settings, 'ip_local_port_range'), `${range}\n`);
  writeFileSync(join(settings, 'ip_local_reserved_ports'), `${reserved}\n`);
  const write = (lines: readonly string[]) => writeFileSync(join(own, 'tcp'), table(lines));
  if (tcp !== undefined) write(tcp);
  if (tcp6 !== undefined) writeFileSync(join(own, 'tcp6'), table(tcp6));
  return { proc, write };
}

const ours = '0A00000A:C000';
const theirs = '010200C0:01BB'; // 192.0.2.1:443

describe('source ports', () => {
  it('open and in TIME_WAIT, towards the endpoints alone, of both families', async () => {
    const { proc } = kernel({
      range: '32768\t60999',
      tcp: [
        `00000000:3AFD 00000000:0000 0A`,
        `${ours} ${theirs} 01`,
        `${ours} ${theirs} 06`,
        `${ours} ${theirs} 06`,
        `${ours} ${theirs} 02`,
        // Its own end is not what counts, nor another port of the same host.
        `${theirs} ${ours} 01`,
        `${ours} 010200C0:01BC 01`,
      ],
      tcp6: [
        `00000000000000000000000001000000:C000 B80D0120000000000000000001000000:1F90 01`,
        `0000000000000000FFFF00000A00000A:C000 0000000000000000FFFF0000010200C0:01BB 06`,
      ],
    });
    const meter = new PortMeter({ clock: new StillClock(), proc });
    const { perEndpoint, byEndpoint } = await meter.read([
      '192.0.2.1:443',
      '[2001:db8::1]:8080',
      '192.0.2.9:80',
    ]);
    expect(perEndpoint).toBe(28_232);
    expect(byEndpoint).toEqual(
      new Map([
        ['192.0.2.1:443', { open: 2, timeWait: 3 }],
        ['[2001:db8::1]:8080', { open: 1, timeWait: 0 }],
        ['192.0.2.9:80', { open: 0, timeWait: 0 }],
      ]),
    );
  });

  it('counts every line of a list longer than one piece', async () => {
    const tcp = Array.from({ length: 12_345 }, () => `${ours} ${theirs} 06`);
    const meter = new PortMeter({ clock: new StillClock(), ...kernel({ range: '1 2', tcp }) });
    const { byEndpoint } = await meter.read(['192.0.2.1:443']);
    expect(byEndpoint?.get('192.0.2.1:443')).toEqual({ open: 0, timeWait: 12_345 });
  });

  it('the budget has no port that is reserved', async () => {
    const reserved = '22,1000-1004,1010,1018-2000';
    const meter = new PortMeter({
      clock: new StillClock(),
      ...kernel({ range: '1000 1019', reserved }),
    });
    expect((await meter.read([])).perEndpoint).toBe(20 - 5 - 1 - 2);
  });

  it('are not read again before a thousand times as long as reading took, or a minute', async () => {
    class SlowClock extends StillClock {
      stepMs = 10;
      // Each look at the clock is so much later than the last.
      override now(): number {
        this.ms += this.stepMs;
        return this.ms;
      }
    }
    const clock = new SlowClock();
    const { proc, write } = kernel({ range: '1 9', tcp: [`${ours} ${theirs} 01`] });
    const meter = new PortMeter({ clock, proc });
    const open = async () =>
      (await meter.read(['192.0.2.1:443'])).byEndpoint?.get('192.0.2.1:443')?.open;
    expect(await open()).toBe(1);
    write([`${ours} ${theirs} 01`, `${ours} ${theirs} 01`]);
    expect(await open()).toBe(1);
    clock.pass(9_000);
    expect(await open()).toBe(1);
    clock.pass(2_000);
    clock.stepMs = 10_000;
    expect(await open()).toBe(2);
    write([]);
    clock.stepMs = 0;
    clock.pass(59_000);
    expect(await open()).toBe(2);
    clock.pass(2_000);
    expect(await open()).toBe(0);
  });

  it('are not known where the kernel does not tell', async () => {
    const meter = new PortMeter({ clock: new StillClock(), proc: '/nonexistent' });
    expect(await meter.read(['192.0.2.1:443'])).toEqual({
      perEndpoint: Number.NaN,
      byEndpoint: null,
    });
  });

  it.skipIf(process.platform !== 'linux')('of a real connection', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as { port: number };
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    const { perEndpoint, byEndpoint } = await new PortMeter({ clock: systemClock }).read([
      `127.0.0.1:${port}`,
    ]);
    expect(perEndpoint).toBeGreaterThan(100);
    expect(byEndpoint?.get(`127.0.0.1:${port}`)?.open).toBe(1);
  });
});
