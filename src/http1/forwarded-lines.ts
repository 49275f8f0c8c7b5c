/**
 * The field lines of a head that are passed on, as they came, in their order and case. Hop-by-hop fields and what the
 * next writer sets itself are left out (RFC 9110 7.6.1); neighbouring lines that stay are copied in one piece.
 */
import { FieldId, type FieldTable } from '../message/fields.ts';

/** Which known fields are left out, by id: 1 for left out. */
export type LeftOut = Uint8Array;

export function leftOut(ids: readonly FieldId[]): LeftOut {
  const table = new Uint8Array(32);
  for (const id of ids) table[id] = 1;
  return table;
}

/** Field lines without those of these names, given in lower case. */
export function linesWithout(lines: string, removed: ReadonlySet<string> | null): string {
  if (removed === null || lines === '') return lines;
  return lines
    .split(/(?<=\r\n)/)
    .filter((line) => !removed.has(line.slice(0, line.indexOf(':')).toLowerCase()))
    .join('');
}

/** `names` are further fields to leave out, in lower case: those that Connection named, or that configuration removes. */
export function forwardedLines(
  fields: FieldTable,
  out: LeftOut,
  names: readonly string[] | null,
  removed: ReadonlySet<string> | null,
): string {
  if (fields.hasImproperLine) return rebuiltLines(fields, out, names, removed);
  const byName = names !== null || removed !== null;
  const count = fields.count;
  let lines = '';
  let runStart = -1;
  for (let index = 0; index < count; index += 1) {
    const keeps =
      out[fields.id(index)] === 0 && !(byName && isNamed(fields.name(index), names, removed));
    if (keeps && runStart === -1) runStart = fields.lineStart(index);
    else if (!keeps && runStart !== -1) {
      lines += fields.text.slice(runStart, fields.lineStart(index));
      runStart = -1;
    }
  }
  if (runStart !== -1) lines += fields.text.slice(runStart, fields.lineEnd(count - 1));
  return lines;
}

/** RFC 9112 5.1: the white space that stood before a colon is not passed on. */
function rebuiltLines(
  fields: FieldTable,
  out: LeftOut,
  names: readonly string[] | null,
  removed: ReadonlySet<string> | null,
): string {
  let lines = '';
  for (let index = 0; index < fields.count; index += 1) {
    const name = fields.name(index);
    if (out[fields.id(index)] === 1 || isNamed(name, names, removed)) continue;
    lines += `${name}: ${fields.value(index)}\r\n`;
  }
  return lines;
}

function isNamed(
  name: string,
  names: readonly string[] | null,
  removed: ReadonlySet<string> | null,
): boolean {
  const lower = name.toLowerCase();
  return (names?.includes(lower) ?? false) || (removed?.has(lower) ?? false);
}

export const hopByHop: readonly FieldId[] = [
  FieldId.connection,
  FieldId.keepAlive,
  FieldId.proxyConnection,
  FieldId.te,
  FieldId.transferEncoding,
  FieldId.upgrade,
  FieldId.proxyAuthorization,
  FieldId.proxyAuthenticate,
  FieldId.http2Settings,
];
