/**
 * Whether every kubelet of the cluster can run native sidecars. They are asked, since an older one would run the sidecar
 * as an init container that never ends, and the pod would wait for it for ever.
 */
import { listAt, member, textAt } from '../injection/json.ts';
import { type Api, ask } from './api.ts';

/** Native sidecars are on by default since then. */
const FIRST_MINOR = 29;
const PAGE = 500;

/** A table without the objects: what a node list would weigh, five thousand times, is left at the server. */
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';

export interface KubeletReading {
  readonly canAll: boolean;
  /** For the log: the versions that cannot, or none. */
  readonly tooOld: readonly string[];
}

/** Rejects when the API server does not say. */
export async function readKubelets(api: Api): Promise<KubeletReading> {
  const server = textAt(await ask(api, { method: 'GET', path: '/version' }), 'gitVersion') ?? '';
  const versions = new Set([server]);
  let next = '';
  do {
    const query = `limit=${PAGE}&includeObject=None${next === '' ? '' : `&continue=${encodeURIComponent(next)}`}`;
    const table = await ask(api, { method: 'GET', path: `/api/v1/nodes?${query}`, accept: TABLE });
    const column = listAt(table, 'columnDefinitions').findIndex(
      (definition) => textAt(definition, 'name') === 'Version',
    );
    for (const row of listAt(table, 'rows')) versions.add(String(listAt(row, 'cells')[column]));
    next = textAt(member(table, 'metadata'), 'continue') ?? '';
  } while (next !== '');
  const tooOld = [...versions].filter((version) => !canNative(version));
  return { canAll: tooOld.length === 0, tooOld };
}

/** A version that cannot be read cannot. */
export function canNative(version: string): boolean {
  const found = /^v?(\d+)\.(\d+)/.exec(version);
  if (found === null) return false;
  const [major, minor] = [Number(found[1]), Number(found[2])];
  return major > 1 || (major === 1 && minor >= FIRST_MINOR);
}
