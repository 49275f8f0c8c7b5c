/** Temporary directories that disappear, also when a test fails before its own tidying up: see reaper.ts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { forgetDir, watchDir } from './reaper.ts';

export class TempDir {
  readonly path: string;

  constructor(prefix: string) {
    this.path = mkdtempSync(join(tmpdir(), `sidepool-${prefix}-`));
    watchDir(this.path);
  }

  file(...names: string[]): string {
    return join(this.path, ...names);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
    forgetDir(this.path);
  }
}

export function makeTempDir(prefix: string): TempDir {
  return new TempDir(prefix);
}
