import { expect, it } from 'vitest';
import { formatMistakes, pathText, shown, touches } from '../../../src/config/mistake.ts';

it('prints a line for each mistake: place, path, what was found and what is meant', () => {
  expect(
    formatMistakes('sidepool.yaml', [
      {
        path: 'upstreams.api.pool.warm',
        line: 12,
        column: 13,
        found: '"two"',
        meant: 'a whole number from 0 to 1024 is meant',
      },
      { path: '', line: 3, column: 1, found: 'broken YAML', meant: 'mend it' },
      { path: '--listen', found: '"x"', meant: 'an address is meant' },
    ]),
  ).toBe(
    [
      'sidepool.yaml:12:13  upstreams.api.pool.warm: found "two"; a whole number from 0 to 1024 is meant',
      'sidepool.yaml:3:1  found broken YAML; mend it',
      'sidepool.yaml  --listen: found "x"; an address is meant',
    ].join('\n'),
  );
});

it.each([
  [['upstreams', 'api', 'url'], 'upstreams.api.url'],
  [['listeners', 0, 'address'], 'listeners[0].address'],
  [['upstreams', 'api.example.com', 'url'], 'upstreams["api.example.com"].url'],
  [['a\nb'], '["a\\nb"]'],
  [[], ''],
])('writes the path %j as %s', (path, text) => expect(pathText(path)).toBe(text));

it.each([
  ['two', '"two"'],
  ['a\nb', '"a\\nb"'],
  ['x'.repeat(200), `"${'x'.repeat(80)}..."`],
  [2, '2'],
  [true, 'true'],
  [null, 'nothing'],
  [undefined, 'nothing'],
  [[], 'an empty list'],
  [[1], 'a list'],
  [{}, 'a mapping'],
])('shows %j as %s', (value, text) => expect(shown(value)).toBe(text));

it.each([
  [['a', 'b'], ['a'], true],
  [['a'], ['a', 'b'], true],
  [[], ['a'], true],
  [['a', 'b'], ['a', 'c'], false],
  [['a', 0], ['a', 1], false],
])('%j touches %j: %s', (a, b, doesIt) => expect(touches(a, b)).toBe(doesIt));
