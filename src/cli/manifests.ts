/**
 * Manifests in and out. Read as kubectl reads them, which is YAML 1.1: `on` is a boolean there and 0644 is octal. Comments
 * and order are kept, save in a document with anchors, whose copies would be changed together.
 */
import { Document, isAlias, isCollection, isMap, isSeq, parseAllDocuments, visit } from 'yaml';
import type { Patch } from '../controller/injection/patch.ts';

export interface Manifest {
  readonly value: unknown;
  apply(patch: Patch): void;
  toYaml(): string;
  toJson(): string;
}

const options = {
  version: '1.1',
  // As in Kubernetes: no dates, no numbers to the base of 60.
  customTags: (tags: unknown[]) => tags.filter((tag) => !isUnwanted(tag)),
} as const;

function isUnwanted(tag: unknown): boolean {
  if (tag === 'timestamp') return true;
  if (typeof tag !== 'object' || tag === null) return false;
  return (
    ('tag' in tag && tag.tag === 'tag:yaml.org,2002:timestamp') ||
    ('format' in tag && tag.format === 'TIME')
  );
}

/** Throws with line and column when the text is no YAML. Empty documents are left out. */
export function readManifests(text: string): readonly Manifest[] {
  const documents = parseAllDocuments(text, options as object);
  if (!Array.isArray(documents)) return [];
  return documents
    .map((document) => {
      const [error] = document.errors;
      if (error !== undefined) throw new Error(error.message);
      return new YamlManifest(document);
    })
    .filter(({ value }) => value !== null);
}

class YamlManifest implements Manifest {
  readonly value: unknown;
  #document: Document;

  constructor(document: Document) {
    this.#document = hasAliases(document)
      ? new Document(document.toJS(), { ...options, aliasDuplicateObjects: false } as object)
      : document;
    this.value = this.#document.toJS();
  }

  apply(patch: Patch): void {
    for (const { path, value } of patch) {
      const keys = path
        .split('/')
        .slice(1)
        .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
      const last = keys.pop() ?? '';
      const parent = keys.reduce<unknown>(
        (node, key) =>
          isCollection(node) ? node.get(isSeq(node) ? Number(key) : key, true) : null,
        this.#document.contents,
      );
      const node = this.#document.createNode(value, { aliasDuplicateObjects: false });
      if (isSeq(parent)) parent.items.splice(Number(last), 0, node);
      else if (isMap(parent)) parent.set(last, node);
      else throw new Error(`there is nothing at ${path} to add to`);
      if (isCollection(parent)) parent.flow = false;
    }
  }

  readonly toYaml = (): string => {
    const text = this.#document.toString({ lineWidth: 0, directives: false });
    return text.startsWith('---\n') ? text.slice(4) : text;
  };

  readonly toJson = (): string => JSON.stringify(this.#document.toJS(), null, 2);
}

function hasAliases(document: Document): boolean {
  let found = false;
  visit(document, (_, node) => {
    if (!isAlias(node)) return undefined;
    found = true;
    return visit.BREAK;
  });
  return found;
}
