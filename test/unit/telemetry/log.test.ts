import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';

const log = new URL('../../../src/telemetry/log.ts', import.meta.url).pathname;

const waitForInput = 'for await (const _ of process.stdin);';

function scriptOf(last: string, first = '', lines = 2000): string {
  return `
    import { createLog } from ${JSON.stringify(log)};
    ${first}
    const log = createLog({ level: 'info' });
    for (let n = 1; n <= ${lines}; n += 1) log.info({ n, padding: 'x'.repeat(100) }, 'line');
    ${last}
  `;
}

function run(last: string): string {
  const script = scriptOf(last);
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
    const numbers = lines.map((line) => JSON.parse(line).n as number);
    // Whole, and each once. (A thread that is held up may bring its batch after what came later.)
    expect(numbers.sort((a, b) => a - b)).toEqual(lines.map((_, index) => index + 1));
  });

  it('that nobody reads neither keeps the process from ending nor makes it fail', async () => {
    // Touching process.stdout makes the descriptor one that says EAGAIN rather than block.
    const args = [
      '--input-type=module',
      '-e',
      scriptOf('process.exit(0);', 'process.stdout;', 6000),
    ];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
    const [code, signal] = await once(child, 'exit');
    clearTimeout(timer);
    child.stdout.destroy();
    expect([code, signal]).toEqual([0, null]);
  });

  it('whose reader has gone does not keep the process from ending', async () => {
    const args = ['--input-type=module', '-e', scriptOf('process.exit(0);', waitForInput, 3)];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdout.destroy();
    await once(child.stdout, 'close');
    child.stdin.end('go');
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    const [code, signal] = await once(child, 'exit');
    clearTimeout(timer);
    expect([code, signal]).toEqual([0, null]);
  });

  it('writes level and time as words, and neither process id nor host name', () => {
    const first = JSON.parse(run('').split('\n')[0] as string);
    expect(Object.keys(first)).toEqual(['level', 'time', 'n', 'padding', 'msg']);
  });
});
