/** docs/security.md names the tests that show each defence: they must be there. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const repository = join(import.meta.dirname, '..', '..');
const text = readFileSync(join(repository, 'docs', 'security.md'), 'utf8');

interface Threat {
  readonly threat: string;
  readonly defence: string;
  readonly shown: string;
}

/** Rows of three cells: of the tables of threats, not of who is there. */
const threats: Threat[] = text
  .slice(text.indexOf('## Threats'))
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| Threat |'))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
  .map(([threat = '', defence = '', shown = '']) => ({ threat, defence, shown }));

describe('docs/security.md', () => {
  it('has threats of every kind', () => {
    expect(threats.length).toBeGreaterThan(40);
    for (const word of [
      'SSRF',
      'smuggling',
      'CSRF',
      'rebinding',
      'splitting',
      'controller',
      '__proto__',
    ])
      expect(text.toLowerCase()).toContain(word.toLowerCase());
  });

  it.each(threats)('$threat: $shown', ({ defence, shown }) => {
    expect(defence).not.toBe('');
    // Nothing can be tested of what nobody wrote.
    if (shown.startsWith('by reading')) return;
    const pieces = [...shown.matchAll(/`([^`]+)`|"([^"]+)"/g)];
    expect(pieces.length).toBeGreaterThan(0);
    let file = '';
    for (const [, path, name] of pieces) {
      if (path !== undefined) {
        expect([path, existsSync(join(repository, path))]).toEqual([path, true]);
        file = readFileSync(join(repository, path), 'utf8');
      } else expect([name, file.includes(name ?? '')]).toEqual([name, true]);
    }
  });
});
