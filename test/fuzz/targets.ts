/** All that is fuzzed. A target has a file of its own, so that a bundle of one holds nothing of another. */
import type { FuzzTarget } from './engine/target.ts';
import { admissionTarget } from './targets/admission.ts';
import { chunkedTarget } from './targets/chunked.ts';
import { configTarget } from './targets/config.ts';
import { fieldsTarget } from './targets/fields.ts';
import { gatewayTarget } from './targets/gateway.ts';
import { namesTarget } from './targets/names.ts';
import { ownTextTarget } from './targets/own-text.ts';
import { requestTarget } from './targets/request.ts';
import { requestTargetTarget } from './targets/request-target.ts';
import { responseTarget } from './targets/response.ts';
import { unitsTarget } from './targets/units.ts';

export interface ListedTarget {
  readonly target: FuzzTarget;
  /** Where it stands, for the bundle. */
  readonly module: string;
  readonly exported: string;
}

function listed(target: FuzzTarget, module: string, exported: string): ListedTarget {
  return { target, module: `targets/${module}.ts`, exported };
}

export const targets: readonly ListedTarget[] = [
  listed(requestTarget, 'request', 'requestTarget'),
  listed(responseTarget, 'response', 'responseTarget'),
  listed(chunkedTarget, 'chunked', 'chunkedTarget'),
  listed(fieldsTarget, 'fields', 'fieldsTarget'),
  listed(requestTargetTarget, 'request-target', 'requestTargetTarget'),
  listed(ownTextTarget, 'own-text', 'ownTextTarget'),
  listed(configTarget, 'config', 'configTarget'),
  listed(unitsTarget, 'units', 'unitsTarget'),
  listed(namesTarget, 'names', 'namesTarget'),
  listed(admissionTarget, 'admission', 'admissionTarget'),
  listed(gatewayTarget, 'gateway', 'gatewayTarget'),
];
