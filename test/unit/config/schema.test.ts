import { describe, expect, it } from 'vitest';
import { config, mistakes, withListener, withTop, withUpstream } from './support.ts';

/** One wrong value, one mistake: what of its path and of its words must be there. */
const inUpstream: readonly (readonly [string, string, string])[] = [
  ['host: other', 'host', 'one of upstream, client is meant'],
  ['authorities: [a/b]', 'authorities[0]', 'such as api.internal'],
  ['authorities: api.internal', 'authorities', 'a list is meant'],
  ['headers: { set: { X-A: 1 } }', 'headers.set.X-A', 'write it in quotes, "1"'],
  ['headers: { set: { X-A: true } }', 'headers.set.X-A', 'write it in quotes, "true"'],
  ['headers: { set: { X-A: null } }', 'headers.set.X-A', 'a field value is meant'],
  ['headers: { set: { X-A: "a\\nb" } }', 'headers.set.X-A', 'without line breaks'],
  ['headers: { set: { X-A: " a" } }', 'headers.set.X-A', 'white space'],
  ['headers: { set: { "X A": a } }', 'headers.set["X A"]', 'a field name is meant'],
  ['headers: { set: { "X-A\\r\\nY": a } }', 'headers.set["X-A\\r\\nY"]', 'a field name is meant'],
  ['headers: { set: { host: a } }', 'headers.set.host', 'host: client'],
  ['headers: { set: { Content-Length: "1" } }', 'headers.set.Content-Length', 'it frames'],
  ['headers: { set: { transfer-encoding: x } }', 'headers.set.transfer-encoding', 'it frames'],
  ['headers: { set: { Connection: close } }', 'headers.set.Connection', 'each connection'],
  ['headers: { set: { constructor: a } }', 'headers.set.constructor', 'another name'],
  ['headers: { set: [X-A] }', 'headers.set', 'a mapping of names is meant'],
  ['headers: { remove: X-A }', 'headers.remove', 'a list is meant'],
  ['headers: { remove: [Host] }', 'headers.remove[0]', 'host: client'],
  ['headers: { remove: [""] }', 'headers.remove[0]', 'a field name is meant'],
  ['headers: { X-A: a }', 'headers.X-A', 'one of set, remove is meant'],
  ['via: "a b"', 'via', 'off, or a name'],
  ['via: true', 'via', 'off, or a name'],
  ['tls: { ca: 3 }', 'tls.ca', 'a file path or a list'],
  ['tls: { ca: [""] }', 'tls.ca', 'a file path or a list'],
  ['tls: { serverName: "a:443" }', 'tls.serverName', 'without a port'],
  ['tls: { verify: false }', 'tls.verify', 'one of full, none is meant'],
  ['tls: { minVersion: "1.3" }', 'tls.minVersion', 'an unknown key'],
  ['tls: { insecureSkipVerify: true }', 'tls.insecureSkipVerify', 'one of ca, serverName'],
  ['tls: null', 'tls', 'leave the key out'],
  ['pool: { maxConnections: 0 }', 'pool.maxConnections', 'from 1 to 65535'],
  ['pool: { maxConnections: 1.5 }', 'pool.maxConnections', 'a whole number'],
  ['pool: { maxConnections: "32" }', 'pool.maxConnections', 'write 32 without quotes'],
  ['pool: { max_connections: 32 }', 'pool.max_connections', 'did you mean maxConnections?'],
  ['pool: { MaxAge: 1m }', 'pool.MaxAge', 'did you mean maxAge?'],
  ['pool: { warm: -1 }', 'pool.warm', 'from 0 to 1024'],
  ['pool: { idleTimeout: 0s }', 'pool.idleTimeout', 'more than 0s'],
  ['pool: { maxAge: 10 }', 'pool.maxAge', 'write 10s'],
  ['pool: { learnIdleTimeout: yes }', 'pool.learnIdleTimeout', 'YAML 1.2 has no yes'],
  ['pool: 32', 'pool', 'a mapping of options is meant'],
  ['pool: [32]', 'pool', 'a mapping of options is meant'],
  ['timeouts: { connect: 0s }', 'timeouts.connect', 'more than 0s'],
  ['timeouts: { wait: soon }', 'timeouts.wait', 'such as 250ms'],
  ['timeouts: { read: 1s }', 'timeouts.read', 'one of connect, wait, firstByte'],
  ['maxConnections: 3', 'maxConnections', 'did you mean pool.maxConnections?'],
  ['retry: { resends: 2 }', 'retry.resends', 'RFC 9110 9.2.2'],
  ['retry: { resends: true }', 'retry.resends', '0 or 1 is meant'],
  ['retry: { budget: 20 }', 'retry.budget', 'write 20%'],
  ['retry: { bodyLimit: 64k }', 'retry.bodyLimit', 'write 64KiB'],
  ['retry: { onNewConnection: always }', 'retry.onNewConnection', 'one of safe, idempotent, never'],
  ['retry: { statuses: [500] }', 'retry.statuses[0]', 'one of 429, 502, 503, 504'],
  ['retry: { statuses: 503 }', 'retry.statuses', 'a list is meant'],
  ['retry: { idempotencyHeaders: ["a b"] }', 'retry.idempotencyHeaders[0]', 'a field name'],
  ['retry: { backoff: { base: 0s } }', 'retry.backoff.base', 'more than 0s'],
  ['upgrades: [h2c]', 'upgrades[0]', 'never carried'],
  ['upgrades: [TLS/1.0]', 'upgrades[0]', 'never carried'],
  ['upgrades: ["a b"]', 'upgrades[0]', 'such as websocket'],
  ['requireUpgrade: 1', 'requireUpgrade', 'true or false'],
  ['pipelining: on', 'pipelining', 'off, auto, or a whole number from 2 to 64 is meant'],
  ['pipelining: 1', 'pipelining', 'off, auto, or a whole number from 2 to 64 is meant'],
  ['pipelining: "8"', 'pipelining', 'off, auto, or a whole number from 2 to 64 is meant'],
  ['outliers: on', 'outliers', 'a mapping of options is meant, or the word off'],
  ['outliers: { successRate: 50 }', 'outliers.successRate', 'write 50%'],
  ['outliers: { statuses: [404] }', 'outliers.statuses[0]', '429, or a whole number from 500'],
  ['outliers: { statuses: [503.5] }', 'outliers.statuses[0]', '429, or a whole number from 500'],
  ['outliers: { trials: 0 }', 'outliers.trials', 'a whole number from 1 to 1000'],
  ['outliers: { window: 10 }', 'outliers.window', 'write 10s'],
  ['outliers: { window: 0s }', 'outliers.window', 'more than 0s'],
  ['outliers: { baseEjectionTime: 10s }', 'outliers.baseEjectionTime', 'an unknown key'],
  ['breaker: auto', 'breaker', 'a mapping of options is meant, or the word off'],
  ['breaker: { minRequests: 0 }', 'breaker.minRequests', 'a whole number from 1'],
  ['breaker: { maxEjected: 50% }', 'breaker.maxEjected', 'an unknown key'],
  ['__proto__: { a: 1 }', '__proto__', 'an unknown key'],
];

describe('upstreams', () => {
  it.each(inUpstream)('%s', (options, path, words) => {
    const found = mistakes(withUpstream(options));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`upstreams.api.${path}: `);
    expect(found[0]).toContain(words);
  });

  it.each([
    '"": { url: "https://a.example" }',
    '"a b": { url: "https://a.example" }',
    '"-a": { url: "https://a.example" }',
    'constructor: { url: "https://a.example" }',
    '__proto__: { url: "https://a.example" }',
    `${'x'.repeat(64)}: { url: "https://a.example" }`,
  ])('have proper names: %s', (entry) => {
    const text = withUpstream('').replace('upstreams: {', `upstreams: { ${entry},`);
    expect(mistakes(text)).toEqual([expect.stringMatching(/name.*is meant/)]);
  });
});

describe('listeners', () => {
  it.each([
    ["address: '127.0.0.1:1', backlog: 0", 'backlog', 'from 1 to 65535'],
    ["address: 'unix:/x', mode: 0660", 'mode', 'write it in quotes, "660"'],
    ["address: 'unix:/x', mode: '660'", 'mode', 'such as "0660"'],
    ["address: 'unix:/x', mode: '0690'", 'mode', 'such as "0660"'],
    ["address: 'unix:/x', owner: root", 'owner', 'such as "1000:1000"'],
    ["address: '0.0.0.0:1', allowRemote: 'true'", 'allowRemote', 'true or false'],
    ["adress: '127.0.0.1:1', address: '127.0.0.1:1'", 'adress', 'did you mean address?'],
    ['backlog: 1', 'address', 'it must be given'],
    ['address: 15101', 'address', 'write 127.0.0.1:15101'],
  ])('%s', (options, path, words) => {
    const found = mistakes(withListener(options));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`listeners[0].${path}: `);
    expect(found[0]).toContain(words);
  });

  it('read the mode as octal and the owner as numbers', () => {
    const [listener] = config(
      withListener("address: 'unix:/x', mode: '0660', owner: '1000:2000'"),
    ).listeners;
    expect(listener?.options).toMatchObject({
      socketMode: 0o660,
      socketOwner: { uid: 1000, gid: 2000 },
    });
  });
});

describe('the rest of the file', () => {
  it.each([
    ['limits: { maxClients: 0 }', 'limits.maxClients', 'from 1 to'],
    ['limits: { head: 32768 }', 'limits.head', 'write 32768B'],
    ['limits: { head: 1B }', 'limits.head', 'at least 1024B'],
    ['limits: { header: 32KiB }', 'limits.header', 'did you mean head?'],
    ['clients: { idleTimeout: 0s }', 'clients.idleTimeout', 'more than 0s'],
    ['clients: { lingerBytes: 256 }', 'clients.lingerBytes', 'write 256B'],
    ['admin: { address: 15100 }', 'admin.address', 'write 127.0.0.1:15100'],
    ['admin: on', 'admin', 'a mapping of options is meant, or the word off'],
    ['admin:', 'admin', 'a mapping of options is meant, or the word off'],
    ['drain: { deadline: 25 }', 'drain.deadline', 'write 25s'],
    ['log: { level: verbose }', 'log.level', 'one of trace, debug, info'],
    ['timeouts: { connect: 1s }', 'timeouts', 'an unknown key'],
    ['Admin: off', 'Admin', 'did you mean admin?'],
  ])('%s', (options, path, words) => {
    const found = mistakes(withTop(options));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`${path}: `);
    expect(found[0]).toContain(words);
  });

  // What Helm and other YAML 1.1 tools make of a bare off.
  it.each(['off', 'false'])('admin, via, pipelining, outliers and breaker can be %s', (off) => {
    const all = `via: ${off}, pipelining: ${off}, outliers: ${off}, breaker: ${off}`;
    const parsed = config(`${withUpstream(all)}\nadmin: ${off}\n`);
    const { options, policy } = parsed.upstreams[0] ?? {};
    expect([parsed.admin, policy?.edits.via, options?.outliers, options?.breaker]).toEqual([
      null,
      undefined,
      null,
      null,
    ]);
  });
});

it('puts every option where its room reads it', () => {
  const parsed = config(`
listeners: [{ address: '127.0.0.1:1', upstream: api, backlog: 7 }]
upstreams:
  api:
    url: http://api.example.com:8080
    host: client
    authorities: [API.internal]
    headers: { set: { X-B: b }, remove: [X-A] }
    via: pod
    pool: { maxConnections: 11, warm: 1, warmMax: 3, idleTimeout: 12s, maxAge: 13m, maxRequests: 14,
            maxWaiting: 15, maxDials: 16, learnIdleTimeout: false }
    timeouts: { connect: 21s, wait: 22s, firstByte: 23s, idle: 24s, request: 25s, tunnelIdle: 26s }
    retry: { resends: 0, bodyLimit: 31B, budget: 32%, budgetFloor: 33, onNewConnection: idempotent,
             statuses: [503, 429], maxRetryAfter: 34s, idempotencyHeaders: [Idempotency-Key],
             perTryTimeout: 1s, backoff: { base: 36ms, max: 37ms } }
    outliers: { consecutiveFailures: 51, statuses: [500], successRate: 52%, window: 53s, minRequests: 54,
                baseEjection: 55s, maxEjection: 56s, trials: 57, maxEjected: 58%, panic: 59% }
    breaker: { consecutiveFailures: 61, statuses: [429], successRate: 62%, window: 63s, minRequests: 64,
               baseOpen: 65s, maxOpen: 66s, trials: 67 }
    upgrades: [WebSocket, foo/2]
    requireUpgrade: true
    pipelining: 8
limits: { maxClients: 41, head: 42KiB, target: 430B, fields: 44, body: 45B, bufferTotal: 46B }
`);
  expect(parsed.limits).toEqual({ maxClients: 41, bufferTotalBytes: 46 });
  expect(parsed.listeners[0]?.options).toMatchObject({
    backlog: 7,
    client: {
      head: { headBytes: 42 * 1024, targetBytes: 430, maxFields: 44 },
      maxBodyBytes: 45,
    },
  });
  expect(parsed.upstreams[0]).toEqual({
    options: {
      name: 'api',
      url: {
        scheme: 'http',
        host: 'api.example.com',
        port: 8080,
        authority: 'api.example.com:8080',
      },
      tls: null,
      pool: {
        maxConnections: 11,
        warm: 1,
        warmMax: 3,
        idleTimeoutMs: 12_000,
        maxAgeMs: 780_000,
        maxRequests: 14,
        maxWaiting: 15,
        maxDials: 16,
        learnsIdleLimit: false,
        pipelining: 8,
      },
      timeouts: { connectMs: 21_000, waitMs: 22_000 },
      outliers: {
        consecutiveFailures: 51,
        statuses: [500],
        successRate: 0.52,
        windowMs: 53_000,
        minRequests: 54,
        baseMs: 55_000,
        maxMs: 56_000,
        trials: 57,
        maxEjected: 0.58,
        panic: 0.59,
      },
      breaker: {
        consecutiveFailures: 61,
        statuses: [429],
        successRate: 0.62,
        windowMs: 63_000,
        minRequests: 64,
        baseMs: 65_000,
        maxMs: 66_000,
        trials: 67,
      },
      responseLimits: { headBytes: 42 * 1024, maxFields: 44 },
    },
    policy: {
      edits: {
        authority: undefined,
        defaultAuthority: 'api.example.com:8080',
        setLines: 'X-B: b\r\n',
        removed: new Set(['x-b', 'x-a']),
        via: 'pod',
      },
      timeouts: {
        waitMs: 22_000,
        firstByteMs: 23_000,
        idleMs: 24_000,
        requestMs: 25_000,
        tunnelIdleMs: 26_000,
      },
      retry: {
        resends: 0,
        onNewConnection: 'idempotent',
        statuses: [503, 429],
        maxRetryAfterMs: 34_000,
        idempotencyHeaders: ['idempotency-key'],
        perTryTimeoutMs: 1000,
        bodyLimitBytes: 31,
        budgetRatio: 0.32,
        budgetFloor: 33,
        backoffBaseMs: 36,
        backoffMaxMs: 37,
      },
      upgrades: ['websocket', 'foo/2'],
      requiresUpgrade: true,
      ownAuthorities: ['api.internal'],
    },
  });
});

it('puts the patience with clients where downstream reads it', () => {
  const [listener] = config(
    withTop(`clients: { headTimeout: 1s, idleTimeout: 2s, maxRequests: 3, stallTimeout: 4s,
      lingerTime: 5s, lingerBytes: 6B, holdTime: 7ms, holdBytes: 8B }`),
  ).listeners;
  expect(listener?.options.client).toMatchObject({
    headTimeoutMs: 1000,
    idleTimeoutMs: 2000,
    maxRequests: 3,
    stallTimeoutMs: 4000,
    lingerMs: 5000,
    lingerBytes: 6,
    holdForLengthMs: 7,
    holdForLengthBytes: 8,
  });
});

it('reads the rest', () => {
  const parsed = config(
    withTop(`admin: { address: '[::]:15100', readyWait: 1s }
drain: { quiet: 2s, deadline: 3s }
log: { level: debug }`),
  );
  expect(parsed).toMatchObject({
    admin: { address: { kind: 'tcp', host: '::', port: 15_100 }, readyWaitMs: 1000 },
    drain: { quietMs: 2000, deadlineMs: 3000 },
    log: { level: 'debug' },
  });
});
