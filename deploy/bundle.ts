/**
 * Makes what runs: one CommonJS file an entry point, below `dist/`, or below the folder that is named on the command line.
 *
 * A bundle and not seventy files, because the same code as separate modules costs half a second of start
 * and 27 MB. CommonJS, because Node starts it faster than an ES module and needs no shim for `require`.
 */
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build, type Plugin } from 'esbuild';

const version: string = JSON.parse(readFileSync('package.json', 'utf8')).version;
const outdir = process.argv[2] ?? 'dist';
const entries = {
  sidepool: 'cmd/sidepool.ts',
  gateway: 'cmd/gateway.ts',
  demo: 'cmd/demo.ts',
  'demo-origin': 'cmd/demo-origin.ts',
  'sidepool-controller': 'cmd/controller.ts',
};

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

/**
 * Of the Kubernetes client's six hundred generated classes, two are used. Its modules do nothing by being loaded, which the
 * package does not say of itself: told so, esbuild leaves out what nobody calls.
 */
const kubernetesClient: Plugin = {
  name: 'kubernetes-client',
  setup(builder) {
    builder.onResolve({ filter: /./ }, async ({ path, importer, kind, resolveDir, pluginData }) => {
      const isOfClient =
        /[\\/]@kubernetes[\\/]client-node[\\/]/.test(importer) && path.startsWith('.');
      if (pluginData === 'seen' || !(isOfClient || path === '@kubernetes/client-node')) return;
      const found = await builder.resolve(path, { importer, kind, resolveDir, pluginData: 'seen' });
      return { ...found, sideEffects: false };
    });
  },
};

rmSync(outdir, { recursive: true, force: true });
const made = await build({
  entryPoints: entries,
  outdir,
  outExtension: { '.js': '.cjs' },
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node24',
  sourcemap: 'linked',
  legalComments: 'external',
  metafile: true,
  define: { SIDEPOOL_VERSION: JSON.stringify(version), 'import.meta.dirname': '__dirname' },
  plugins: [entriesApart, kubernetesClient],
  logLevel: 'warning',
});
for (const program of ['sidepool', 'sidepool-controller'])
  chmodSync(join(outdir, `${program}.cjs`), 0o755);
writeFileSync(join(outdir, 'meta.json'), JSON.stringify(made.metafile));
