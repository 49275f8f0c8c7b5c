/** Temporary directories that disappear, also when a test fails before its own tidying up. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const alive = new Set<string>();

// Runs on any orderly end of the test process; what a SIGKILL leaves is a few small files in the
// system's temporary directory.
process.once('exit', () => {
  for (const path of alive) rmSync(path, { recursive: true, force: true });
});

export class TempDir {
  readonly path: string;

  constructor(prefix: string) {
    this.path = mkdtempSync(join(tmpdir(), `sidepool-${prefix}-`));
    alive.add(this.path);
  }

  file(...names: string[]): string {
    return join(this.path, ...names);
  }

  remove(): void {
    alive.delete(this.path);
    rmSync(this.path, { recursive: true, force: true });
  }
}

export function makeTempDir(prefix: string): TempDir {
  return new TempDir(prefix);
}
