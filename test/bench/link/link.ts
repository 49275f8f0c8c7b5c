/**
 * A link with a delay between this network namespace and one behind it, where the origin is.
 *
 * The namespaces have no names and no files: each lives as long as a process in it, so nothing stays behind however a
 * run ends. This one was made by `run.ts`; the other by a `cat` that ends when this process does.
 */
import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type RunningProcess, runToEnd, startProcess } from '../../support/process.ts';
import { waitFor } from '../../support/wait-for.ts';

/** Of this side, and the origin's two. */
export const nearAddress = '10.203.0.1';
export const farAddresses = ['10.203.0.2', '10.203.0.3'] as const;

export class Link {
  readonly nominalMs: number;
  readonly #far: RunningProcess;
  readonly #delay: RunningProcess;

  private constructor(nominalMs: number, far: RunningProcess, delay: RunningProcess) {
    this.nominalMs = nominalMs;
    this.#far = far;
    this.#delay = delay;
  }

  static async open(roundTripMs: number): Promise<Link> {
    const far = await startProcess({ command: 'unshare', args: ['--net', 'cat'] });
    await waitFor(() => networkOf(far.pid) !== networkOf(process.pid), {
      what: 'a network namespace for the origin',
    });
    const delay = await startProcess({
      command: 'python3',
      args: [join(import.meta.dirname, 'delay.py'), String(far.pid), String(roundTripMs / 2)],
      ready: { kind: 'line', pattern: /joined/ },
    });
    const link = new Link(roundTripMs, far, delay);
    await run('ip', 'link', 'set', 'lo', 'up');
    await run(...ipScript([nearAddress]));
    await link.runFar('ip', 'link', 'set', 'lo', 'up');
    await link.runFar(...ipScript(farAddresses));
    return link;
  }

  /** A command line that runs at the far end. */
  far(command: string, args: readonly string[]): { command: string; args: string[] } {
    const namespace = `--net=/proc/${this.#far.pid}/ns/net`;
    return { command: 'nsenter', args: [namespace, '--', command, ...args] };
  }

  runFar(command: string, ...args: string[]): Promise<void> {
    const far = this.far(command, args);
    return run(far.command, ...far.args);
  }

  /** Gives the origin's address back, or takes it: packets to it are lost then, as those to a machine that is gone. */
  async setFarAddress(address: string, state: 'present' | 'gone'): Promise<void> {
    const verb = state === 'present' ? 'replace' : 'del';
    await this.runFar('ip', 'address', verb, `${address}/32`, 'dev', 'link0');
  }

  /** Round trips in microseconds, by ICMP echo, which the other end's kernel answers. */
  async ping(count: number): Promise<readonly number[]> {
    const { stdout, stderr } = await runToEnd({
      command: 'python3',
      args: [join(import.meta.dirname, 'ping.py'), farAddresses[0], String(count)],
      timeoutMs: count * (this.nominalMs + 25) + 10_000,
    });
    const lines = stdout.trim().split('\n');
    const times = lines.map(Number).filter((us) => us > 0);
    if (times.length < count * 0.99) throw new Error(`the link loses packets: ${stdout}${stderr}`);
    return times;
  }

  async close(): Promise<void> {
    await this.#delay.stop();
    await this.#far.stop();
  }
}

function ipScript(addresses: readonly string[]): [string, ...string[]] {
  const add = addresses.map((each) => `ip address add ${each}/32 dev link0`);
  const rest = ['ip link set link0 up', 'ip route add 10.203.0.0/24 dev link0'];
  return ['/bin/sh', '-ec', [...add, ...rest].join('\n')];
}

async function run(command: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await runToEnd({ command, args });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
}

function networkOf(pid: number): string {
  return readlinkSync(`/proc/${pid}/ns/net`);
}
