/** What is in the two bundles, by esbuild's own account. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..', '..');
let folder = '';
let inputs: (program: string) => readonly string[] = () => [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sidepool-bundles-'));
  execFileSync(process.execPath, ['deploy/bundle.ts', folder], { cwd: root });
  const { outputs } = JSON.parse(readFileSync(join(folder, 'meta.json'), 'utf8'));
  inputs = (program) => {
    const name = Object.keys(outputs).find((each) => each.endsWith(`/${program}.cjs`));
    // What esbuild left out of it entirely is listed with no bytes.
    const found: Record<string, { bytesInOutput: number }> = outputs[name ?? ''].inputs;
    return Object.keys(found).filter((each) => found[each]!.bytesInOutput > 0);
  };
});

afterAll(() => rmSync(folder, { recursive: true }));

const foreign = /@kubernetes|@peculiar|undici|openid|src\/controller\/(?!injection)/;

describe('the bundles', () => {
  it("the gateway's holds nothing of the controller and no Kubernetes client", () => {
    expect(inputs('gateway').length).toBeGreaterThan(50);
    expect(
      inputs('gateway').filter((each) => /@kubernetes|@peculiar|undici|src\/controller/.test(each)),
    ).toEqual([]);
  });

  it("the command line's holds the injection alone of the controller", () => {
    expect(inputs('sidepool').filter((each) => foreign.test(each))).toEqual([]);
    expect(
      inputs('sidepool').some((each) => each.endsWith('src/controller/injection/inject.ts')),
    ).toBe(true);
  });

  it("the controller's holds no data path, and little of the Kubernetes client", () => {
    const held = inputs('sidepool-controller');
    expect(
      held.filter((each) => /src\/(?:proxy|upstream|downstream|resilience|cli)\//.test(each)),
    ).toEqual([]);
    expect(held.some((each) => each.includes('@kubernetes/client-node/dist/config.js'))).toBe(true);
    expect(held.filter((each) => each.includes('client-node/dist/gen/models/'))).toEqual([]);
  });

  it.each(['sidepool', 'sidepool-controller'])('%s runs, and tells its version', (program) => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const said = execFileSync(process.execPath, [join(folder, `${program}.cjs`), '--version']);
    expect(said.toString()).toBe(`${version}\n`);
  });
});
