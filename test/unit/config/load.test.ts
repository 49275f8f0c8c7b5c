import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromPairs, parseConfig } from '../../../src/config/load.ts';
import { formatMistakes } from '../../../src/config/mistake.ts';
import { config, mistakes, parse, source, withTop, withUpstream } from './support.ts';

/** The file of the design, section 5, word for word but for the certificate's path. */
const DESIGN = `
listeners:
  - address: 127.0.0.1:15101        # or [::1]:15101, or unix:/run/sidepool/api.sock
    upstream: api
upstreams:
  api:
    url: https://api.example.com
    host: upstream                   # the Host sent on: upstream's, or client
    headers: { set: { X-Team: shop }, remove: [X-Debug] }
    tls: { ca: /etc/sidepool/ca.pem, serverName: api.example.com }
    pool: { maxConnections: 32, warm: 2, warmMax: 8, idleTimeout: 60s, maxAge: 10m,
            maxRequests: 0, maxWaiting: 1024 }
    timeouts: { connect: 2s, wait: 3s, firstByte: 60s, idle: 60s, request: 0s, tunnelIdle: 1h }
    retry: { resends: 1, bodyLimit: 64KiB, budget: 20% }
    pipelining: off                  # off, auto, or a depth
limits: { maxClients: 10000, head: 32KiB, fields: 100, bufferTotal: 16MiB }
admin: { address: 127.0.0.1:15100 }  # injected: [::]:15100
drain: { quiet: 1s, deadline: 25s }
log: { level: info }
`;

it('reads the file of the design', () => {
  const parsed = parse(DESIGN);
  expect(parsed).toMatchObject({
    ok: true,
    warnings: [],
    config: {
      upstreams: [
        {
          options: { name: 'api', tls: { ca: ['/etc/sidepool/ca.pem'] } },
          policy: {
            edits: { setLines: 'X-Team: shop\r\n', removed: new Set(['x-team', 'x-debug']) },
          },
        },
      ],
    },
  });
});

it('has the defaults of the design: a file that leaves them out means the same', () => {
  const short = config(
    withUpstream('headers: { set: { X-Team: shop }, remove: [X-Debug] }, tls: { ca: ca.pem }'),
  );
  expect({ ...short, document: null }).toEqual({ ...config(DESIGN), document: null });
});

it('fills in every default', () => {
  expect({ ...config(withUpstream('')), document: null }).toMatchInlineSnapshot(`
    {
      "admin": {
        "address": {
          "host": "127.0.0.1",
          "kind": "tcp",
          "port": 15100,
        },
        "readyWaitMs": 5000,
      },
      "document": null,
      "drain": {
        "deadlineMs": 25000,
        "quietMs": 1000,
      },
      "endpoints": null,
      "limits": {
        "bufferTotalBytes": 16777216,
        "maxClients": 10000,
      },
      "listeners": [
        {
          "options": {
            "address": {
              "host": "127.0.0.1",
              "kind": "tcp",
              "port": 15101,
            },
            "backlog": 511,
            "client": {
              "head": {
                "headBytes": 32768,
                "maxFields": 100,
                "targetBytes": 16384,
              },
              "headTimeoutMs": 10000,
              "holdForLengthBytes": 16384,
              "holdForLengthMs": 10,
              "idleTimeoutMs": 75000,
              "lingerBytes": 262144,
              "lingerMs": 2000,
              "maxBodyBytes": 0,
              "maxRequests": 1000,
              "stallTimeoutMs": 60000,
            },
            "socketMode": null,
            "socketOwner": null,
          },
          "upstream": "api",
        },
      ],
      "log": {
        "access": null,
        "level": "info",
      },
      "upstreams": [
        {
          "options": {
            "breaker": null,
            "name": "api",
            "outliers": {
              "baseMs": 10000,
              "consecutiveFailures": 5,
              "maxEjected": 0.5,
              "maxMs": 300000,
              "minRequests": 20,
              "panic": 0.5,
              "statuses": [
                502,
                503,
                504,
              ],
              "successRate": 0.5,
              "trials": 3,
              "windowMs": 10000,
            },
            "pool": {
              "idleTimeoutMs": 60000,
              "learnsIdleLimit": true,
              "maxAgeMs": 600000,
              "maxConnections": 32,
              "maxDials": 4,
              "maxRequests": 0,
              "maxWaiting": 1024,
              "pipelining": "off",
              "warm": 2,
              "warmMax": 8,
            },
            "responseLimits": {
              "headBytes": 32768,
              "maxFields": 100,
            },
            "timeouts": {
              "connectMs": 2000,
              "waitMs": 3000,
            },
            "tls": {
              "ca": [],
              "certificate": null,
              "serverName": "api.example.com",
              "verify": "full",
            },
            "url": {
              "authority": "api.example.com",
              "host": "api.example.com",
              "port": 443,
              "scheme": "https",
            },
          },
          "policy": {
            "edits": {
              "authority": "api.example.com",
              "defaultAuthority": "api.example.com",
              "removed": null,
              "setLines": "",
              "via": undefined,
            },
            "ownAuthorities": [],
            "requiresUpgrade": false,
            "retry": {
              "backoffBaseMs": 25,
              "backoffMaxMs": 1000,
              "bodyLimitBytes": 65536,
              "budgetFloor": 3,
              "budgetRatio": 0.2,
              "idempotencyHeaders": [],
              "maxRetryAfterMs": 5000,
              "onNewConnection": "safe",
              "perTryTimeoutMs": 0,
              "resends": 1,
              "statuses": [],
            },
            "timeouts": {
              "firstByteMs": 60000,
              "idleMs": 60000,
              "requestMs": 0,
              "tunnelIdleMs": 3600000,
              "waitMs": 3000,
            },
            "upgrades": [
              "websocket",
            ],
          },
        },
      ],
    }
  `);
});

it('reads JSON', () => {
  const text = JSON.stringify(config(withUpstream('pool: { warm: 1 }')).document, null, 2);
  expect(config(text).upstreams[0]?.options.pool.warm).toBe(1);
});

it('resolves relative paths from the directory of the file', () => {
  const { upstreams } = config(
    withUpstream(
      'tls: { ca: [ca.pem, system], certFile: ./cert.pem, keyFile: ../sidepool/key.pem }',
    ),
  );
  expect(upstreams[0]?.options.tls).toEqual({
    ca: ['/etc/sidepool/ca.pem', 'system'],
    serverName: 'api.example.com',
    certificate: { certFile: '/etc/sidepool/cert.pem', keyFile: '/etc/sidepool/key.pem' },
    verify: 'full',
  });
});

it('asks for the name of the URL without its trailing dot, unless another is given', () => {
  const tls = (options: string) =>
    config(withUpstream(options, 'https://api.example.com.')).upstreams[0]?.options.tls?.serverName;
  expect(tls('')).toBe('api.example.com');
  expect(tls('tls: { serverName: other.example }')).toBe('other.example');
});

describe('secrets', () => {
  it('go into the options, and their files are named for the watch', () => {
    const parsed = parse(
      withUpstream(
        `headers: { set: { Authorization: 'Bearer \${file:/run/secrets/token}', X-T: '\${env:TOKEN}' } }`,
      ),
    );
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes));
    expect(parsed.config.upstreams[0]?.policy.edits.setLines).toBe(
      'Authorization: Bearer s3cret\r\nX-T: env-s3cret\r\n',
    );
    expect(parsed.secretFiles).toEqual(['/run/secrets/token']);
  });

  it('may stand in any text', () => {
    const text = withUpstream('').replace('15101', `\${env:PORT}`);
    expect(config(text).listeners[0]?.options.address).toMatchObject({ port: 15_101 });
  });

  it('cannot add a line to a head', () => {
    expect(
      mistakes(withUpstream(`headers: { set: { X-A: '\${file:/run/secrets/lines}' } }`)),
    ).toEqual([
      `upstreams.api.headers.set.X-A: "\${file:/run/secrets/lines}"; a value without line breaks and control characters is meant (RFC 9110 5.5)`,
    ]);
  });

  it.each([
    withUpstream(`host: '\${env:WRONG}'`),
    withUpstream(`pool: { idleTimeout: '\${env:WRONG}' }`),
    withUpstream(`tls: { ca: '\${env:WRONG}' }`),
    withUpstream(`tls: { ca: ['/nowhere/\${env:WRONG}'] }`),
    withUpstream(`headers: { remove: ['\${env:WRONG}'] }`),
    withUpstream(`upgrades: ['\${env:WRONG}']`),
    withUpstream('', `\${env:WRONG}`),
    withUpstream('').replace('upstream: api', `upstream: '\${env:WRONG}'`),
    withUpstream('').replace('127.0.0.1:15101', `\${env:WRONG}`),
    withTop(`log: { level: '\${env:WRONG}' }`),
    withUpstream('headers: { set: { Authorization: "s3cret\\nx" } }'),
  ])('are not told in a mistake: %s', (text) => {
    const parsed = parse(text);
    expect(parsed.ok).toBe(false);
    expect(JSON.stringify(parsed)).not.toContain('s3cret');
  });
});

it('tells all mistakes at once, in the order of the file, each at its place', () => {
  const parsed = parse(`
listeners:
  - address: 0.0.0.0:15101
    upstream: apj
  - upstream: api
upstreams:
  api:
    url: https://api.example.com/v1
    pool:
      warm: two
      maxConections: 3
      idleTimeout: 30
    headers:
      set:
        Host: x
        X-T: \${env:NONE}
    tls: []
    retry: { resends: 2, statuses: [500] }
  api:
    url: https://other.example.com
limit: {}
drain:
`);
  if (parsed.ok) throw new Error('read without a mistake');
  expect(`\n${formatMistakes('sidepool.yaml', parsed.mistakes)}\n`).toMatchInlineSnapshot(`
    "
    sidepool.yaml:3:14  listeners[0].address: found "0.0.0.0:15101"; a loopback address is meant (127.0.0.1 or [::1]), since whoever reaches a listener speaks to the upstream with all that this pod may do: set allowRemote: true if that is wanted
    sidepool.yaml:4:15  listeners[0].upstream: found "apj"; one of the upstreams is meant: api
    sidepool.yaml:5:5  listeners[1].address: found nothing; it must be given. Where clients connect: loopback TCP, or a Unix socket (\`unix:/path\`). Port 0 takes a free one.
    sidepool.yaml:8:10  upstreams.api.url: found "https://api.example.com/v1"; a URL without path, query and fragment is meant: the client sends those
    sidepool.yaml:10:13  upstreams.api.pool.warm: found "two"; a whole number from 0 to 1024 is meant
    sidepool.yaml:11:7  upstreams.api.pool.maxConections: found an unknown key; did you mean maxConnections?
    sidepool.yaml:12:20  upstreams.api.pool.idleTimeout: found 30; a duration has its unit in it: write 30s (or 30ms, 30m, 30h)
    sidepool.yaml:15:9  upstreams.api.headers.set.Host: found "Host"; a field that the gateway does not write itself is meant: write host: upstream or host: client beside headers
    sidepool.yaml:16:14  upstreams.api.headers.set.X-T: found "\${env:NONE}"; the environment has no NONE: set it
    sidepool.yaml:17:10  upstreams.api.tls: found an empty list; a mapping of options is meant
    sidepool.yaml:18:23  upstreams.api.retry.resends: found 2; 0 or 1 is meant: a failed resend is not sent again (RFC 9110 9.2.2)
    sidepool.yaml:18:37  upstreams.api.retry.statuses[0]: found 500; one of 429, 502, 503, 504 is meant
    sidepool.yaml:19:3  upstreams.api: found the key a second time; each key is meant once
    sidepool.yaml:21:1  limit: found an unknown key; did you mean limits?
    sidepool.yaml:22:7  drain: found nothing; a mapping of options is meant: leave the key out for the defaults
    "
  `);
});

it('tells broken YAML with its line, and nothing else', () => {
  const parsed = parse('listeners:\n  - address: [1\nupstreams: {}\n');
  expect(parsed.ok ? [] : parsed.mistakes.map(({ line }) => line)).toContain(3);
});

it.each(['', '# nothing', 'null', '[]', 'text', '1', '{}'])(
  'refuses a file that holds %j',
  (text) => {
    expect(parse(text).ok).toBe(false);
  },
);

it('never throws, and never lets an ill-formed file pass, whatever stands in it', () => {
  const scalar = fc.oneof(
    fc.constantFrom(
      'off',
      '30s',
      '64KiB',
      '20%',
      '127.0.0.1:15101',
      'https://a.example',
      'api',
      '',
    ),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.string(),
  );
  const names = [
    'listeners',
    'upstreams',
    'api',
    'address',
    'upstream',
    'url',
    'pool',
    'warm',
    'tls',
    'ca',
  ];
  const more = [
    'headers',
    'set',
    'limits',
    'admin',
    'log',
    'access',
    'drain',
    '__proto__',
    'constructor',
  ];
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { depthSize: 'medium' },
      scalar,
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...names, ...more), tie('tree'), { maxKeys: 5 }),
    ),
  }));
  fc.assert(
    fc.property(tree, (value) => {
      const parsed = parseConfig(JSON.stringify(value), source);
      if (parsed.ok) {
        expect(parsed.config.listeners.length).toBeGreaterThan(0);
      } else {
        expect(parsed.mistakes.length).toBeGreaterThan(0);
        for (const { line, meant } of parsed.mistakes) {
          expect(line).toBeGreaterThan(0);
          expect(meant).not.toBe('');
        }
      }
    }),
    { numRuns: 500 },
  );
});

it('survives any change of one value in a good file', () => {
  const { document } = config(DESIGN);
  const paths: (string | number)[][] = [];
  const collect = (value: unknown, path: (string | number)[]): void => {
    paths.push(path);
    if (typeof value !== 'object' || value === null) return;
    for (const [key, each] of Object.entries(value)) collect(each, [...path, key]);
  };
  collect(document, []);
  for (const path of paths.slice(1)) {
    for (const wrong of [
      null,
      [],
      {},
      -1,
      1.5,
      '',
      'x y',
      true,
      [null],
      { a: 1 },
      Number.MAX_VALUE,
    ]) {
      const copy = structuredClone(document) as Record<string, unknown>;
      let at = copy;
      for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>;
      at[path.at(-1) as string] = wrong;
      const parsed = parseConfig(JSON.stringify(copy), source);
      if (!parsed.ok) expect(parsed.mistakes[0]?.meant).not.toBe('');
    }
  }
});

describe('the short form', () => {
  const listen = '127.0.0.1:15101';

  it('means the same as a file', () => {
    const parsed = fromPairs([{ listen, upstream: 'https://api.example.com' }]);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes));
    const file = config(withUpstream('').replaceAll(/\bapi\b(?!\.)/g, 'api.example.com'));
    expect({ ...parsed.config, document: null }).toEqual({ ...file, document: null });
  });

  it('names upstreams by their hosts, each name once, and shares one among equal URLs', () => {
    const parsed = fromPairs([
      { listen: '127.0.0.1:1', upstream: 'https://api.example.com' },
      { listen: '127.0.0.1:2', upstream: 'http://api.example.com' },
      { listen: '127.0.0.1:3', upstream: 'http://api.example.com:8080' },
      { listen: '127.0.0.1:4', upstream: 'https://api.example.com' },
      { listen: '127.0.0.1:5', upstream: 'http://[::1]:8080' },
    ]);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes));
    expect(parsed.config.listeners.map(({ upstream }) => upstream)).toEqual([
      'api.example.com',
      'api.example.com-2',
      'api.example.com-3',
      'api.example.com',
      '1',
    ]);
    expect(parsed.config.upstreams).toHaveLength(4);
  });

  it.each([
    [undefined, { kind: 'tcp', host: '127.0.0.1', port: 15_100 }],
    ['[::]:15100', { kind: 'tcp', host: '::', port: 15_100 }],
  ])('has an admin server: %s', (admin, address) => {
    const parsed = fromPairs([{ listen, upstream: 'https://a.example' }], { admin });
    expect(parsed).toMatchObject({ ok: true, config: { admin: { address } } });
  });

  it('has none with off', () => {
    const parsed = fromPairs([{ listen, upstream: 'https://a.example' }], { admin: 'off' });
    expect(parsed).toMatchObject({ ok: true, config: { admin: null } });
  });

  it.each([
    [[{ listen: '0.0.0.0:1', upstream: 'https://a.example' }], ['--listen']],
    [[{ listen, upstream: 'https://a.example/v1' }], ['--upstream']],
    [[{ listen, upstream: 'nonsense' }], ['--upstream']],
    [[{ listen, upstream: 'http://127.0.0.1:15101' }], ['--upstream']],
    [[{ listen, upstream: `https://\${env:TOKEN}` }], ['--upstream']],
    [[], ['--listen']],
    [
      [
        { listen, upstream: 'https://a.example' },
        { listen, upstream: 'https://b.example' },
      ],
      ['--listen (number 2)'],
    ],
  ])('tells mistakes by their flags: %j', (pairs, flags) => {
    const parsed = fromPairs(pairs);
    expect(parsed.ok ? [] : parsed.mistakes.map(({ path }) => path)).toEqual(flags);
  });

  it('tells a wrong admin address', () => {
    const parsed = fromPairs([{ listen, upstream: 'https://a.example' }], { admin: '15100' });
    expect(parsed.ok ? [] : parsed.mistakes.map(({ path }) => path)).toEqual(['--admin']);
  });
});

describe('an admin address given beside the file', () => {
  const listeners = [{ address: '127.0.0.1:15101', upstream: 'a' }];
  const file = { listeners, upstreams: { a: { url: 'https://a.example' } } };
  const read = (admin: unknown, instead: string) => {
    const text = JSON.stringify(admin === undefined ? file : { ...file, admin });
    return parseConfig(text, { ...source, admin: instead });
  };

  it.each([undefined, 'off', { address: '[::]:1', readyWait: '5s' }])(
    "stands in the place of the file's: %j",
    (admin) => {
      expect(read(admin, '127.0.0.1:2')).toMatchObject({
        config: { admin: { address: { host: '127.0.0.1', port: 2 }, readyWaitMs: 5_000 } },
      });
      expect(read(admin, 'off')).toMatchObject({ config: { admin: null } });
    },
  );

  it('leaves the rest of what the file says of it', () => {
    const read1s = read({ address: '[::]:1', readyWait: '1s' }, '127.0.0.1:2');
    expect(read1s).toMatchObject({ config: { admin: { readyWaitMs: 1_000 } } });
  });

  it('is checked against the listeners', () => {
    expect(read(undefined, '127.0.0.1:15101').ok).toBe(false);
  });
});
