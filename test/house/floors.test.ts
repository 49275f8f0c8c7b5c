/** The floor rules are held by lint: here each is broken on purpose, to see that lint says so. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

let house = '';

beforeAll(() => {
  house = mkdtempSync(join(tmpdir(), 'sidepool-house-'));
  const rules = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8'));
  writeFileSync(join(house, 'biome.json'), JSON.stringify({ ...rules, vcs: { enabled: false } }));
});

afterAll(() => rmSync(house, { recursive: true }));

/** What lint says of a file with this text, were it at this path. */
function lint(path: string, text: string): { readonly failed: boolean; readonly said: string } {
  const biome = join(root, 'node_modules', '.bin', 'biome');
  mkdirSync(dirname(join(house, path)), { recursive: true });
  writeFileSync(join(house, path), text);
  const run = spawnSync(biome, ['lint', path], { cwd: house, encoding: 'utf8' });
  // Long messages are broken into lines.
  return { failed: run.status !== 0, said: (run.stdout + run.stderr).replaceAll(/\s+/g, ' ') };
}

const breaches: readonly (readonly [string, string, RegExp])[] = [
  ['src/base/breach.ts', '../message/head.ts', /base imports nothing/],
  ['src/message/breach.ts', '../http1/input.ts', /message knows no protocol's bytes/],
  ['src/http1/breach.ts', 'node:net', /has no sockets/],
  ['src/resilience/breach.ts', '../upstream/carrier.ts', /resilience is pure policy/],
  [
    'src/downstream/breach.ts',
    '../upstream/carrier.ts',
    /client side never sees the upstream side/,
  ],
  [
    'src/upstream/breach.ts',
    '../downstream/handler.ts',
    /upstream side never sees the client side/,
  ],
  ['src/upstream/h1/breach.ts', '../../downstream/handler.ts', /upstream side never sees/],
  ['src/discovery/breach.ts', '../message/head.ts', /knows nothing of HTTP/],
  ['src/proxy/breach.ts', '../config/load.ts', /imports no configuration, metrics or logging/],
  ['src/proxy/breach.ts', 'pino', /Metrics and logs are telemetry's/],
  ['src/upstream/breach.ts', 'node:http', /data path is our own codec/],
  ['src/config/breach.ts', '../telemetry/telemetry.ts', /used by telemetry, controller and cli/],
  ['src/telemetry/breach.ts', '../cli/gateway.ts', /only cli wires it/],
  ['src/proxy/breach.ts', '@kubernetes/client-node', /Only the controller speaks/],
];

describe('the house', () => {
  it.each(breaches)('lint refuses %s that imports %s', (path, imported, reason) => {
    const { failed, said } = lint(path, `export * from '${imported}';\n`);
    expect(failed).toBe(true);
    expect(said).toMatch(reason);
  });

  it('lint accepts what the floors allow', () => {
    const { failed, said } = lint(
      'src/proxy/allowed.ts',
      "import { fault } from '../base/fault.ts';\n\nexport const made = fault('internal', 'gateway', 'x');\n",
    );
    expect(said).not.toMatch(/Floor rule/);
    expect(failed).toBe(false);
  });

  it.skipIf(!existsSync(join(root, 'dist', 'meta.json')))(
    "the gateway's bundle holds neither the demo's certificates nor a Kubernetes client",
    () => {
      const { outputs } = JSON.parse(readFileSync(join(root, 'dist', 'meta.json'), 'utf8'));
      const inputs = Object.keys(outputs['dist/gateway.cjs'].inputs);
      expect(inputs.length).toBeGreaterThan(50);
      expect(inputs.filter((each) => /@kubernetes|@peculiar|src\/cli\/demo/.test(each))).toEqual(
        [],
      );
    },
  );
});
