import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { freePort } from './free-port.ts';
import { metricKey, parseMetrics, sumOf } from './metrics.ts';
import { runToEnd, startProcess } from './process.ts';
import { findProgram, skipReason, titled } from './program.ts';
import { waitFor } from './wait-for.ts';

const node = process.execPath;

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('startProcess', () => {
  it('waits for a port, collects output, and stops by SIGTERM', async () => {
    const port = await freePort();
    const code = `process.on('SIGTERM', () => { console.log('bye'); process.exit(7); });
      console.log('up'); console.error('side'); require('net').createServer().listen(${port});`;
    const started = await startProcess({
      command: node,
      args: ['-e', code],
      ready: { kind: 'port', port },
    });
    expect(await started.stop()).toEqual({ code: 7, signal: null });
    expect(started.output()).toContain('side');
    expect(started.stdout()).toBe('up\nbye\n');
  });

  it('kills what does not heed SIGTERM, and its children', async () => {
    const code = `process.on('SIGTERM', () => {}); const { pid } = require('child_process').spawn('sleep', ['60']);
      console.log('child', pid);`;
    const started = await startProcess({
      command: node,
      args: ['-e', code],
      ready: { kind: 'line', pattern: /child \d+/ },
    });
    const child = Number(/child (\d+)/.exec(started.output())?.[1]);
    expect(alive(child)).toBe(true);
    expect(await started.stop(100)).toEqual({ code: null, signal: 'SIGKILL' });
    await waitFor(() => !alive(child), { what: 'the end of the child' });
  });

  it('tells the output of a program that ends before it is ready', async () => {
    const start = startProcess({
      command: node,
      args: ['-e', 'console.error("no such option"); process.exit(2)'],
      ready: { kind: 'port', port: await freePort() },
    });
    await expect(start).rejects.toThrow(/"code":2.*no such option/s);
  });

  it('tells that a program is not there', async () => {
    await expect(
      startProcess({ command: '/nowhere/at-all', ready: { kind: 'line', pattern: /x/ } }),
    ).rejects.toThrow('ENOENT');
  });

  it('leaves nothing when the test process is killed', async () => {
    const script = `const { startProcess } = await import('${import.meta.dirname}/process.ts');
      const { makeTempDir } = await import('${import.meta.dirname}/temp-dir.ts');
      console.log('dir', makeTempDir('orphan').path);
      const p = await startProcess({ command: 'sleep', args: ['60'] }); console.log('started', p.pid);`;
    const parent = await startProcess({
      command: node,
      args: ['--input-type=module', '-e', script],
      ready: { kind: 'line', pattern: /started \d+/ },
    });
    const orphan = Number(/started (\d+)/.exec(parent.output())?.[1]);
    const dir = /dir (\S+)/.exec(parent.output())?.[1] ?? '';
    expect([alive(orphan), existsSync(dir)]).toEqual([true, true]);
    parent.signal('SIGKILL');
    await waitFor(() => !alive(orphan), { what: 'the end of the orphan' });
    await waitFor(() => !existsSync(dir), { what: 'the end of its directory' });
  });
});

describe('runToEnd', () => {
  it('gives input, output and the code', async () => {
    const result = await runToEnd({
      command: '/bin/sh',
      args: ['-c', 'cat; echo e >&2; exit 3'],
      input: 'in',
    });
    expect(result).toEqual({ code: 3, signal: null, stdout: 'in', stderr: 'e\n' });
  });

  it('ends what takes too long', async () => {
    await expect(runToEnd({ command: 'sleep', args: ['60'], timeoutMs: 100 })).rejects.toThrow(
      'sleep 60',
    );
  });
});

describe('program', () => {
  it('finds what is there and tells what is not', () => {
    expect(findProgram('sh')).toMatch(/\/sh$/);
    expect(skipReason('sh')).toBeUndefined();
    const reason = skipReason('sh', 'no-such-program');
    expect(titled('suite', reason)).toBe('suite (skipped: no-such-program is not installed)');
  });
});

describe('metrics', () => {
  it('are read with labels in any order, and summed', () => {
    const metrics = parseMetrics(
      '# HELP a b\na_total{y="2",x="1"} 3\na_total{x="2",y="2"} 4 1700000\nb +Inf\n',
    );
    expect(metrics.get(metricKey('a_total', { x: '1', y: '2' }))).toBe(3);
    expect(sumOf(metrics, 'a_total', { y: '2' })).toBe(7);
    expect(sumOf(metrics, 'b')).toBe(Number.POSITIVE_INFINITY);
  });
});
