import { mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { WatchedFile } from '../../../src/discovery/watched-file.ts';
import { makeTempDir, type TempDir } from '../../support/temp-dir.ts';

let dir: TempDir;
let path: string;

beforeEach(() => {
  dir = makeTempDir('watched-file');
  path = dir.file('hosts');
});

afterEach(() => dir.remove());

it('parses a file once while it stays the same', () => {
  writeFileSync(path, 'one');
  const parse = vi.fn((text: string) => text);
  const file = new WatchedFile(path, parse);
  parse.mockClear();
  expect([file.read(), file.read(), file.read()]).toEqual(['one', 'one', 'one']);
  expect(parse).toHaveBeenCalledTimes(1);
});

it('reads again what was written in place, of the same length', () => {
  writeFileSync(path, 'one');
  const file = new WatchedFile(path, (text) => text);
  expect(file.read()).toBe('one');
  writeFileSync(path, 'two');
  utimesSync(path, 1, 1);
  expect(file.read()).toBe('two');
});

it('reads again what was put in its place, with the time of the old one', () => {
  writeFileSync(path, 'one');
  utimesSync(path, 1, 1);
  const file = new WatchedFile(path, (text) => text);
  expect(file.read()).toBe('one');
  writeFileSync(dir.file('new'), 'two');
  utimesSync(dir.file('new'), 1, 1);
  renameSync(dir.file('new'), path);
  expect(file.read()).toBe('two');
});

it('takes a missing file for an empty one, before it comes and after it went', () => {
  const file = new WatchedFile(path, (text) => text);
  expect(file.read()).toBe('');
  writeFileSync(path, 'one');
  expect(file.read()).toBe('one');
  rmSync(path);
  expect(file.read()).toBe('');
});

it('keeps what it has while the file cannot be read', () => {
  writeFileSync(path, 'one');
  const file = new WatchedFile(path, (text) => text);
  expect(file.read()).toBe('one');
  rmSync(path);
  mkdirSync(path);
  expect(file.read()).toBe('one');
});
