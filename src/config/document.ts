/**
 * Text in, plain values out, with the place of each. YAML 1.2 and so JSON too; strict where YAML is generous: no
 * duplicate keys, no tags, no second document, no keys that are not text.
 */
import {
  type Alias,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLError,
} from 'yaml';
import { type Finding, type Mistake, type Path, pathText, shown } from './mistake.ts';

export interface TextDocument {
  readonly value: unknown;
  readonly mistakes: readonly Mistake[];
  /** Whether the text could be read at all; if not, `mistakes` say why and `value` means nothing. */
  readonly isReadable: boolean;
  /** Where a finding stands: its own place, or that of the nearest thing above it. */
  locate(finding: Finding): Mistake;
}

/** Aliases can make a small text into a huge value. */
const MOST_NODES = 100_000;
/** No option lies deeper than six levels. What walks through values calls itself for each. */
const MOST_LEVELS = 50;

export function readDocument(text: string): TextDocument {
  const counter = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: counter,
    prettyErrors: false,
    // Found by the reader below, which knows the path.
    uniqueKeys: false,
    schema: 'core',
    merge: false,
  });
  const reader = new Reader(document, counter);
  const errors: YAMLError[] = [...document.errors, ...document.warnings];
  const broken = errors.map((error) => reader.mistakeAt(error.pos[0], syntax(error)));
  const value = broken.length === 0 ? reader.value(document.contents, []) : undefined;
  if (broken.length === 0 && document.contents === null)
    broken.push({
      path: '',
      found: 'nothing in it',
      meant: 'listeners and upstreams are meant: see docs/configuration.md',
    });
  return {
    value,
    mistakes: [...broken, ...reader.mistakes],
    isReadable: broken.length === 0 && !reader.isTooLarge,
    locate: (finding) => reader.locate(finding),
  };
}

const tooDeep = ['values nested too deep', 'a file with fewer levels is meant'] as const;

function syntax(error: YAMLError): { found: string; meant: string } {
  if (error.code === 'MULTIPLE_DOCS')
    return { found: 'a second document (---)', meant: 'one document is meant' };
  if (error.code === 'TAG_RESOLVE_FAILED')
    return { found: 'a tag', meant: 'plain values are meant, without tags (!...)' };
  // The library's parser calls itself for each level, and tells the engine's error as one of the text.
  if (/call stack/.test(error.message)) return { found: tooDeep[0], meant: tooDeep[1] };
  return { found: 'broken YAML', meant: error.message };
}

interface Place {
  readonly key: number | null;
  readonly value: number | null;
}

class Reader {
  readonly mistakes: Mistake[] = [];
  isTooLarge = false;
  readonly #targets: ReadonlyMap<Alias, Node>;
  readonly #counter: LineCounter;
  readonly #places = new Map<string, Place>();
  readonly #open = new Set<unknown>();
  #nodes = 0;

  constructor(document: Document, counter: LineCounter) {
    this.#targets = aliasTargets(document);
    this.#counter = counter;
  }

  value(node: unknown, path: Path): unknown {
    this.#nodes += 1;
    if (this.#nodes > MOST_NODES) {
      if (!this.isTooLarge) this.#report(node, [], 'too many values', 'a smaller file is meant');
      this.isTooLarge = true;
      return undefined;
    }
    if (isAlias(node)) {
      const target = this.#targets.get(node);
      if (target !== undefined && !this.#open.has(target)) return this.value(target, path);
      this.#report(node, path, `*${node.source}`, 'an anchor that ends before this is meant');
      return undefined;
    }
    if (isScalar(node)) return node.value;
    if (path.length > MOST_LEVELS) {
      this.#report(node, [], ...tooDeep);
      return undefined;
    }
    this.#open.add(node);
    const value = isMap(node)
      ? this.#mapping(node.items, path)
      : isSeq(node)
        ? node.items.map((item, index) => this.#item(item, null, [...path, index]))
        : null;
    this.#open.delete(node);
    return value;
  }

  #mapping(pairs: readonly Pair[], path: Path): Record<string, unknown> {
    const mapping: Record<string, unknown> = {};
    for (const { key, value } of pairs) {
      const name = isScalar(key) ? key.value : key;
      if (typeof name !== 'string' && typeof name !== 'number' && typeof name !== 'boolean') {
        this.#report(key, path, `${shown(name)} as a key`, 'a name is meant');
        continue;
      }
      const at = [...path, String(name)];
      if (Object.hasOwn(mapping, String(name))) {
        this.#report(key, at, 'the key a second time', 'each key is meant once');
        continue;
      }
      // Defined, not assigned: a key of `__proto__` stays a key, and is found to be unknown.
      Object.defineProperty(mapping, String(name), {
        value: this.#item(value, key, at),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
    return mapping;
  }

  #item(node: unknown, key: unknown, path: Path): unknown {
    this.#places.set(JSON.stringify(path), { key: offset(key), value: offset(node) });
    return this.value(node, path);
  }

  #report(node: unknown, path: Path, found: string, meant: string): void {
    this.mistakes.push({
      ...this.mistakeAt(offset(node) ?? 0, { found, meant }),
      path: pathText(path),
    });
  }

  mistakeAt(at: number, says: { found: string; meant: string }): Mistake {
    const { line, col } = this.#counter.linePos(at);
    return { path: '', line, column: col, ...says };
  }

  locate({ path, at, found, meant }: Finding): Mistake {
    for (let length = path.length; length > 0; length -= 1) {
      const place = this.#places.get(JSON.stringify(path.slice(0, length)));
      // What is missing is looked for where its parent begins.
      const wantsKey = length < path.length || at === 'key';
      const where = wantsKey ? (place?.key ?? place?.value) : (place?.value ?? place?.key);
      if (where !== undefined && where !== null)
        return { ...this.mistakeAt(where, { found, meant }), path: pathText(path) };
    }
    return { ...this.mistakeAt(0, { found, meant }), path: pathText(path) };
  }
}

/**
 * What each alias stands for: the last node before it with that anchor. All at once, because the library's own way
 * looks through the whole file for each alias: 8,000 of them, in 24 KB, took 8 seconds, in which nobody is served.
 */
function aliasTargets(document: Document): Map<Alias, Node> {
  const anchored = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  // In the order of the text, and without a call for each level.
  const ahead: unknown[] = [document.contents];
  while (ahead.length > 0) {
    const node = ahead.pop();
    if (isAlias(node)) {
      const target = anchored.get(node.source);
      if (target !== undefined) targets.set(node, target);
      continue;
    }
    if (isNode(node) && node.anchor !== undefined) anchored.set(node.anchor, node);
    if (isPair(node)) ahead.push(node.value, node.key);
    else if (isCollection(node))
      for (let index = node.items.length - 1; index >= 0; index -= 1) ahead.push(node.items[index]);
  }
  return targets;
}

function offset(node: unknown): number | null {
  const range = (node as Node | null | undefined)?.range;
  return range?.[0] ?? null;
}
