/** What helm and kustomize make of the files, as objects. */
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { findClient, repository } from '../../cluster/support/clients.ts';
import { runToEnd } from '../../support/process.ts';

export const chart = join(repository, 'charts', 'sidepool');

// biome-ignore lint/suspicious/noExplicitAny: manifests of every kind; a wrong path fails its test.
type Loose = any;

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: Loose;
  readonly data: Loose;
  readonly rules: Loose;
  readonly webhooks: Loose;
}

export interface Render {
  readonly code: number | null;
  readonly text: string;
  /** What it said beside: why it failed. */
  readonly said: string;
}

export async function helm(...args: readonly string[]): Promise<Render> {
  const { code, stdout, stderr } = await runToEnd({ command: findClient('helm') ?? 'helm', args });
  return { code, text: stdout, said: stderr };
}

export function template(...options: readonly string[]): Promise<Render> {
  return helm('template', 'sidepool', chart, '--namespace', 'sidepool', ...options);
}

/** The objects of the chart, without those of `helm test`. */
export async function chartObjects(...options: readonly string[]): Promise<readonly Manifest[]> {
  const { code, text, said } = await template(...options);
  if (code !== 0) throw new Error(said);
  return objectsOf(text).filter(
    (each) => each.metadata.annotations?.['helm.sh/hook'] === undefined,
  );
}

export async function kustomizeObjects(folder: string): Promise<readonly Manifest[]> {
  const { code, stdout, stderr } = await runToEnd({
    command: findClient('kubectl') ?? 'kubectl',
    args: ['kustomize', folder],
  });
  if (code !== 0) throw new Error(stderr);
  return objectsOf(stdout);
}

export function objectsOf(text: string): readonly Manifest[] {
  return parseAllDocuments(text)
    .map((document) => document.toJSON() as Manifest | null)
    .filter((object) => object !== null);
}

export function theOnly(objects: readonly Manifest[], kind: string): Manifest {
  const found = objects.filter((each) => each.kind === kind);
  if (found.length !== 1 || found[0] === undefined)
    throw new Error(`${found.length} objects of kind ${kind}: one was expected`);
  return found[0];
}
