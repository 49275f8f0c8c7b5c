import { describe, expect, it } from 'vitest';
import {
  fieldLine,
  fieldNameMistake,
  fieldValueMistake,
  isSensitive,
} from '../../../src/config/field-rules.ts';

describe('field names', () => {
  it.each(['X-Team', 'authorization', 'a', "!#$%&'*+-.^_`|~9"])('%s may be set', (name) =>
    expect(fieldNameMistake(name)).toBeNull(),
  );

  it.each(['', 'X Team', 'X:', 'X\r\nY', 'Ä', '(x)', '\u0000'])('%j is no name', (name) =>
    expect(fieldNameMistake(name)).toContain('a field name is meant'),
  );

  it.each([
    'Host',
    'content-length',
    'Transfer-Encoding',
    'CONNECTION',
    'Keep-Alive',
    'Proxy-Connection',
    'TE',
    'Trailer',
    'Upgrade',
    'HTTP2-Settings',
    'Expect',
    'Max-Forwards',
    'Via',
  ])("%s is the gateway's own", (name) =>
    expect(fieldNameMistake(name)).toContain('that the gateway does not write itself'),
  );
});

describe('field values', () => {
  it.each(['', 'a', 'a\tb', 'Bearer x', 'bücher', 'a\u0085b'])('%j may be sent', (value) =>
    expect(fieldValueMistake(value)).toBeNull(),
  );

  it.each(['a\nb', 'a\rb', 'a\r\nX: y', '\u0000', 'a\u007f', '\u001b[0m'])(
    '%j would break the head',
    (value) => expect(fieldValueMistake(value)).toContain('without line breaks'),
  );

  it.each([' a', 'a ', '\ta', 'a\t'])('%j has white space at its ends', (value) =>
    expect(fieldValueMistake(value)).toContain('without white space at its ends'),
  );

  it('goes out as UTF-8 though heads are written as latin1', () => {
    const line = Buffer.from(fieldLine('X-Team', 'bücher€'), 'latin1');
    expect(line.toString('utf8')).toBe('X-Team: bücher€\r\n');
  });
});

it.each([
  ['Authorization', true],
  ['Proxy-Authorization', true],
  ['cookie', true],
  ['X-Api-Key', true],
  ['x-auth-token', true],
  ['X-Client-Secret', true],
  ['X-Password', true],
  ['X-Team', false],
  ['Accept', false],
])('%s holds a secret: %s', (name, doesIt) => expect(isSensitive(name)).toBe(doesIt));
