import { expect, it } from 'vitest';
import { anticipates, isIdempotent, isSafe } from '../../../src/message/methods.ts';

it.each([
  ['GET', true, true, false],
  ['HEAD', true, true, false],
  ['OPTIONS', true, true, false],
  ['TRACE', true, true, false],
  ['QUERY', true, true, true],
  ['PUT', false, true, true],
  ['DELETE', false, true, false],
  ['POST', false, false, true],
  ['PATCH', false, false, true],
  ['get', false, false, false],
  ['PROPFIND', false, false, false],
  ['', false, false, false],
])('%s: safe %s, idempotent %s, anticipates content %s', (method, safe, idempotent, content) => {
  expect([isSafe(method), isIdempotent(method), anticipates(method)]).toEqual([
    safe,
    idempotent,
    content,
  ]);
});
