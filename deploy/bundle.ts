/**
 * Makes what runs: one CommonJS file an entry point, below `dist/`.
 *
 * A bundle and not seventy files, because the same code as separate modules costs half a second of start
 * and 27 MB. CommonJS, because Node starts it faster than an ES module and needs no shim for `require`.
 */
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { build, type Plugin } from 'esbuild';

const version: string = JSON.parse(readFileSync('package.json', 'utf8')).version;
const entries = ['cmd/sidepool.ts', 'cmd/gateway.ts', 'cmd/demo.ts', 'cmd/demo-origin.ts'];

/** An entry point that another one loads on demand stays a file of its own. */
const entriesApart: Plugin = {
  name: 'entries-apart',
  setup(builder) {
    builder.onResolve({ filter: /\/(gateway|demo)\.ts$/ }, (found) =>
      found.kind === 'dynamic-import' && found.importer.includes('/cmd/')
        ? { path: `./${basename(found.path, '.ts')}.cjs`, external: true }
        : undefined,
    );
  },
};

rmSync('dist', { recursive: true, force: true });
const made = await build({
  entryPoints: entries,
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node24',
  sourcemap: 'linked',
  legalComments: 'external',
  metafile: true,
  define: { SIDEPOOL_VERSION: JSON.stringify(version), 'import.meta.dirname': '__dirname' },
  plugins: [entriesApart],
  logLevel: 'warning',
});
chmodSync('dist/sidepool.cjs', 0o755);
writeFileSync('dist/meta.json', JSON.stringify(made.metafile));
