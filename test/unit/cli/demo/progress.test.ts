import { describe, expect, it } from 'vitest';
import { Progress } from '../../../../src/cli/demo/progress.ts';

function screen(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, written, write: (text: string) => written.push(text) };
}

describe('the progress bar', () => {
  it('writes nothing where there is no terminal', () => {
    const file = screen(false);
    const progress = new Progress(file, 'directly', 10);
    progress.show(5);
    progress.end();
    expect(file.written).toEqual([]);
  });

  it('fills up, and leaves no trace', () => {
    const terminal = screen(true);
    const progress = new Progress(terminal, 'directly', 2_000);
    progress.show(1_000);
    progress.end();
    expect(terminal.written).toEqual([
      `\rdirectly           ${'█'.repeat(15)}${'░'.repeat(15)} 1,000 of 2,000`,
      '\r\u001b[K',
    ]);
  });

  it('does not draw for each request', () => {
    const terminal = screen(true);
    const progress = new Progress(terminal, 'directly', 1_000);
    for (let done = 1; done <= 1_000; done++) progress.show(done);
    expect(terminal.written.length).toBeLessThan(50);
  });
});
