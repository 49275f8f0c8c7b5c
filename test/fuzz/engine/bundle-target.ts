/** One target and what it uses as one file of CommonJS, with counters where it was instrumented. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';

const fuzzFolder = join(import.meta.dirname, '..');
const sources = /\/src\/[^?]*\.ts$/;

export interface Bundle {
  readonly counters: number;
  readonly literals: readonly string[];
  /** Why it has no counters, or null. */
  readonly blind: string | null;
}

export interface BundleOptions {
  /** A module below this folder, and the export of it that is the target. */
  readonly module: string;
  readonly exported: string;
  readonly alsoInstrument?: RegExp | undefined;
  readonly outfile: string;
}

type Instrument = typeof import('./instrument.ts').instrument;

export async function bundleTarget(options: BundleOptions): Promise<Bundle> {
  let blind: string | null = null;
  let instrument: Instrument | null = null;
  try {
    // Its parser is a native module: there are machines on which it does not load.
    ({ instrument } = await import('./instrument.ts'));
  } catch (error) {
    blind = error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error);
  }
  const tally = { counters: 0, literals: new Set<string>() };
  await build({
    stdin: {
      contents: `export { ${options.exported} as target } from './${options.module}';`,
      resolveDir: fuzzFolder,
      loader: 'ts',
    },
    outfile: options.outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    banner: { js: 'const __c = globalThis.fuzzCounters;' },
    plugins: instrument === null ? [] : [counting(instrument, options.alsoInstrument, tally)],
    logLevel: 'error',
  });
  return { counters: tally.counters, literals: [...tally.literals], blind };
}

function counting(
  instrument: Instrument,
  also: RegExp | undefined,
  tally: { counters: number; literals: Set<string> },
): Plugin {
  return {
    name: 'counting',
    setup(builder) {
      builder.onLoad({ filter: /\.[cm]?[jt]s$/ }, ({ path }) => {
        if (!(sources.test(path) && !path.includes('node_modules')) && !also?.test(path))
          return undefined;
        const made = instrument(path, readFileSync(path, 'utf8'), tally.counters);
        tally.counters += made.counters;
        for (const literal of made.literals) tally.literals.add(literal);
        return { contents: made.code, loader: path.endsWith('.ts') ? 'ts' : 'js' };
      });
    },
  };
}
