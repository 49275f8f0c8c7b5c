import { describe, expect, it } from 'vitest';
import { isAuthority } from '../../../src/http1/request-target.ts';

describe('isAuthority', () => {
  it.each([
    'a',
    'a.example',
    'A-b_c~d.example:80',
    '127.0.0.1:65535',
    'a:',
    'a:0',
    "!$&'()*+;=",
    'a%2Db',
    '[::]',
    '[::1]:80',
    '[2001:DB8:0:0:0:0:0:1]',
    '[1:2:3:4:5:6:7::]',
    '[::ffff:127.0.0.1]',
    '[64:ff9b::192.0.2.33]:1',
  ])('takes %s', (value) => {
    expect(isAuthority(value)).toBe(true);
  });

  it.each([
    '',
    ':80',
    'a:b',
    'a:65536',
    'a:123456',
    'a:+1',
    'a:1:2',
    'a:080',
    'a:00',
    'a%2Fb',
    'user%40a',
    'a%3A80',
    'a%5Cb',
    'a%20b',
    'a%252Fb',
    'a%0Ab',
    'a%00',
    'a%7F',
    'a b',
    'a\tb',
    'a,b',
    'user@a',
    'a/b',
    'a?b',
    'a#b',
    'a\\b',
    'a"b',
    '<a>',
    'a%',
    'a%2',
    'a%zz',
    'a%00b',
    'a%0d%0ab',
    'a%1F',
    'a%7f',
    '\xe9',
    '[]',
    '[:]',
    '[:::]',
    '[1]',
    '[1:2:3:4:5:6:7]',
    '[1:2:3:4:5:6:7:8:9]',
    '[1:2:3:4:5:6:7:8::]',
    '[1::2::3]',
    '[12345::]',
    '[g::]',
    '[::1.2.3]',
    '[::1.2.3.256]',
    '[::01.2.3.4]',
    '[1.2.3.4::]',
    '[1.2.3.4]',
    '[::1',
    '::1]',
    '[::1]a',
    '[fe80::1%25eth0]',
    '[v1.a]',
  ])('refuses %s', (value) => {
    expect(isAuthority(value)).toBe(false);
  });

  it('takes time that grows with the length alone', () => {
    const begun = performance.now();
    for (const long of ['a'.repeat(16_000), '%2d'.repeat(5_000), `[${':'.repeat(16_000)}]`])
      isAuthority(`${long}\x00`);
    isAuthority(`[${'1:'.repeat(8_000)}]`);
    expect(performance.now() - begun).toBeLessThan(200);
  });
});
