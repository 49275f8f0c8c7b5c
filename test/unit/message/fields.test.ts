import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FieldId, FieldTable, identify, trimBlanks } from '../../../src/message/fields.ts';

const known: readonly (readonly [string, FieldId])[] = [
  ['Host', FieldId.host],
  ['Connection', FieldId.connection],
  ['Content-Length', FieldId.contentLength],
  ['Transfer-Encoding', FieldId.transferEncoding],
  ['Expect', FieldId.expect],
  ['Upgrade', FieldId.upgrade],
  ['TE', FieldId.te],
  ['Keep-Alive', FieldId.keepAlive],
  ['Proxy-Connection', FieldId.proxyConnection],
  ['Trailer', FieldId.trailer],
  ['Max-Forwards', FieldId.maxForwards],
  ['Proxy-Authorization', FieldId.proxyAuthorization],
  ['Proxy-Authenticate', FieldId.proxyAuthenticate],
  ['Date', FieldId.date],
  ['Accept', FieldId.accept],
  ['HTTP2-Settings', FieldId.http2Settings],
  ['Via', FieldId.via],
  ['Retry-After', FieldId.retryAfter],
];

function identifyText(name: string): FieldId {
  const bytes = Buffer.from(`xx${name}yy`, 'latin1');
  return identify(bytes, 2, 2 + name.length);
}

describe('identify', () => {
  it('knows each name in any case', () => {
    expect(known).toHaveLength(Object.keys(FieldId).length - 1);
    for (const [name, id] of known) {
      expect(identifyText(name)).toBe(id);
      expect(identifyText(name.toUpperCase())).toBe(id);
      expect(identifyText(name.toLowerCase())).toBe(id);
    }
  });

  it('takes no other token for one', () => {
    const token = fc.string({
      unit: fc.constantFrom(..."!#$%&'*+-.^_`|~0189ADEHNTVadehntv"),
      minLength: 1,
      maxLength: 24,
    });
    fc.assert(
      fc.property(token, (name) => {
        const expected = known.find(([each]) => each.toLowerCase() === name.toLowerCase())?.[1];
        expect(identifyText(name)).toBe(expected ?? FieldId.other);
      }),
      { numRuns: 2_000 },
    );
  });

  it('takes no name for one that differs in one octet, for all tokens', () => {
    for (const [name, id] of known) {
      for (let at = 0; at < name.length; at += 1) {
        for (let octet = 0x21; octet < 0x7f; octet += 1) {
          const character = String.fromCharCode(octet);
          const other = name.slice(0, at) + character + name.slice(at + 1);
          const isSame = other.toLowerCase() === name.toLowerCase();
          expect(identifyText(other) === id, other).toBe(isSame);
        }
      }
    }
  });
});

describe('FieldTable', () => {
  const table = FieldTable.of([
    ['Host', 'a'],
    ['X-One', '1'],
    ['x-one', '2'],
    ['Connection', ', close ,,\tX-Mine , '],
    ['connection', 'X-MORE'],
  ]);

  it('finds by id and by name', () => {
    expect(table.count).toBe(5);
    expect(table.get(FieldId.host)).toBe('a');
    expect(table.get(FieldId.date)).toBeUndefined();
    expect([table.indexOf(FieldId.connection), table.indexOf(FieldId.connection, 4)]).toEqual([
      3, 4,
    ]);
    expect([table.find('x-one'), table.find('x-two')]).toEqual(['1', undefined]);
    expect([table.name(2), table.value(2)]).toEqual(['x-one', '2']);
  });

  it('tells where lines begin and end', () => {
    expect(table.text.slice(table.lineStart(1), table.lineEnd(1))).toBe('X-One: 1\r\n');
  });

  it('gives the members of a list over all lines, in lower case', () => {
    expect(table.members(FieldId.connection)).toEqual(['close', 'x-mine', 'x-more']);
    expect(table.members(FieldId.te)).toEqual([]);
  });

  it('is empty once cleared', () => {
    const cleared = FieldTable.of([['Host', 'a']]);
    cleared.hasImproperLine = true;
    cleared.clear();
    expect([cleared.count, cleared.text, cleared.hasImproperLine]).toEqual([0, '', false]);
    expect(cleared.get(FieldId.host)).toBeUndefined();
  });
});

describe('trimBlanks', () => {
  it.each([
    ['', ''],
    [' \t', ''],
    ['a', 'a'],
    [' \ta b\t ', 'a b'],
    ['\xa0a\xa0', '\xa0a\xa0'],
    ['\x0ba\r\n', '\x0ba\r\n'],
  ])('%j is %j', (text, expected) => {
    expect(trimBlanks(text)).toBe(expected);
  });

  it('takes time that grows with the length alone', () => {
    const inner = `a${' '.repeat(1_000_000)}b`;
    expect(trimBlanks(inner)).toBe(inner);
  });
});
