import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DateSource, parseHttpDate, parseRetryAfter } from '../../../src/message/http-date.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const nowSeconds = Date.UTC(2026, 0, 1) / 1000;
const example = 784_111_777;

describe('parseHttpDate', () => {
  it.each([
    'Sun, 06 Nov 1994 08:49:37 GMT',
    'Sunday, 06-Nov-94 08:49:37 GMT',
    'Sun Nov  6 08:49:37 1994',
  ])('reads %s [9110-5.6.7-01]', (text) => {
    expect(parseHttpDate(text, nowSeconds)).toBe(example);
  });

  it.each([
    '',
    'yesterday',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nob 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 06 Nov 1994 08:60:00 GMT',
    'Sun, 06 Nov 1994 08:49:61 GMT',
    'Sun, 00 Nov 1994 08:49:37 GMT',
    'Sun, 31 Nov 1994 08:49:37 GMT',
    'Sun, 29 Feb 2023 08:49:37 GMT',
    'Sun Nov 6 08:49:37 1994',
    '1994-11-06T08:49:37Z',
    'Sun, 06 Nov 1994 08:49:37 GMT ',
  ])('does not read %j', (text) => {
    expect(parseHttpDate(text, nowSeconds)).toBeUndefined();
  });

  it('takes two digits that look more than 50 years ahead for the past [9110-5.6.7-04]', () => {
    const year = (digits: string) => {
      const read = parseHttpDate(`Sunday, 06-Nov-${digits} 08:49:37 GMT`, nowSeconds);
      return new Date((read ?? 0) * 1000).getUTCFullYear();
    };
    expect([year('76'), year('77'), year('99'), year('00'), year('26')]).toEqual([
      2076, 1977, 1999, 2000, 2026,
    ]);
  });

  it('reads a leap day, a leap second and the years before 100', () => {
    expect(parseHttpDate('Thu, 29 Feb 2024 00:00:00 GMT', nowSeconds)).toBe(
      Date.UTC(2024, 1, 29) / 1000,
    );
    expect(parseHttpDate('Sat, 31 Dec 2016 23:59:60 GMT', nowSeconds)).toBe(
      Date.UTC(2017, 0, 1) / 1000,
    );
    const early = parseHttpDate('Sat, 01 Jan 0050 00:00:00 GMT', nowSeconds) ?? 0;
    expect(new Date(early * 1000).getUTCFullYear()).toBe(50);
  });

  it('reads back whatever is written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 250_000_000_000 }), (at) => {
        expect(parseHttpDate(new Date(at * 1000).toUTCString(), nowSeconds)).toBe(at);
      }),
    );
  });
});

describe('parseRetryAfter', () => {
  it.each([
    ['0', 0],
    ['120', 120_000],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
    ['Thu, 01 Jan 2015 00:00:00 GMT', 0],
    ['-1', undefined],
    ['1.5', undefined],
    ['9999999999', undefined],
    ['soon', undefined],
    ['', undefined],
  ])('%j is %s ms', (text, expected) => {
    expect(parseRetryAfter(text, nowSeconds)).toBe(expected);
  });
});

describe('DateSource', () => {
  it('writes IMF-fixdate [9110-5.6.7-02], and the same text within a second', () => {
    const clock = new FakeClock({ wallSeconds: example + 0.2 });
    const source = new DateSource(clock);
    expect(source.now()).toBe('Sun, 06 Nov 1994 08:49:37 GMT');
    clock.advance(700);
    expect(source.now()).toBe('Sun, 06 Nov 1994 08:49:37 GMT');
    clock.advance(101);
    expect(source.now()).toBe('Sun, 06 Nov 1994 08:49:38 GMT');
  });
});
