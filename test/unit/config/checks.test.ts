import { describe, expect, it } from 'vitest';
import { mistakes, warnings, withListener, withTop, withUpstream } from './support.ts';

const two = (first: string, second: string) => `
listeners: [{ upstream: api, address: '${first}' }, { upstream: api, address: '${second}' }]
upstreams: { api: { url: 'https://api.example.com' } }
admin: off
`;

describe('listeners', () => {
  it.each([
    ['listeners: []\nupstreams: {}', 'listeners: an empty list; at least one listener'],
    [withListener("address: '0.0.0.0:1'"), 'set allowRemote: true if that is wanted'],
    [withListener("address: '10.0.0.1:1'"), 'a loopback address is meant'],
    [withListener("address: '[::]:1'"), 'a loopback address is meant'],
    [withListener("address: '127.0.0.1:1', mode: '0660'"), 'listeners[0].mode: mode on a TCP'],
    [withListener("address: '127.0.0.1:1', owner: '1:1'"), 'listeners[0].owner: owner on a TCP'],
    [
      two('127.0.0.1:1', '127.0.0.1:1'),
      'listeners[1].address: "127.0.0.1:1"; another address is meant: listeners[0] has 127.0.0.1:1',
    ],
    [two('[::1]:1', '[0::1]:1'), 'listeners[1].address: "[::1]:1"; another address is meant'],
    [two('localhost:1', '127.0.0.1:1'), 'listeners[0] has localhost:1'],
    [two('unix:/x', 'unix:/x'), 'listeners[0] has unix:/x'],
    [withListener("address: '127.0.0.1:15100'"), 'the admin server has 127.0.0.1:15100'],
    [
      `${withListener("address: '127.0.0.1:1'")}admin: { address: '[::]:1' }`,
      'the admin server has [::]:1',
    ],
    [
      withUpstream('').replace('upstream: api', 'upstream: apj'),
      'listeners[0].upstream: "apj"; one of the upstreams is meant: api',
    ],
    [
      withUpstream('').replace('upstream: api', 'upstream: toString'),
      'one of the upstreams is meant: api',
    ],
    [
      "listeners: [{ address: '127.0.0.1:1', upstream: api }]\nupstreams: {}",
      'add one under upstreams',
    ],
  ])('%s: %s', (text, expected) => {
    expect(mistakes(text)).toHaveLength(1);
    expect(mistakes(text)[0]).toContain(expected);
  });

  it.each([
    withListener("address: '0.0.0.0:1', allowRemote: true"),
    withListener("address: 'unix:/run/x.sock', mode: '0660', owner: '1000:1000'"),
    two('127.0.0.1:1', '[::1]:1'),
    two('127.0.0.1:0', '127.0.0.1:0'),
    `${withListener("address: '127.0.0.1:15100'")}admin: off`,
  ])('%s is right', (text) => expect(mistakes(text)).toEqual([]));

  it.each([
    'http://127.0.0.1:15101',
    'http://localhost:15101',
    'https://127.0.0.1:15101/',
    'http://0.0.0.0:15101',
  ])('an upstream at %s would be the gateway itself', (url) => {
    expect(mistakes(withUpstream('', url))).toEqual([
      expect.stringMatching(
        /^upstreams\.api\.url: .*127\.0\.0\.1:15101 is listeners\[0\], and requests would go in a circle$/,
      ),
    ]);
  });

  it('an upstream on another port of this pod is right', () => {
    expect(mistakes(withUpstream('', 'http://127.0.0.1:15102'))).toEqual([]);
  });

  it('warns of an upstream that nobody can reach', () => {
    const text = withUpstream('').replace(
      'upstreams: {',
      "upstreams: { spare: { url: 'https://b.example' },",
    );
    expect(warnings(text)).toEqual([
      'upstreams.spare: an upstream that no listener names; it gets connections and no requests: add a listener for it, or remove it',
    ]);
  });
});

describe('upstreams', () => {
  it.each([
    ['pool: { warm: 9 }', 'upstreams.api.pool.warm: 9; at most warmMax (8)'],
    ['pool: { warmMax: 33 }', 'upstreams.api.pool.warmMax: 33; at most maxConnections (32)'],
    ['pool: { maxConnections: 4 }', 'upstreams.api.pool.warmMax: 8; at most maxConnections (4)'],
    ['headers: { set: { X-A: a, x-a: b } }', 'upstreams.api.headers.set.x-a: the field X-A again'],
    [
      'tls: { certFile: cert.pem }',
      'upstreams.api.tls.certFile: certFile alone; both are meant: add keyFile',
    ],
    [
      'tls: { keyFile: key.pem }',
      'upstreams.api.tls.keyFile: keyFile alone; both are meant: add certFile',
    ],
    [
      'tls: { ca: none.pem }',
      'upstreams.api.tls.ca[0]: "none.pem"; the file cannot be read (ENOENT)',
    ],
    [
      'tls: { ca: [ca.pem, key.pem] }',
      'upstreams.api.tls.ca[1]: "key.pem"; a PEM file with a CERTIFICATE',
    ],
    [
      'tls: { certFile: cert.pem, keyFile: cert.pem }',
      'upstreams.api.tls.keyFile: "cert.pem"; a PEM file with a PRIVATE KEY',
    ],
    [
      'retry: { backoff: { base: 2s } }',
      'upstreams.api.retry.backoff.base: 2s; at most backoff.max (1s)',
    ],
    ['requireUpgrade: true, upgrades: []', 'upstreams.api.upgrades: an empty list'],
  ])('%s: %s', (options, expected) => {
    expect(mistakes(withUpstream(options))).toHaveLength(1);
    expect(mistakes(withUpstream(options))[0]).toContain(expected);
  });

  it('refuses tls for an http URL', () => {
    expect(mistakes(withUpstream('tls: {}', 'http://api.example.com'))).toEqual([
      'upstreams.api.tls: tls for an http URL; an https URL is meant with it: write https://api.example.com, or remove tls',
    ]);
  });

  it.each([
    'tls: { certFile: cert.pem, keyFile: key.pem, ca: [system, ca.pem] }',
    'pool: { maxConnections: 8 }',
    'pool: { warm: 0, warmMax: 0, maxConnections: 1 }',
    'requireUpgrade: true',
    'retry: { backoff: { base: 1s, max: 1s } }',
  ])('%s is right', (options) => expect(mistakes(withUpstream(options))).toEqual([]));

  it.each([
    ['tls: { verify: none }', 'upstreams.api.tls.verify: none'],
    ['retry: { perTryTimeout: 60s }', 'upstreams.api.retry.perTryTimeout: 1m'],
    ['retry: { bodyLimit: 17MiB }', 'upstreams.api.retry.bodyLimit: 17825792B'],
  ])('%s is warned of', (options, expected) => {
    expect(warnings(withUpstream(options))).toEqual([expect.stringContaining(expected)]);
  });
});

it.each([
  ['limits: { head: 8KiB }', 'limits.target: 16384B; at most limits.head (8192B)'],
  ['drain: { quiet: 30s }', 'drain.quiet: 30s; at most drain.deadline (25s)'],
])('%s: %s', (options, expected) => {
  expect(mistakes(withTop(options))).toEqual([expect.stringContaining(expected)]);
});

it('says nothing of what is already known to be wrong', () => {
  expect(mistakes(withUpstream('pool: { warm: many, warmMax: 1 }'))).toEqual([
    expect.stringContaining('upstreams.api.pool.warm: "many"; a whole number'),
  ]);
});

it('still checks the rest when one key is unknown', () => {
  expect(mistakes(withUpstream('pool: { warm: 9, wrm: 1 }'))).toHaveLength(2);
});

it('lets the quiet time be as long as the deadline', () => {
  expect(mistakes(withTop('drain: { quiet: 25s }'))).toEqual([]);
});
