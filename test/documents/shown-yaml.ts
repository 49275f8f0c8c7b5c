/** The configurations and manifests that the documents show, and the files of `deploy/examples`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { injectFile } from '../../src/cli/inject.ts';
import { parseConfig } from '../../src/config/load.ts';
import { formatMistakes } from '../../src/config/mistake.ts';
import { blocksOf, documents, repository, type Shown } from './blocks.ts';

/** Whole configurations: what `sidepool check` reads. */
export function configurations(): Shown[] {
  const shown = documents.flatMap(blocksOf).filter(({ language }) => language === 'yaml');
  return [
    ...shown.filter(({ text }) => /^listeners:/m.test(text)),
    {
      path: 'deploy/examples/external-api/sidepool.yaml',
      line: 1,
      text: example('external-api/sidepool.yaml'),
    },
  ];
}

/** What is wrong with it, or nothing. */
export function check({ path, text }: Shown, authority: string): string {
  const parsed = parseConfig(text, {
    source: path,
    env: {},
    readFile: (file) => (file.endsWith('.pem') ? authority : 'secret'),
  });
  return parsed.ok ? '' : formatMistakes(path, parsed.mistakes);
}

export function manifests(): Shown[] {
  const shown = documents
    .flatMap(blocksOf)
    .filter(({ language }) => /^yaml\b/.test(language))
    // The rest is configurations, and the webhook's own selectors.
    .filter(({ text }) => /^kind: (?!Kustomization)|sidepool\.io\/upstreams:/m.test(text));
  const files = readdirSync(join(repository, 'deploy/examples'), {
    recursive: true,
    encoding: 'utf8',
  })
    .filter((name) => name.endsWith('.yaml') && !/kustomization|sidepool\.yaml$/.test(name))
    .sort();
  return [
    ...shown,
    ...files.map((name) => ({ path: `deploy/examples/${name}`, line: 1, text: example(name) })),
  ];
}

/** What `sidepool inject` says when the pod would go without, or nothing. */
export function inject({ text }: Shown): string {
  let said = '';
  const code = injectFile(
    {
      file: '-',
      injection: undefined,
      image: 'sidepool:test',
      isNativePossible: true,
      format: 'yaml',
    },
    {
      readFile: () => whole(text),
      out: () => undefined,
      err: (line) => {
        said += line;
      },
    },
  );
  return code === 0 ? '' : said || `exit code ${code}`;
}

/** Part of a pod becomes one. */
function whole(text: string): string {
  // A container that an annotation names must be there.
  const name = /exclude-containers: ([a-z-]+)/.exec(text)?.[1] ?? 'app';
  const spec = `spec: { containers: [{ name: ${name}, image: "app:1" }] }\n`;
  const pod = 'apiVersion: v1\nkind: Pod\n';
  if (/^metadata:/m.test(text) && !/^kind:/m.test(text)) return `${pod}${text}\n${spec}`;
  if (!/^kind:/m.test(text))
    return `${pod}metadata:\n  annotations:\n${indented(text, 4)}\n${spec}`;
  if (/^kind: Pod$/m.test(text) && !/^spec:/m.test(text)) return `${text}\n${spec}`;
  // kustomize makes this map out of a file.
  const wanted = /sidepool\.io\/upstreams: "?configMap:([a-z-]+)/.exec(text)?.[1];
  if (wanted === undefined || /^kind: ConfigMap$/m.test(text)) return text;
  const data = indented(example('external-api/sidepool.yaml'), 4);
  return `${text}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${wanted} }\ndata:\n  sidepool.yaml: |\n${data}`;
}

function indented(text: string, by: number): string {
  return text.replace(/^(?=.)/gm, ' '.repeat(by));
}

function example(name: string): string {
  return readFileSync(join(repository, 'deploy/examples', name), 'utf8');
}
