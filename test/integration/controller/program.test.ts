/** The controller as a program: what it says to a wrong call, before it has spoken to anybody. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runToEnd } from '../../support/process.ts';
import { makeTempDir } from '../../support/temp-dir.ts';

const program = join(import.meta.dirname, '..', '..', '..', 'cmd', 'controller.ts');
const directory = makeTempDir('program');

afterAll(() => directory.remove());

function run(...words: readonly string[]) {
  return runToEnd({
    command: process.execPath,
    args: [program, ...words],
    env: { POD_NAMESPACE: 'sidepool', KUBERNETES_SERVICE_HOST: '', KUBERNETES_SERVICE_PORT: '' },
    timeoutMs: 60_000,
  });
}

function file(name: string, text: string): string {
  writeFileSync(directory.file(name), text);
  return directory.file(name);
}

const kubeconfig = `
apiVersion: v1
kind: Config
current-context: c
clusters: [{ name: c, cluster: { server: "https://127.0.0.1:1" } }]
users: [{ name: u, user: { token: t } }]
contexts: [{ name: c, context: { cluster: c, user: u } }]
`;

describe('the controller as a program', () => {
  it('tells how to call it', async () => {
    const { code, stdout } = await run('--help');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Sidepool's controller/);
  });

  it('names what is wrong with a call, and exits with 2', async () => {
    expect(await run('--inject', 'x')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/Unknown option '--inject'.*\n.*--help/),
    });
    expect(await run('--injection', directory.file('none.yaml'))).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/ENOENT.*none\.yaml/),
    });
  });

  it('names every mistake of the file of defaults, with its place', async () => {
    const injection = file('injection.yaml', 'image: a\nwarm: lots\nlogLevl: info\n');
    const { code, stderr } = await run(
      ...['--injection', injection, '--kubeconfig', file('kubeconfig', kubeconfig)],
    );
    expect(code).toBe(2);
    expect(stderr).toContain('injection.yaml:2:7  warm: found "lots"; a whole number');
    expect(stderr).toContain(
      'injection.yaml:3:1  logLevl: found an unknown key; did you mean logLevel?',
    );
  });

  it('says which address cannot be had, and exits with 1', async () => {
    const { code, stderr } = await run(
      ...['--injection', file('right.yaml', 'image: a\n'), '--status', '192.0.2.1:8080'],
      ...['--kubeconfig', file('kubeconfig', kubeconfig)],
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/EADDRNOTAVAIL.*192\.0\.2\.1/);
  });
});
