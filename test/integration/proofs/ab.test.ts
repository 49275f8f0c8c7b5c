/** test/soak/ab-240000.ts, shorter, and through the gateway alone. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { skipReason, titled } from '../../support/program.ts';
import { makeTempDir } from '../../support/temp-dir.ts';

const reason = skipReason('ab', 'nginx');
const repository = join(import.meta.dirname, '..', '..', '..');

describe.skipIf(reason !== undefined)(titled('ab, 32 at a time, over TLS', reason), () => {
  it('none of 8,000 one-request clients fails, and 32 connections are enough', () => {
    const dir = makeTempDir('ab-test');
    const jsonPath = dir.file('ab.json');
    const { SIDEPOOL_GATEWAY: command = 'node cmd/sidepool.ts gateway' } = process.env;
    execFileSync(
      process.execPath,
      ['test/soak/ab-240000.ts', '--count', '8000', '--only', 'gateway', '--json', jsonPath],
      { cwd: repository, env: { ...process.env, SIDEPOOL_GATEWAY: command }, stdio: 'pipe' },
    );
    const { through } = JSON.parse(readFileSync(jsonPath, 'utf8'));
    dir.remove();
    expect(through).toMatchObject({
      completed: 8_000,
      failed: 0,
      non2xx: 0,
      faults: 0,
      gaveUp: '',
    });
    expect(through.opened).toBeLessThanOrEqual(32);
    expect(through.reused).toBeGreaterThanOrEqual(8_000 - 32);
  }, 60_000);
});
