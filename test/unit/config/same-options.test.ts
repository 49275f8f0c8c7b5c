import { expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/load.ts';
import { sameOptions } from '../../../src/config/same-options.ts';

function read(upstream: string, { token = 'one' } = {}) {
  const parsed = parseConfig(
    `listeners: [{ address: '127.0.0.1:15101', upstream: api }]
upstreams: { api: { url: 'https://api.example.com', ${upstream} } }`,
    { source: '/etc/sidepool.yaml', env: { TOKEN: token }, readFile: () => '' },
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes));
  const [api] = parsed.config.upstreams;
  if (api === undefined) throw new Error('no upstream');
  return api;
}

it('finds two readings of the same options the same, however they were written', () => {
  const a = read('pool: { idleTimeout: 60s }, headers: { remove: [X-A, X-B] }');
  const b = read('headers: { remove: [X-B, X-A] }, pool: { idleTimeout: 1m }');
  expect(sameOptions(a.options, b.options)).toBe(true);
  expect(sameOptions(a.policy, b.policy)).toBe(true);
});

it('keeps the pools when only the policy changed', () => {
  const before = read('');
  for (const changed of [
    'retry: { resends: 0 }',
    'headers: { remove: [X-A] }',
    'timeouts: { idle: 5s }',
  ]) {
    const after = read(changed);
    expect(sameOptions(before.options, after.options)).toBe(true);
    expect(sameOptions(before.policy, after.policy)).toBe(false);
  }
});

it.each(['pool: { warm: 3 }', 'tls: { serverName: other.example }', 'timeouts: { connect: 5s }'])(
  'sees that %s changed the options',
  (changed) => expect(sameOptions(read('').options, read(changed).options)).toBe(false),
);

it('sees a secret that changed behind the same reference', () => {
  const text = `headers: { set: { Authorization: '\${env:TOKEN}' } }`;
  const before = read(text).policy;
  expect(sameOptions(before, read(text).policy)).toBe(true);
  expect(sameOptions(before, read(text, { token: 'two' }).policy)).toBe(false);
});

it('compares sets by what they hold', () => {
  expect(sameOptions({ a: new Set(['x']) }, { a: new Set(['x']) })).toBe(true);
  expect(sameOptions({ a: new Set(['x']) }, { a: new Set(['y']) })).toBe(false);
});
