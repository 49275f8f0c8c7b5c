import { describe, expect, it } from 'vitest';
import { readDocument } from '../../../src/config/document.ts';

const places = (text: string) =>
  readDocument(text).mistakes.map(
    ({ path, line, column, found }) => `${line}:${column} ${path} ${found}`,
  );

it('reads YAML 1.2: off and no are text, 0660 is a number', () => {
  expect(readDocument('a: off\nb: no\nc: 0660\nd: [1, x]\n').value).toEqual({
    a: 'off',
    b: 'no',
    c: 660,
    d: [1, 'x'],
  });
});

it('reads JSON, also with tabs', () => {
  const { value, mistakes } = readDocument('{\n\t"a": {"b": [1, "x", true, null]}\n}\n');
  expect([value, mistakes]).toEqual([{ a: { b: [1, 'x', true, null] } }, []]);
});

it('reads anchors, and points at what they name', () => {
  const document = readDocument('a: &x {b: 1}\nc: *x\n');
  expect(document.value).toEqual({ a: { b: 1 }, c: { b: 1 } });
  const { line } = document.locate({ path: ['c', 'b'], at: 'value', found: '', meant: '' });
  expect(line).toBe(1);
});

describe('what is broken is told with its line', () => {
  it.each([
    ['a: [1\nb: 2\n', 2],
    ['a: "x\n', 2],
    ['a: 1\n\tb: 2\n', 2],
    ['a: b: c\n', 1],
    ['a: @x\n', 1],
    ['a: "\\q"\n', 1],
    ['{"a": 1\n', 2],
    ['a: *nowhere\n', 1],
  ])('%j', (text, line) => {
    const { mistakes } = readDocument(text);
    expect(mistakes.length).toBeGreaterThan(0);
    expect(mistakes[0]?.line).toBe(line);
  });

  it.each([
    ['', 'nothing in it'],
    ['# only a comment\n', 'nothing in it'],
    ['a: 1\n---\nb: 2\n', 'a second document (---)'],
    ['a: !secret x\n', 'a tag'],
  ])('%j: %s', (text, found) => {
    const document = readDocument(text);
    expect(document.isReadable).toBe(false);
    expect(document.mistakes.map((mistake) => mistake.found)).toContain(found);
  });
});

it('finds each key that stands twice, at its path, and reads on', () => {
  const text = 'a: 1\nb:\n  c: 1\n  c: 2\na: 3\n';
  expect(places(text)).toEqual(['4:3 b.c the key a second time', '5:1 a the key a second time']);
  expect(readDocument(text).isReadable).toBe(true);
  expect(places('{"a": 1, "a": 2}')).toEqual(['1:10 a the key a second time']);
});

it('refuses keys that are no names', () => {
  expect(places('? [a]\n: 1\n')).toHaveLength(1);
  expect(places('? {a: 1}\n: 1\n')).toHaveLength(1);
});

it('refuses an alias to what holds it', () => {
  expect(places('a: &x\n  b: *x\n')).toEqual(['2:6 a.b *x']);
});

it('refuses a small text that stands for a huge value', () => {
  let text = 'a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n';
  for (let level = 1; level < 8; level += 1)
    text += `a${level}: &a${level} [${Array(10)
      .fill(`*a${level - 1}`)
      .join(', ')}]\n`;
  const document = readDocument(text);
  expect(document.isReadable).toBe(false);
  expect(document.mistakes.map(({ found }) => found)).toEqual(['too many values']);
});

it('keeps a key named __proto__ as a key', () => {
  const { value } = readDocument('__proto__: {polluted: true}\n');
  expect(Object.keys(value as object)).toEqual(['__proto__']);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});

it('points at the value, at the key, and at the parent of what is missing', () => {
  const document = readDocument('a:\n  b: 1\n  c:   two\n');
  const place = (path: string[], at: 'key' | 'value') => {
    const { line, column } = document.locate({ path, at, found: '', meant: '' });
    return `${line}:${column}`;
  };
  expect(place(['a', 'c'], 'value')).toBe('3:8');
  expect(place(['a', 'c'], 'key')).toBe('3:3');
  expect(place(['a', 'd'], 'key')).toBe('1:1');
});
