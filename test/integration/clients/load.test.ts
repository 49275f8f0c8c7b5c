import { expect, it } from 'vitest';
import { describeClient, run } from './client-suite.ts';

describeClient({ title: 'ab', programs: ['ab'] }, (bench) => {
  const ab = (...args: string[]) =>
    run('ab', ['-q', '-n', '2000', '-c', '16', ...args, `${bench().url}/ok`]);

  it('2,000 one-request clients of HTTP/1.0, over few connections upstream', async () => {
    const before = bench().origin.counts.connections;
    const { stdout } = await ab();
    expect(stdout).toMatch(/Complete requests:\s+2000\n/);
    expect(stdout).toMatch(/Failed requests:\s+0\n/);
    expect(stdout).not.toMatch(/Non-2xx/);
    // 16 at a time, and a warm floor ahead of them.
    expect(bench().origin.counts.connections - before).toBeLessThanOrEqual(40);
  });

  it('2,000 requests of HTTP/1.0 with keep-alive', async () => {
    const { stdout } = await ab('-k');
    expect(stdout).toMatch(/Complete requests:\s+2000\n/);
    expect(stdout).toMatch(/Failed requests:\s+0\n/);
    expect(stdout).toMatch(/Keep-Alive requests:\s+2000\n/);
  });
});

describeClient({ title: 'wrk', programs: ['wrk'] }, (bench) => {
  it('two seconds of 16 keep-alive connections without an error', async () => {
    const { stdout } = await run('wrk', ['-t1', '-c16', '-d2s', `${bench().url}/ok`]);
    expect(stdout).not.toMatch(/Non-2xx|Socket errors/);
    expect(Number(/(\d+) requests in/.exec(stdout)?.[1])).toBeGreaterThan(200);
  });
});
