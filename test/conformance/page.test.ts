/** The page agrees with the list, the remarks and the tests there are; nothing is left open. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeRows, pagePath, problems, readSources, render, type Sources } from './page.ts';
import type { Level, RemarkKind } from './requirements.ts';

describe('docs/conformance.md', () => {
  let sources: Sources;
  let page: string;

  beforeAll(async () => {
    sources = await readSources();
    page = readFileSync(pagePath, 'utf8');
  }, 180_000);

  it('leaves nothing open, and no tag is without its requirement or its test', () => {
    expect(problems(sources)).toEqual([]);
  });

  it('is what the generator gives: run node test/conformance/page.ts', () => {
    expect(page === render(makeRows(sources))).toBe(true);
  });

  it('has the rows of the list, each once', () => {
    const onPage = [...page.matchAll(/^\| (\d{4}-\S+) \|/gm)].map(([, id]) => id);
    expect(onPage.sort()).toEqual(sources.requirements.map(({ id }) => id).sort());
  });
});

describe('the check', () => {
  const made = (
    level: Level,
    { remark, tag }: { remark?: RemarkKind; tag?: string } = {},
  ): Sources => ({
    requirements: [{ id: '9110-1-01', level, role: 'any', applies: 'yes', what: 'Something.' }],
    remarks: new Map(
      remark === undefined ? [] : [['9110-1-01', { kind: remark, sentence: 'So it is.' }]],
    ),
    tests: tag === undefined ? [] : [{ file: 'a.test.ts', name: 'it', ids: [tag] }],
    written: new Map(tag === undefined ? [] : [[tag, ['a.test.ts']]]),
  });

  it.each<[string, Sources, string | undefined]>([
    ['a MUST with a test', made('MUST', { tag: '9110-1-01' }), undefined],
    ['a MUST with nothing', made('MUST'), 'neither'],
    ['a SHOULD with nothing', made('SHOULD'), 'neither'],
    ['a SHOULD that is departed from', made('SHOULD', { remark: 'departs' }), undefined],
    ['a MUST that is departed from', made('MUST', { remark: 'departs' }), 'not a known one'],
    ['a MUST that does not bind', made('MUST', { remark: 'no' }), undefined],
    ['a MAY that is not used', made('MAY', { remark: 'unused' }), undefined],
    ['a MUST that is not used', made('MUST', { remark: 'unused' }), 'is no choice'],
    [
      'what does not bind and has a test',
      made('MUST', { remark: 'no', tag: '9110-1-01' }),
      'and has tests',
    ],
    ['a note without a test', made('MUST', { remark: 'note' }), 'no test'],
    ['a tag of nothing', made('MUST', { remark: 'no', tag: '9110-9-99' }), 'no requirement has'],
  ])('of %s', (_, sources, expected) => {
    const found = problems(sources);
    if (expected === undefined) expect(found).toEqual([]);
    else expect(found.join('; ')).toContain(expected);
  });

  it('of a tag that is in no test’s name', () => {
    const sources = { ...made('MUST'), written: new Map([['9110-1-01', ['a.test.ts']]]) };
    expect(problems(sources).join('; ')).toContain('no test');
  });
});
