import { expect, it } from 'vitest';
import { substitute } from '../../../src/config/secrets.ts';

const sources = {
  env: { TOKEN: 'from-env', EMPTY: '' },
  readFile: (path: string): string => {
    if (path === '/run/token') return 'from-file\n';
    if (path === '/run/crlf') return 'crlf\r\n\r\n';
    if (path === '/run/tricky') return `\${env:TOKEN}`;
    if (path === '/run/empty') return '\n';
    throw Object.assign(new Error(`ENOENT: no such file: ${path}`), { code: 'ENOENT' });
  },
};
const ref = (reference: string) => `\${${reference}}`;

it('puts in files and variables, anywhere inside a text and at any depth', () => {
  const { value, findings, files } = substitute(
    {
      a: [`Bearer ${ref('file:/run/token')}`, 1, null, true],
      b: { c: `${ref('env:TOKEN')}:${ref('env:TOKEN')}` },
      d: ref('file:/run/crlf'),
    },
    sources,
  );
  expect(value).toEqual({
    a: ['Bearer from-file', 1, null, true],
    b: { c: 'from-env:from-env' },
    d: 'crlf',
  });
  expect([findings, files]).toEqual([[], ['/run/token', '/run/crlf']]);
});

it('does not read what it put in as a reference again', () => {
  expect(substitute(ref('file:/run/tricky'), sources).value).toBe(ref('env:TOKEN'));
});

it('leaves keys alone, and what is escaped', () => {
  expect(substitute({ [ref('env:TOKEN')]: `$${ref('x')}, $5 and {}` }, sources).value).toEqual({
    [ref('env:TOKEN')]: `${ref('x')}, $5 and {}`,
  });
});

it.each([
  [ref('env:NONE'), 'the environment has no NONE'],
  [ref('env:EMPTY'), 'EMPTY is set but empty'],
  [ref('env:toString'), 'the environment has no toString'],
  [ref('file:/run/none'), 'cannot be read (ENOENT)'],
  [ref('file:/run/empty'), 'the file /run/empty is empty'],
  [ref('TOKEN'), `write ${ref('env:TOKEN')}`],
  [ref('vault:x'), 'is meant'],
  [ref('env:'), 'is meant'],
  [ref(''), 'is meant'],
  [`\${env:TOKEN`, 'is meant'],
])('%s is a mistake: %s', (text, hint) => {
  const { findings } = substitute({ a: { b: [`x ${text}`] } }, sources);
  expect(findings).toHaveLength(1);
  expect(findings[0]?.path).toEqual(['a', 'b', 0]);
  expect(findings[0]?.meant).toContain(hint);
});

it('finds every reference that leads nowhere', () => {
  expect(substitute(`${ref('env:A')} ${ref('env:B')}`, sources).findings).toHaveLength(2);
});
