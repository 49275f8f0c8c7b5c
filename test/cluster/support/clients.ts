/** helm and kubectl: those that `test/cluster/kit/build clients` fetched, or else the machine's own. */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../../support/program.ts';

export const repository = join(import.meta.dirname, '..', '..', '..');
export const kit = join(repository, 'test', 'cluster', 'kit');

/** Where the kit puts what it builds. */
export function kitPrograms(): string {
  const { SIDEPOOL_CLUSTER_CACHE } = process.env;
  const cache = SIDEPOOL_CLUSTER_CACHE ?? join(homedir(), '.cache', 'sidepool-cluster');
  const version = /^version=(\S+)$/m.exec(readFileSync(join(kit, 'lib.sh'), 'utf8'))?.[1] ?? '';
  return join(cache, version, 'bin');
}

export function findClient(name: 'helm' | 'kubectl'): string | undefined {
  const built = join(kitPrograms(), name);
  return existsSync(built) ? built : findProgram(name);
}

/** Why what needs both cannot run, or undefined. */
export function clientsMissing(): string | undefined {
  const missing = (['helm', 'kubectl'] as const).filter((name) => findClient(name) === undefined);
  if (missing.length === 0) return undefined;
  return `skipped: no ${missing.join(' and no ')}; test/cluster/kit/build clients fetches both`;
}
