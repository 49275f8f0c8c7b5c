/** Finds the programs that the integration suites drive, and says which suites cannot run without. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The full path of a program, or undefined. Looks in /usr/sbin too, where servers live. */
export function findProgram(name: string): string | undefined {
  const { PATH = '' } = process.env;
  for (const folder of [...PATH.split(delimiter), '/usr/sbin', '/sbin', '/usr/local/sbin']) {
    const path = join(folder || '.', name);
    if (isExecutable(path)) return path;
  }
  return undefined;
}

/** The full path; throws with what to do. For use behind `skipReason`. */
export function requireProgram(name: string): string {
  const path = findProgram(name);
  if (path === undefined)
    throw new Error(`${name} is not installed: install it, or skip this test`);
  return path;
}

/** Why a suite must be skipped, or undefined when all its programs are there. */
export function skipReason(...names: string[]): string | undefined {
  const missing = names.filter((name) => findProgram(name) === undefined);
  if (missing.length === 0) return undefined;
  return `skipped: ${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not installed`;
}

/**
 * A suite's title with the reason for which it is skipped. It is printed too: vitest shows no titles of
 * a file that is skipped as a whole, and a suite that silently does not run guards nothing.
 */
export function titled(title: string, reason: string | undefined): string {
  if (reason === undefined) return title;
  const told = `${title} (${reason})`;
  console.warn(told);
  return told;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
