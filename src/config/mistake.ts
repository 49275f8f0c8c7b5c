/** A mistake in the configuration as data: where it stands, what was found there and what is meant. */

/** Keys from the top of the file down; a number is a place in a list, counted from 0. */
export type Path = readonly (string | number)[];

export interface Mistake {
  /** As a person writes it: `upstreams.api.pool.warm`, `listeners[0].address`. Empty for the file as a whole. */
  readonly path: string;
  /** Counted from 1; absent where there is no file. */
  readonly line?: number;
  readonly column?: number;
  /** Never a secret: what was substituted is shown as its reference. */
  readonly found: string;
  /** The end of the sentence: what is meant, and what to write. */
  readonly meant: string;
}

/** A mistake before its place in the text is known. */
export interface Finding {
  readonly path: Path;
  /** Whether the key is wrong (and to be pointed at), or the value. */
  readonly at: 'key' | 'value';
  readonly found: string;
  readonly meant: string;
}

/** More than anybody mends at a time; a broken file can have tens of thousands. */
const MOST_SHOWN = 100;

/** One line for each: `sidepool.yaml:12:13  upstreams.api.pool.warm: found "two"; a whole number ... is meant`. */
export function formatMistakes(source: string, mistakes: readonly Mistake[]): string {
  const lines = mistakes
    .slice(0, MOST_SHOWN)
    .map((mistake) => onOneLine(formatMistake(source, mistake)));
  const more = mistakes.length - lines.length;
  return [...lines, ...(more > 0 ? [`${source}  and ${more} more`] : [])].join('\n');
}

/** What a terminal or a log would obey, or that turns text around on a screen, is written as its number. */
function onOneLine(text: string): string {
  return text.replaceAll(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
    /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function formatMistake(source: string, { path, line, column, found, meant }: Mistake): string {
  const place = line === undefined ? source : `${source}:${line}:${column ?? 1}`;
  const subject = path === '' ? '' : `${path}: `;
  return `${place}  ${subject}found ${found}; ${meant}`;
}

export function pathText(path: Path): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`;
    else if (/^[A-Za-z0-9_-]+$/.test(key)) text += text === '' ? key : `.${key}`;
    else text += `[${JSON.stringify(key)}]`;
  }
  return text;
}

/** Whether one lies above the other, or both are the same. */
export function touches(a: Path, b: Path): boolean {
  const shared = Math.min(a.length, b.length);
  for (let index = 0; index < shared; index += 1) if (a[index] !== b[index]) return false;
  return true;
}

const LONGEST_QUOTE = 80;

/** A value as a mistake quotes it: without what may be a password in a URL, or a key. */
export function shown(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value !== 'string') return String(value);
  if (value.includes('-----BEGIN ')) return 'PEM text, which is hidden here';
  const text = withoutCredentials(value);
  return JSON.stringify(text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}...` : text);
}

/** Without what stands before `@` in `user:password@host`, and without a query. */
function withoutCredentials(text: string): string {
  const at = text.lastIndexOf('@');
  const colon = text.indexOf(':');
  const plain = colon !== -1 && colon < at ? `[hidden]${text.slice(at)}` : text;
  const query = plain.indexOf('?');
  return query === -1 ? plain : `${plain.slice(0, query)}?[hidden]`;
}
