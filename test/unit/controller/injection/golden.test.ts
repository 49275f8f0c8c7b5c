/**
 * Golden pods: each `test/golden/NAME.yaml` with what becomes of it in `NAME.expected.yaml`. To write the expected files
 * anew, after looking at why: `SIDEPOOL_GOLDEN=update npx vitest run test/unit/controller/injection/golden.test.ts`.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { readConfigMap } from '../../../../src/controller/injection/config-map.ts';
import { configMapOf, inject } from '../../../../src/controller/injection/inject.ts';
import { configMapsOf, podsOf } from '../../../../src/controller/injection/manifest.ts';
import { applyPatch, sampleDefaults } from '../../../support/injection.ts';

const { SIDEPOOL_GOLDEN } = process.env;
const isUpdate = SIDEPOOL_GOLDEN === 'update';

const folder = join(import.meta.dirname, '..', '..', '..', 'golden');
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.yaml') && !file.endsWith('.expected.yaml'))
  .map((file) => file.slice(0, -'.yaml'.length));

const endpointStream = {
  server: 'https://sidepool-controller.sidepool.svc:8444',
  ca: '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n',
};

function outcomeOf(name: string) {
  const text = readFileSync(join(folder, `${name}.yaml`), 'utf8');
  const documents = parseAllDocuments(text).map((document) => document.toJS());
  const [first] = documents;
  const [each] = podsOf(first);
  const configMaps = new Map(documents.flatMap((document) => [...configMapsOf(document)]));
  const isNativePossible = !/^# cluster: old$/m.test(text);
  const call = (pod: unknown) => {
    const wanted = configMapOf(pod);
    const configMap =
      wanted !== null && configMaps.has(wanted)
        ? readConfigMap(configMaps.get(wanted))
        : ({ ok: false, why: 'there is none of that name' } as const);
    return inject(pod, {
      defaults: sampleDefaults,
      isNativePossible,
      configMap,
      ...(/^# stream: on$/m.test(text) ? { endpointStream } : {}),
    });
  };
  return { pod: each!.pod, call, outcome: call(each!.pod) };
}

describe('golden pods', () => {
  it('are at least twenty', () => {
    expect(names.length).toBeGreaterThanOrEqual(20);
  });

  it.each(names)('%s', (name) => {
    const file = join(folder, `${name}.expected.yaml`);
    const made = stringify(outcomeOf(name).outcome, { lineWidth: 0, aliasDuplicateObjects: false });
    if (isUpdate) writeFileSync(file, made);
    expect(existsSync(file), `${file} is missing: see the head of this test`).toBe(true);
    expect(made).toBe(readFileSync(file, 'utf8'));
  });

  it.each(names)('%s: patched, it needs no patch', (name) => {
    const { pod, call, outcome } = outcomeOf(name);
    if (outcome.kind !== 'injected') return;
    const again = call(applyPatch(pod, outcome.patch));
    expect(again.kind).toBe('unchanged');
  });
});
