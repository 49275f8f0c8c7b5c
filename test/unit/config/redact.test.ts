import { expect, it } from 'vitest';
import { fromPairs, parseConfig } from '../../../src/config/load.ts';
import { redacted } from '../../../src/config/redact.ts';

const TEXT = `
listeners: [{ address: '127.0.0.1:15101', upstream: api }]
upstreams:
  api:
    url: https://\${env:HOST}
    headers:
      set:
        X-Team: shop
        X-Plain: a \${file:/run/token} b
        Authorization: Bearer literal-secret
        X-Api-Key: \${env:KEY}
        cookie: literal-secret
        X-Session-Token: literal-secret
    pool: { idleTimeout: 1m, warm: 3 }
    retry: { statuses: [503] }
admin: off
`;

function redact(text: string) {
  const parsed = parseConfig(text, {
    source: '/etc/sidepool.yaml',
    env: { KEY: 'env-secret', HOST: 'api.example.com' },
    readFile: () => 'file-secret\n',
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes));
  return { config: parsed.config, shown: redacted(parsed.config) };
}

it('shows nothing secret, literal or put in', () => {
  const { config, shown } = redact(TEXT);
  expect(config.upstreams[0]?.policy.edits.setLines).toContain('X-Plain: a file-secret b\r\n');
  expect(config.upstreams[0]?.policy.edits.setLines).toContain('X-Api-Key: env-secret\r\n');
  const json = JSON.stringify(shown);
  for (const secret of ['literal-secret', 'env-secret', 'file-secret'])
    expect(json).not.toContain(secret);
});

it('shows the rest in the words of the file, defaults filled in', () => {
  const { effective } = redact(TEXT).shown;
  expect(effective).toMatchObject({
    listeners: [{ address: '127.0.0.1:15101', upstream: 'api', backlog: 511, allowRemote: false }],
    upstreams: {
      api: {
        url: `https://\${env:HOST}`,
        host: 'upstream',
        headers: {
          set: {
            'X-Team': 'shop',
            'X-Plain': `a \${file:/run/token} b`,
            Authorization: '(hidden)',
            'X-Api-Key': '(hidden)',
            cookie: '(hidden)',
            'X-Session-Token': '(hidden)',
          },
          remove: [],
        },
        pool: { maxConnections: 32, warm: 3, idleTimeout: '1m' },
        retry: { statuses: [503], backoff: { base: '25ms' } },
      },
    },
    limits: { head: '32KiB' },
    admin: 'off',
    log: { level: 'info' },
  });
});

it('marks what differs from the default, as read and not as written', () => {
  expect(redact(TEXT).shown.changed).toEqual([
    'upstreams.api.headers.set',
    'upstreams.api.pool.warm',
    'upstreams.api.retry.statuses',
    'admin',
  ]);
});

it('marks nothing in the short form', () => {
  const parsed = fromPairs([{ listen: '127.0.0.1:15101', upstream: 'https://api.example.com' }]);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes));
  expect(redacted(parsed.config).changed).toEqual([]);
});

it('can be read again as a file that means the same', () => {
  const { config, shown } = redact(TEXT.replace(/ {8}(?:Auth|X-Api|cookie|X-Sess).*\n/g, ''));
  const again = redact(JSON.stringify(shown.effective)).config;
  expect({ ...again, document: null }).toEqual({ ...config, document: null });
});

it('marks what was turned off, and what was turned on', () => {
  const { shown } = redact(`listeners: [{ address: '127.0.0.1:1', upstream: api }]
upstreams: { api: { url: 'https://api.example.com', outliers: off, breaker: {} } }
`);
  expect(shown.changed).toEqual(['upstreams.api.outliers', 'upstreams.api.breaker']);
  expect(shown.effective).toMatchObject({
    upstreams: { api: { outliers: 'off', breaker: { consecutiveFailures: 10 } } },
  });
});
