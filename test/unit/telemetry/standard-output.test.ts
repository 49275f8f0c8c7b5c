import { closeSync, openSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { StandardOutput } from '../../../src/telemetry/standard-output.ts';
import { TempDir } from '../../support/temp-dir.ts';
import { waitFor } from '../../support/wait-for.ts';

const directory = new TempDir('output');
afterEach(() => directory.remove());

describe('StandardOutput', () => {
  it('writes lines in order, and drops those past what may wait', async () => {
    const path = directory.file('log');
    const fd = openSync(path, 'w');
    const output = new StandardOutput(fd);
    const padding = 'ä'.repeat(1000);
    // The first goes out at once; of the rest, one turn's worth has to wait.
    for (let n = 0; n < 3000; n += 1) output.write(`${n} ${padding}\n`);
    const numbers = () =>
      readFileSync(path, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => Number.parseInt(line, 10));
    await waitFor(() => numbers().length > 1000);
    output.write(`3000 ${padding}\n`);
    const written = await waitFor(() => numbers().at(-1) === 3000 && numbers());
    closeSync(fd);
    expect(written.length).toBeGreaterThan(1000);
    expect(written.length).toBeLessThan(1100);
    expect(written.slice(0, -1)).toEqual(written.slice(0, -1).map((_, index) => index));
  });

  it('offers half of its room to lines that matter less, in order with the others', async () => {
    const room = new TempDir('offered');
    const path = room.file('log');
    const fd = openSync(path, 'w');
    const output = new StandardOutput(fd);
    const half = Buffer.from(`${'a'.repeat(512 * 1024 - 20)}\n`);
    output.write('first\n');
    expect(output.offer(half)).toBe(true);
    expect(output.offer(Buffer.from(`${'b'.repeat(100)}\n`))).toBe(false);
    output.write('a fault all the same\n');
    const text = () => readFileSync(path, 'utf8');
    const written = await waitFor(() => text().endsWith('same\n') && text());
    closeSync(fd);
    room.remove();
    expect(written.split('\n').map((line) => line.slice(0, 5))).toEqual([
      'first',
      'aaaaa',
      'a fau',
      '',
    ]);
  });

  it('takes a descriptor that cannot be written in silence', async () => {
    const fd = openSync('/dev/full', 'w');
    const output = new StandardOutput(fd);
    const longest = 'x'.repeat(1024 * 1024 - 1);
    output.write('one\n');
    // Were the lines kept for a device that takes none, this would be a gigabyte; and an error would be uncaught.
    const before = process.memoryUsage().rss;
    for (let n = 0; n < 1000; n += 1) {
      output.write(`${longest}${n % 10}`);
      if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
  });
});
