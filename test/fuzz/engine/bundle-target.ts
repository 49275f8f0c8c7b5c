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
  /** A bug to be put in, into the bundle alone. */
  readonly patch?: Patch | undefined;
  /** Without counters, to see what they are worth. */
  readonly isBlind?: boolean;
  readonly outfile: string;
}

/** `from` stands in the file once. */
export interface Patch {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

type Instrument = typeof import('./instrument.ts').instrument;

export async function bundleTarget(options: BundleOptions): Promise<Bundle> {
  let blind: string | null = null;
  let instrument: Instrument | null = null;
  if (options.isBlind === true) blind = 'it was asked for';
  else
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
    plugins: [loading(instrument, options, tally)],
    // What goes wrong is thrown.
    logLevel: 'silent',
  });
  return { counters: tally.counters, literals: [...tally.literals], blind };
}

function loading(
  instrument: Instrument | null,
  { alsoInstrument, patch }: BundleOptions,
  tally: { counters: number; literals: Set<string> },
): Plugin {
  return {
    name: 'loading',
    setup(builder) {
      builder.onLoad({ filter: /\.[cm]?[jt]s$/ }, ({ path }) => {
        const isOurs = sources.test(path) && !path.includes('node_modules');
        if (!isOurs && !alsoInstrument?.test(path)) return undefined;
        const text = patched(path, readFileSync(path, 'utf8'), patch);
        const loader = path.endsWith('.ts') ? 'ts' : 'js';
        if (instrument === null) return { contents: text, loader };
        const made = instrument(path, text, tally.counters);
        tally.counters += made.counters;
        for (const literal of made.literals) tally.literals.add(literal);
        return { contents: made.code, loader };
      });
    },
  };
}

function patched(path: string, text: string, patch: Patch | undefined): string {
  if (patch === undefined || !path.endsWith(patch.file)) return text;
  if (text.split(patch.from).length !== 2)
    throw new Error(`${patch.file}: "${patch.from}" does not stand there once: write the bug anew`);
  return text.replace(patch.from, () => patch.to);
}
