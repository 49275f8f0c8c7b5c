/** What of a ConfigMap an injection needs. */

import type { ConfigMapReading } from './inject.ts';
import { member, textAt } from './json.ts';
import { CONFIG_KEY } from './upstreams.ts';

export function readConfigMap(configMap: unknown): ConfigMapReading {
  const text = textAt(member(configMap, 'data'), CONFIG_KEY);
  return text === undefined
    ? { ok: false, why: `it has no key ${CONFIG_KEY}` }
    : { ok: true, text };
}
