/** An AdmissionReview in, an AdmissionReview out (admission.k8s.io/v1). Knows nothing of how either travels. */
import { messageOf } from '../../base/fault.ts';
import type { InjectionDefaults } from '../injection/defaults.ts';
import { type ConfigMapReading, configMapOf, inject, type Outcome } from '../injection/inject.ts';
import { isObject, listAt, member, textAt } from '../injection/json.ts';
import type { EndpointStreamPlace } from '../injection/upstreams.ts';

export interface ReviewContext {
  readonly defaults: InjectionDefaults;
  isNativePossible(): boolean;
  /** Null where there is none yet; left out where there will be none. */
  endpointStream?(): EndpointStreamPlace | null;
  /** Bounded in time; never rejects. */
  readConfigMap(namespace: string, name: string): Promise<ConfigMapReading>;
}

/** Who is told what, beside the API server. */
export interface Reviewed {
  readonly outcome: Outcome | { readonly kind: 'failed'; readonly why: string };
  readonly namespace: string;
  /** As far as it is known: a pod of a ReplicaSet has no name yet. */
  readonly podName: string | undefined;
  readonly generateName: string | undefined;
  readonly owner: OwnerReference | null;
  readonly isDryRun: boolean;
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

export interface ReviewAnswer {
  /** To be sent as JSON. */
  readonly body: unknown;
  readonly reviewed: Reviewed;
}

/** Warnings past 256 characters are cut by the API server; past 4096 in all they are dropped. */
const LONGEST_WARNING = 250;
const MOST_WARNINGS = 12;

/** RFC 1123's label. */
const namespaceForm = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Null when it is no review that can be answered. */
export async function review(
  document: unknown,
  context: ReviewContext,
): Promise<ReviewAnswer | null> {
  const request = member(document, 'request');
  const uid = textAt(request, 'uid');
  const isReview =
    textAt(document, 'apiVersion') === 'admission.k8s.io/v1' &&
    textAt(document, 'kind') === 'AdmissionReview';
  if (!isReview || uid === undefined) return null;
  const pod = member(request, 'object');
  const metadata = member(pod, 'metadata');
  const namespace = textAt(request, 'namespace') ?? textAt(metadata, 'namespace') ?? '';
  // It becomes a part of paths at the API server, and nobody has proved who sent this.
  if (namespace !== '' && !namespaceForm.test(namespace)) return null;
  const outcome = await outcomeOf(request, pod, { ...context, namespace });
  return {
    body: {
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid, ...responseTo(outcome) },
    },
    reviewed: {
      outcome,
      namespace,
      podName: textAt(metadata, 'name') ?? textAt(request, 'name'),
      generateName: textAt(metadata, 'generateName'),
      owner: ownerOf(metadata),
      isDryRun: member(request, 'dryRun') === true,
    },
  };
}

async function outcomeOf(
  request: unknown,
  pod: unknown,
  context: ReviewContext & { readonly namespace: string },
): Promise<Reviewed['outcome']> {
  const isPod = textAt(member(request, 'kind'), 'kind') === 'Pod';
  if (!isPod || textAt(request, 'operation') !== 'CREATE' || !isObject(pod))
    return { kind: 'not-asked', warnings: [] };
  try {
    const wanted = configMapOf(pod);
    const configMap =
      wanted === null ? undefined : await context.readConfigMap(context.namespace, wanted);
    const endpointStream = context.endpointStream?.() ?? null;
    return inject(pod, {
      defaults: context.defaults,
      isNativePossible: context.isNativePossible(),
      ...(configMap === undefined ? {} : { configMap }),
      ...(endpointStream === null ? {} : { endpointStream }),
    });
  } catch (error) {
    // A defect of ours must not keep anybody's pod from being created.
    return { kind: 'failed', why: messageOf(error) };
  }
}

function responseTo(outcome: Reviewed['outcome']): object {
  if (outcome.kind === 'failed')
    return { allowed: true, warnings: [warning(`not injected: a defect: ${outcome.why}`)] };
  if (outcome.kind === 'not-injected') {
    if (outcome.isStrict)
      return {
        allowed: false,
        status: {
          code: 403,
          reason: 'Forbidden',
          message: `sidepool: ${outcome.problems.join('; ')}`,
        },
      };
    const problems = outcome.problems.map((problem) => `not injected: ${problem}`);
    return { allowed: true, ...warnings([...problems, ...outcome.warnings]) };
  }
  if (outcome.kind === 'injected')
    return {
      allowed: true,
      patchType: 'JSONPatch',
      patch: Buffer.from(JSON.stringify(outcome.patch)).toString('base64'),
      ...warnings(outcome.warnings),
    };
  return { allowed: true, ...warnings(outcome.warnings) };
}

function warnings(texts: readonly string[]): { readonly warnings?: readonly string[] } {
  return texts.length === 0 ? {} : { warnings: texts.slice(0, MOST_WARNINGS).map(warning) };
}

function warning(text: string): string {
  const whole = `sidepool: ${text}`.replaceAll(/\s+/g, ' ');
  return whole.length <= LONGEST_WARNING ? whole : `${whole.slice(0, LONGEST_WARNING - 3)}...`;
}

function ownerOf(metadata: unknown): OwnerReference | null {
  for (const reference of listAt(metadata, 'ownerReferences')) {
    const [apiVersion, kind, name, uid] = ['apiVersion', 'kind', 'name', 'uid'].map((key) =>
      textAt(reference, key),
    );
    const isWhole = apiVersion !== undefined && kind !== undefined && name !== undefined;
    if (isWhole && uid !== undefined && member(reference, 'controller') === true)
      return { apiVersion, kind, name, uid };
  }
  return null;
}
