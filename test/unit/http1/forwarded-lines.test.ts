import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forwardedLines, hopByHop, leftOut } from '../../../src/http1/forwarded-lines.ts';
import { FieldId, FieldTable } from '../../../src/message/fields.ts';

const out = leftOut([...hopByHop, FieldId.host]);

describe('forwardedLines', () => {
  it('is empty for an empty table', () => {
    expect(forwardedLines(new FieldTable(), out, null, null)).toBe('');
  });

  it('copies what the table’s text holds around the fields not at all', () => {
    const table = FieldTable.of([['A', '1']]);
    // A head's text begins with its start line and ends with the blank one.
    const head = `GET / HTTP/1.1\r\n${table.text}\r\n`;
    const shifted = new FieldTable();
    shifted.text = head;
    const at = head.indexOf('A:');
    shifted.add(FieldId.other, at, at + 1, at + 3, at + 4, at + 6);
    expect(forwardedLines(shifted, out, null, null)).toBe('A: 1\r\n');
  });

  it('leaves out by id, by name and by configuration, whatever stands beside', () => {
    const name = fc.constantFrom(
      'Host',
      'TE',
      'upgrade',
      'X-A',
      'x-b',
      'X-C',
      'Date',
      'Keep-Alive',
    );
    const value = fc.constantFrom('', '1', 'a, b', ' x');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name, value), { maxLength: 12 }),
        fc.option(fc.uniqueArray(fc.constantFrom('x-a', 'date'))),
        fc.option(fc.uniqueArray(fc.constantFrom('x-b', 'x-c'))),
        fc.boolean(),
        (pairs, names, removed, hasImproperLine) => {
          const table = FieldTable.of(pairs);
          table.hasImproperLine = hasImproperLine;
          const gone = new Set([
            'host',
            'te',
            'upgrade',
            'keep-alive',
            ...(names ?? []),
            ...(removed ?? []),
          ]);
          const expected = pairs
            .filter(([each]) => !gone.has(each.toLowerCase()))
            .map(([each, text]) => `${each}: ${text}\r\n`)
            .join('');
          const set = removed === null ? null : new Set(removed);
          expect(forwardedLines(table, out, names, set)).toBe(expected);
        },
      ),
    );
  });
});
