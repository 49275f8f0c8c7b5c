import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { help, readControllerArguments } from '../../../src/controller/arguments.ts';

const env = { POD_NAMESPACE: 'sidepool', POD_NAME: 'controller-0' };
const read = (...words: string[]) => readControllerArguments(words, env);

describe('readControllerArguments', () => {
  it('has a default for everything but the file', () => {
    expect(read('--injection', 'f')).toEqual({
      name: 'run',
      options: {
        injectionFile: 'f',
        image: undefined,
        webhook: { kind: 'tcp', host: '::', port: 8443 },
        status: { kind: 'tcp', host: '::', port: 8080 },
        endpoints: null,
        namespace: 'sidepool',
        service: 'sidepool-controller',
        webhookConfiguration: 'sidepool',
        secret: 'sidepool-certificates',
        lease: 'sidepool-controller',
        certificateDir: undefined,
        authorityMs: 365 * 86_400_000,
        servingMs: 30 * 86_400_000,
        trustDelayMs: 300_000,
        resyncMs: 10_000,
        nodesIntervalMs: 60_000,
        alsoFor: [],
        drainMs: 5_000,
        kubeconfig: undefined,
        logLevel: 'info',
        identity: 'controller-0',
      },
    });
  });

  it.each([
    [
      ['--injection', 'f', '--ca-lifetime', '1y'],
      /--ca-lifetime: found "1y"; a whole number and its unit/,
    ],
    [['--injection', 'f', '--resync', '1ms'], /--resync: found "1ms"; a time from 50ms to 1d/],
    [['--injection', 'f', '--webhook', '8443'], /--webhook: found "8443"; an address/],
    [['--injection', 'f', '--log-level', 'loud'], /--log-level: found "loud"; one of trace/],
    [['--injektion', 'f'], /--injektion/],
    [[], /Give --injection FILE/],
  ])('%j: says what is meant', (words, says) => {
    expect(read(...words)).toMatch(says);
  });

  it('needs to know its namespace', () => {
    expect(readControllerArguments(['--injection', 'f'], {})).toMatch(
      /--namespace NAME, or set POD_NAMESPACE/,
    );
  });

  it('names every flag in its help, and docs/controller.md has the same', () => {
    expect(read('--help')).toEqual({ name: 'help' });
    expect(read('--version')).toEqual({ name: 'version' });
    const named = (text: string, pattern: RegExp) =>
      [...text.matchAll(pattern)].map(([, flag]) => flag).sort();
    const page = readFileSync(
      join(import.meta.dirname, '..', '..', '..', 'docs', 'controller.md'),
      'utf8',
    );
    const inHelp = named(help, /^ {2}(--[a-z-]+)/gm).filter((flag) => flag !== '--help');
    expect(inHelp.length).toBeGreaterThan(15);
    expect(named(page, /^\| `(--[a-z-]+)/gm)).toEqual(inHelp);
  });
});
