import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

const log = new URL('../../../src/telemetry/log.ts', import.meta.url).pathname;

function run(last: string): string {
  const script = `
    import { createLog } from ${JSON.stringify(log)};
    const log = createLog({ level: 'info' });
    for (let n = 1; n <= 2000; n += 1) log.info({ n, padding: 'x'.repeat(100) }, 'line');
    ${last}
  `;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 15_000,
    maxBuffer: 10e6,
  });
  return stdout;
}

describe('the log on standard output', () => {
  it.each([
    ['process.exit', 'process.exit(0);'],
    ['an uncaught error', 'throw new Error("a defect");'],
    ['a rejection in a later turn', 'setImmediate(() => Promise.reject(new Error("a defect")));'],
    ['running out of work', ''],
  ])('has its last line after %s', (_, last) => {
    const lines = run(last).trimEnd().split('\n');
    expect(lines).toHaveLength(2000);
    expect(JSON.parse(lines.at(-1) as string)).toMatchObject({
      level: 'info',
      n: 2000,
      msg: 'line',
    });
  });

  it('writes level and time as words, and neither process id nor host name', () => {
    const first = JSON.parse(run('').split('\n')[0] as string);
    expect(Object.keys(first)).toEqual(['level', 'time', 'n', 'padding', 'msg']);
  });
});
