/** The demo's entry point, apart from the gateway's: it brings its own TLS origin and certificates. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type DemoOptions, runDemo as run } from '../src/cli/demo/run-demo.ts';

export function runDemo(options: Omit<DemoOptions, 'programs'>): Promise<number> {
  const beside = (name: string): string => {
    // A bundle lies beside bundles, a source file beside source files.
    const bundle = join(import.meta.dirname, `${name}.cjs`);
    return existsSync(bundle) ? bundle : join(import.meta.dirname, `${name}.ts`);
  };
  return run({
    ...options,
    programs: { sidepool: beside('sidepool'), origin: beside('demo-origin') },
  });
}
