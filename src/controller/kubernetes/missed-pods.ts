/**
 * How many pods ask for a sidecar and have none: made while the webhook was away, or told why they get none. Only their
 * metadata is read. This is what "failing open" looks like from outside, so a gauge says it.
 */
import {
  INJECT_LABEL,
  NAMESPACE_LABEL,
  PREFIX,
  STATUS_ANNOTATION,
} from '../injection/annotations.ts';
import { listAt, member, textAt } from '../injection/json.ts';
import { type Api, ask } from './api.ts';

const METADATA = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
const PAGE = 500;
/** Pods that have ended need nothing any more. */
const LIVING = 'fieldSelector=status.phase!=Succeeded,status.phase!=Failed';

/** Rejects when the API server does not say. */
export async function countMissedPods(api: Api): Promise<number> {
  const namespaces: string[] = [];
  const enabled = encodeURIComponent(`${NAMESPACE_LABEL}=enabled`);
  for await (const each of listed(api, `/api/v1/namespaces?labelSelector=${enabled}`))
    namespaces.push(textAt(member(each, 'metadata'), 'name') ?? '');
  const disabled = new Set<string>();
  const refused = encodeURIComponent(`${NAMESPACE_LABEL}=disabled`);
  for await (const each of listed(api, `/api/v1/namespaces?labelSelector=${refused}`))
    disabled.add(textAt(member(each, 'metadata'), 'name') ?? '');
  let missed = 0;
  const notFalse = encodeURIComponent(`${INJECT_LABEL}!=false`);
  for (const namespace of namespaces)
    for await (const pod of listed(
      api,
      `/api/v1/namespaces/${namespace}/pods?${LIVING}&labelSelector=${notFalse}`,
    ))
      if (isMissed(pod)) missed += 1;
  const asked = encodeURIComponent(`${INJECT_LABEL}=true`);
  for await (const pod of listed(api, `/api/v1/pods?${LIVING}&labelSelector=${asked}`)) {
    const namespace = textAt(member(pod, 'metadata'), 'namespace') ?? '';
    const isCounted = namespaces.includes(namespace) || disabled.has(namespace);
    if (!isCounted && isMissed(pod)) missed += 1;
  }
  return missed;
}

function isMissed(pod: unknown): boolean {
  const annotations = member(member(pod, 'metadata'), 'annotations');
  const asks = member(annotations, `${PREFIX}upstreams`) !== undefined;
  return asks && member(annotations, STATUS_ANNOTATION) === undefined;
}

async function* listed(api: Api, path: string): AsyncGenerator<unknown> {
  let next = '';
  do {
    const more = next === '' ? '' : `&continue=${encodeURIComponent(next)}`;
    const page = await ask(api, {
      method: 'GET',
      path: `${path}&limit=${PAGE}${more}`,
      accept: METADATA,
    });
    yield* listAt(page, 'items');
    next = textAt(member(page, 'metadata'), 'continue') ?? '';
  } while (next !== '');
}
