import { accessSync, constants, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runToEnd } from '../../support/process.ts';
import { makeTempDir, type TempDir } from '../../support/temp-dir.ts';

const repository = join(import.meta.dirname, '..', '..', '..');

function sidepool(...args: string[]) {
  return runToEnd({
    command: process.execPath,
    args: [join(repository, 'cmd/sidepool.ts'), ...args],
    cwd: repository,
  });
}

let dir: TempDir;
beforeAll(() => {
  dir = makeTempDir('cli');
});
afterAll(() => dir.remove());

function file(name: string, text: string): string {
  const path = dir.file(name);
  writeFileSync(path, text);
  return path;
}

describe('asking for something to read', () => {
  it('prints the help', async () => {
    const { code, stdout, stderr } = await sidepool('--help');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const command of ['gateway', 'check', 'demo', '--version']) {
      expect(stdout).toContain(`sidepool ${command}`.replace('sidepool --v', '| --v'));
    }
  });

  it('prints the version', async () => {
    const { code, stdout } = await sidepool('--version');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('a wrong call', () => {
  it.each([
    [['gate'], 'no command'],
    [['gateway'], '--listen ADDR'],
    [['gateway', '--listen', '127.0.0.1:1'], 'pairs'],
    [['gateway', '--bogus'], '--bogus'],
    [['check'], 'check FILE'],
    [['demo', '--requests', '1'], '--requests'],
  ])('%j ends with 2, a reason and a pointer to the help', async (args, reason) => {
    const { code, stdout, stderr } = await sidepool(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(reason);
    expect(stderr).toContain('sidepool --help');
  });

  it('an address and a URL that are none end with 2, both told', async () => {
    const { code, stderr } = await sidepool('gateway', '--listen', 'here', '--upstream', 'there');
    expect(code).toBe(2);
    expect(stderr).toMatch(/--listen: found "here"/);
    expect(stderr).toMatch(/--upstream: found "there"/);
  });
});

describe('the admin address of the command line beside a file', () => {
  it('that is none ends with 2, and is told as what it is', async () => {
    const path = file('any.yaml', 'listeners: []\n');
    const { code, stderr } = await sidepool('gateway', '--config', path, '--admin', 'here');
    expect(code).toBe(2);
    expect(stderr).toMatch(/--admin: found "here"; an address/);
  });
});

const sixMistakes = `listeners:
  - address: 0.0.0.0:15101
    upstream: apj
upstreams:
  api:
    url: ftp://api.example.com
    pool: { warm: two, maxconnections: 4 }
    timeouts: { connect: 2 }
`;

/** Line and column, where it is, and what is said of it. */
const told = [
  /:2:14 +listeners\[0\]\.address: found "0\.0\.0\.0:15101"; .*loopback/,
  /:3:15 +listeners\[0\]\.upstream: found "apj"; .*api/,
  /:6:10 +upstreams\.api\.url: found "ftp:.*http or https/,
  /:7:19 +upstreams\.api\.pool\.warm: found "two"; .*whole number/,
  /:7:24 +upstreams\.api\.pool\.maxconnections: .*maxConnections\?/,
  /:8:26 +upstreams\.api\.timeouts\.connect: found 2; .*2s/,
] as const;

describe('a configuration', () => {
  it.each(['check', 'gateway'])(
    'with six mistakes: %s tells all six at their places and ends with 2',
    async (command) => {
      const path = file('wrong.yaml', sixMistakes);
      const args = command === 'check' ? ['check', path] : ['gateway', '--config', path];
      const { code, stdout, stderr } = await sidepool(...args);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      const lines = stderr.trimEnd().split('\n');
      expect(lines).toHaveLength(told.length);
      for (const [index, pattern] of told.entries()) {
        expect(lines[index]).toMatch(pattern);
        expect(lines[index]?.startsWith(path)).toBe(true);
      }
    },
  );

  it('that is right is said to be so', async () => {
    const path = file(
      'right.yaml',
      'listeners: [{ address: "127.0.0.1:15101", upstream: api }]\nupstreams: { api: { url: "https://api.example.com" } }\n',
    );
    const { code, stdout, stderr } = await sidepool('check', path);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(`${path}: right, with 1 listener and 1 upstream.\n`);
  });

  it.each(['check', 'gateway'])('that is not there ends %s with 2', async (command) => {
    const path = dir.file('none.yaml');
    const args = command === 'check' ? ['check', path] : ['gateway', '--config', path];
    const { code, stderr } = await sidepool(...args);
    expect({ code, stderr }).toEqual({ code: 2, stderr: `${path}: there is no such file.\n` });
  });

  it('that is no YAML ends with 2 and the line', async () => {
    const path = file('broken.yaml', 'listeners:\n  - address: [1\nupstreams: {}\n');
    const { code, stderr } = await sidepool('check', path);
    expect(code).toBe(2);
    expect(stderr).toMatch(/broken\.yaml:[23]/);
  });
});

describe('the bundle', () => {
  const bundle = join(repository, 'dist/sidepool.cjs');

  it('may be run', () => {
    expect(() => accessSync(bundle, constants.X_OK)).not.toThrow();
  });

  it('has no certificates made in the gateway, and no metrics in the demo', () => {
    const { outputs } = JSON.parse(readFileSync(join(repository, 'dist/meta.json'), 'utf8'));
    const packagesOf = (name: string) => Object.keys(outputs[`dist/${name}`].inputs).join('\n');
    expect(packagesOf('gateway.cjs')).toContain('/prom-client/');
    expect(packagesOf('gateway.cjs')).not.toContain('/@peculiar/');
    expect(packagesOf('demo.cjs')).toContain('/@peculiar/');
    expect(packagesOf('demo.cjs')).not.toContain('/prom-client/');
  });

  it('is what npx runs', async () => {
    const { code, stdout } = await runToEnd({
      command: 'npx',
      args: ['--no-install', 'sidepool', '--version'],
      cwd: repository,
      // One of its own: what a run that was ended has left of it would be in the way.
      env: { ...process.env, npm_config_cache: dir.file('npm') },
      timeoutMs: 60_000,
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  }, 90_000);
});
