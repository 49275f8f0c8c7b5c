/** What is installed, what of it runs, under which licences, and that two builds of the same are the same. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, type Metafile } from 'esbuild';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { makeTempDir } from '../support/temp-dir.ts';

// Programs are started: on a busy machine that takes its time.
vi.setConfig({ testTimeout: 120_000 });

const repository = join(import.meta.dirname, '..', '..');
const dir = makeTempDir('supply');
afterAll(() => dir.remove());

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
}

function json(path: string) {
  return JSON.parse(readFileSync(join(repository, path), 'utf8'));
}

const packages = Object.entries(
  json('package-lock.json').packages as Record<string, Locked>,
).filter(([path]) => path !== '');
const { allowScripts, dependencies, devDependencies } = json('package.json');

describe('the lock file', () => {
  it('has a hash for each package, and no address to fetch it from', () => {
    expect(packages.length).toBeGreaterThan(100);
    for (const [path, { integrity, resolved }] of packages) {
      expect(integrity, path).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/);
      expect(resolved, path).toBeUndefined();
    }
    expect(readFileSync(join(repository, 'package-lock.json'), 'utf8')).not.toMatch(
      /https?:\/\/[^"]*registry/,
    );
  });

  it('pins what is asked for', () => {
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies }))
      expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it('lets no package run a script on installation unless it was decided', () => {
    for (const [path, { hasInstallScript }] of packages) {
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
      if (hasInstallScript === true) expect(allowScripts, path).toHaveProperty([name]);
    }
  });
});

describe('licences', () => {
  /** Nothing is owed for running these but their text. */
  const free = new Set([
    'MIT',
    'Apache-2.0',
    'MIT OR Apache-2.0',
    'ISC',
    'BSD-2-Clause',
    'BSD-3-Clause',
    '0BSD',
    'BlueOak-1.0.0',
    'Unlicense',
    'CC0-1.0',
    'PSF-2.0',
  ]);
  /** Tools that are never shipped: as a compiler is used, whatever its licence. */
  const tools = new Set([...free, 'MPL-2.0', 'Python-2.0', 'CC-BY-4.0']);
  /** Their package.json has the old field `licenses`: MIT, each of them. */
  const untold = ['buildcheck', 'cpu-features', 'ssh2'];

  it('are known, and allow what is done', () => {
    for (const [path, { license, dev }] of packages) {
      if (untold.some((name) => path.endsWith(`node_modules/${name}`))) continue;
      expect([path, (dev === true ? tools : free).has(license ?? 'none')]).toEqual([path, true]);
    }
    for (const name of untold)
      expect(json(`node_modules/${name}/package.json`).licenses?.[0]?.type).toBe('MIT');
  });
});

async function bundled(entry: string): Promise<{ text: string; meta: Metafile }> {
  const made = await build({
    absWorkingDir: repository,
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    metafile: true,
    write: false,
    logLevel: 'silent',
    define: { SIDEPOOL_VERSION: '"0.0.0"', 'import.meta.dirname': '__dirname' },
  });
  return { text: made.outputFiles[0]?.text ?? '', meta: made.metafile };
}

function packagesOf({ inputs }: Metafile): string[] {
  const names = Object.keys(inputs).flatMap(
    (input) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? [],
  );
  return [...new Set(names)].sort();
}

describe('what runs in a pod', () => {
  it('holds these packages and no others', async () => {
    const { meta } = await bundled('cmd/gateway.ts');
    expect(packagesOf(meta)).toEqual([
      '@pinojs/redact',
      'atomic-sleep',
      'on-exit-leak-free',
      'pino',
      'pino-std-serializers',
      'prom-client',
      'quick-format-unescaped',
      'safe-stable-stringify',
      'sonic-boom',
      'thread-stream',
      'valibot',
      'yaml',
    ]);
  });

  it('is the same when it is built twice', async () => {
    const [first, second] = await Promise.all([
      bundled('cmd/gateway.ts'),
      bundled('cmd/gateway.ts'),
    ]);
    expect(first.text.length).toBeGreaterThan(100_000);
    expect(first.text === second.text).toBe(true);
  });

  it('evaluates no text as code, and runs no program', async () => {
    const { text } = await bundled('cmd/gateway.ts');
    // What pino's worker would need stands in its code, and is never called: there is no worker.
    const own = Object.entries((await bundled('cmd/gateway.ts')).meta.inputs).filter(([input]) =>
      input.startsWith('src/'),
    );
    expect(own.length).toBeGreaterThan(50);
    for (const [input, { imports }] of own) {
      const names = imports.map(({ path }) => path);
      expect([
        input,
        names.filter((name) => /child_process|node:vm$|worker_threads|node:inspector/.test(name)),
      ]).toEqual([input, []]);
      const source = readFileSync(join(repository, input), 'utf8');
      expect([input, /\beval\(|new Function\(/.test(source)]).toEqual([input, false]);
    }
    expect(text).not.toContain('child_process');
  });
});

describe('the bill of materials', () => {
  it('names what the bundle holds, by hash, no registry, and is the same each time', async () => {
    const { meta } = await bundled('cmd/gateway.ts');
    writeFileSync(dir.file('meta.json'), JSON.stringify(meta));
    const texts = ['a.json', 'b.json'].map((name) => {
      const run = spawnSync(
        process.execPath,
        ['deploy/sbom.ts', dir.file(name), dir.file('meta.json')],
        {
          cwd: repository,
          encoding: 'utf8',
          env: { ...process.env, SOURCE_DATE_EPOCH: '1750000000' },
        },
      );
      expect(run.stderr.replaceAll(/^npm warn .*\n/gm, '')).toBe('');
      return readFileSync(dir.file(name), 'utf8');
    });
    expect(texts[0]).toBe(texts[1]);
    const bom = JSON.parse(texts[0] ?? '');
    expect(bom).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.5' });
    expect(bom.metadata).toMatchObject({
      timestamp: '2025-06-15T15:06:40.000Z',
      component: { name: 'sidepool', type: 'application' },
    });
    const names = bom.components.map(({ name }: { name: string }) => name).sort();
    expect(names).toEqual([...packagesOf(meta), 'node'].sort());
    for (const { name, hashes, licenses } of bom.components) {
      if (name !== 'node') expect(hashes?.[0]?.content, name).toMatch(/^[0-9a-f]{128}$/);
      expect(licenses?.length, name).toBeGreaterThan(0);
    }
    expect(texts[0]).not.toMatch(/registry|"distribution"/);
  });
});
