/**
 * Puts a counter into every branch of a source file, so that the fuzzer sees where an input went.
 *
 * Both ways of an `if`, every arm of `switch`, `?:`, `&&`, `||` and `??`, every body of a function, a loop and a
 * `catch`. The statement is `__c[N]++`; `__c` is put before the bundle by `bundle-target.ts`.
 */
import { parseSync } from 'oxc-parser';

export interface Instrumented {
  readonly code: string;
  /** The number of counters, of which the first is `firstCounter`. */
  readonly counters: number;
  /** Texts and numbers that the source compares with: the fuzzer's dictionary. */
  readonly literals: readonly string[];
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly body?: Node | readonly Node[] | null;
  readonly consequent?: Node | readonly Node[];
  readonly alternate?: Node | null;
  readonly right?: Node;
  readonly value?: unknown;
}

const LONGEST_LITERAL = 48;

export function instrument(path: string, source: string, firstCounter: number): Instrumented {
  const { program, errors } = parseSync(path, source);
  const [first] = errors;
  if (first !== undefined) throw new Error(`${path}: ${first.message}`);
  const marker = new Marker(firstCounter);
  marker.visit(program as unknown as Node);
  return {
    code: marker.insertInto(source),
    counters: marker.counters,
    literals: [...marker.literals],
  };
}

class Marker {
  readonly literals = new Set<string>();
  readonly #first: number;
  /** What goes in where; of several at one place the outer stands first. */
  readonly #insertions: { readonly at: number; readonly text: string; readonly isEnd: boolean }[] =
    [];
  counters = 0;

  constructor(first: number) {
    this.#first = first;
  }

  visit(node: Node): void {
    if (node.type.startsWith('Import') || node.type === 'TSEnumDeclaration') return;
    this.#mark(node);
    for (const child of Object.values(node)) {
      if (Array.isArray(child)) {
        for (const each of child) if (isNode(each)) this.visit(each);
      } else if (isNode(child)) this.visit(child);
    }
  }

  #mark(node: Node): void {
    switch (node.type) {
      case 'FunctionDeclaration':
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
      case 'CatchClause': {
        const body = node.body;
        if (!isNode(body)) return;
        if (body.type === 'BlockStatement' || body.type === 'FunctionBody') this.#enter(body);
        else this.#expression(body);
        return;
      }
      case 'IfStatement': {
        const { alternate } = node;
        // Before what is put inside: of what ends at one place, the inner end comes first.
        if (isNode(alternate)) this.#body(alternate);
        else this.#put(node.end, `else{${this.#count()}}`, true);
        this.#body(node.consequent as Node);
        return;
      }
      case 'ForStatement':
      case 'ForInStatement':
      case 'ForOfStatement':
      case 'WhileStatement':
      case 'DoWhileStatement':
        this.#body(node.body as Node);
        return;
      case 'SwitchCase': {
        const [statement] = node.consequent as readonly Node[];
        this.#put(statement?.start ?? node.end, this.#count(), statement === undefined);
        return;
      }
      case 'ConditionalExpression':
        this.#expression(node.consequent as Node);
        this.#expression(node.alternate as Node);
        return;
      case 'LogicalExpression':
        this.#expression(node.right as Node);
        return;
      case 'Literal':
        this.#literal(node.value);
        return;
      default:
    }
  }

  #literal(value: unknown): void {
    if (typeof value === 'number') this.literals.add(String(value));
    else if (typeof value === 'string' && value !== '' && value.length <= LONGEST_LITERAL)
      this.literals.add(value);
  }

  #enter(block: Node): void {
    this.#put(block.start + 1, this.#count(), false);
  }

  #body(statement: Node): void {
    if (statement.type === 'BlockStatement') {
      this.#enter(statement);
      return;
    }
    this.#put(statement.start, `{${this.#count()}`, false);
    this.#put(statement.end, '}', true);
  }

  #expression(node: Node): void {
    this.#put(node.start, `(__c[${this.#next()}]++,`, false);
    this.#put(node.end, ')', true);
  }

  #count(): string {
    return `__c[${this.#next()}]++;`;
  }

  #next(): number {
    this.counters += 1;
    return this.#first + this.counters - 1;
  }

  #put(at: number, text: string, isEnd: boolean): void {
    this.#insertions.push({ at, text, isEnd });
  }

  /** At one place: ends of inner nodes first, then ends of outer ones, then beginnings, outer ones first. */
  insertInto(source: string): string {
    const ordered = this.#insertions
      .map((each, index) => ({ ...each, index }))
      .sort((a, b) => {
        if (a.at !== b.at) return a.at - b.at;
        if (a.isEnd !== b.isEnd) return a.isEnd ? -1 : 1;
        return a.isEnd ? b.index - a.index : a.index - b.index;
      });
    let code = '';
    let from = 0;
    for (const { at, text } of ordered) {
      code += source.slice(from, at) + text;
      from = at;
    }
    return code + source.slice(from);
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value;
}
