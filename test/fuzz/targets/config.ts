/** A configuration file's text: read, or refused with a place for each mistake; never thrown at, never a secret told. */

import { parseConfig } from '../../../src/config/load.ts';
import { formatMistakes } from '../../../src/config/mistake.ts';
import { redacted } from '../../../src/config/redact.ts';
import { sameOptions } from '../../../src/config/same-options.ts';
import { type FuzzTarget, promise } from '../engine/target.ts';

const SECRET = 'hunter2-of-the-vault';
const env = { TOKEN: SECRET, EMPTY: '' };

function readFile(path: string): string {
  if (path.includes('missing')) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
  if (path.endsWith('.pem'))
    return `-----BEGIN CERTIFICATE-----\n${SECRET}\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n`;
  return `${SECRET}\n`;
}

const small = 'listeners: [{ address: "127.0.0.1:15101", upstream: api }]\n';

export const configTarget: FuzzTarget = {
  name: 'config',
  promise: 'a configuration, or mistakes with places; never a secret in what is shown',
  seeds: () =>
    [
      `${small}upstreams: { api: { url: "https://api.example.com" } }\n`,
      `${small}upstreams:
  api:
    url: https://api.example.com:8443
    host: client
    headers: { set: { Authorization: "Bearer \${file:/run/token}", X-Team: "\${env:TOKEN}", X-A: "$\${x}" }, remove: [X-Debug] }
    tls: { ca: [/etc/ca.pem, system], serverName: api.example.com, certFile: c.pem, keyFile: k.pem, verify: none }
    pool: { maxConnections: 32, warm: 2, warmMax: 8, idleTimeout: 60s, maxAge: 10m, maxRequests: 0, maxWaiting: 1024 }
    timeouts: { connect: 2s, wait: 3s, firstByte: 60s, idle: 60s, request: 0s, tunnelIdle: 1h }
    retry: { resends: 1, bodyLimit: 64KiB, budget: 20%, statuses: [502, 503], backoff: { base: 20ms, max: 1s } }
    pipelining: auto
    upgrades: [websocket]
    via: sidepool
limits: { maxClients: 10000, head: 32KiB, fields: 100, bufferTotal: 16MiB }
admin: off
drain: { quiet: 1s, deadline: 25s }
log: { level: info }
`,
      '{"listeners": [{"address": "unix:/run/a.sock", "upstream": "b", "mode": "0660", "owner": "1:2"}], "upstreams": {"b": {"url": "http://[::1]:80"}}, "admin": {"address": "[::]:15100"}}',
      `x: &a [1, *a]\ny: [&b {k: v}, *b, *b]\n__proto__: { polluted: 1 }\nconstructor: { prototype: 1 }\n`,
      `<<: { a: 1 }\n? [complex, key]\n: value\n!!js/function x: 1\n--- \n second\n`,
      `${small}upstreams: { set: { url: "http://a", headers: { set: { Authorization: secret, constructor: x, __proto__: y } } } }\n`,
      `drain: { quiet: 0x10, deadline: 1e400 }\nlimits: { fields: .inf, head: 1_000, maxClients: 0o17, body: -0 }\n`,
    ].map((text) => Buffer.from(text)),
  morsels: [
    `\${env:TOKEN}`,
    `\${file:/x}`,
    `\${`,
    '&a ',
    '*a',
    '- ',
    ': ',
    '\n  ',
    '{',
    '}',
    '[',
    ']',
    '!!',
    '|',
    '>',
    '"',
    "'",
    '#',
    '---\n',
    '...\n',
    '? ',
    '\t',
    '%YAML 1.2\n',
    '0s',
    '1h',
    '1KiB',
    '50%',
    '"0600"',
  ],
  alsoInstrument: /node_modules\/yaml\/dist\//,
  run(data) {
    const text = data.toString('utf8');
    const parsed = parseConfig(text, { source: '/etc/sidepool/sidepool.yaml', env, readFile });
    promise(
      !('polluted' in {}) && !('prototype' in {}),
      () => 'the prototype of every object was changed',
    );
    const told = parsed.ok ? parsed.warnings : parsed.mistakes;
    promise(parsed.ok || told.length > 0, () => 'refused without a mistake');
    promise(
      told.length <= text.length + 100,
      () => `${told.length} mistakes in ${text.length} characters`,
    );
    const lines = text.split('\n').length + 1;
    for (const { line, path, found, meant } of told) {
      // Only of an empty file there is no place.
      const isPlace = line === undefined ? path === '' : line >= 1 && line <= lines;
      promise(isPlace, () => `line ${line} of ${lines} for ${path}`);
      promise(found !== '' && meant !== '', () => `nothing is said at ${path}`);
    }
    const shown = formatMistakes('sidepool.yaml', told);
    promise(!shown.includes(SECRET), () => `a secret in a mistake: ${shown}`);
    promise(
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a terminal would obey.
      !/[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]/.test(shown),
      () => `a control character in a mistake: ${JSON.stringify(shown)}`,
    );
    if (!parsed.ok) return;
    const config = JSON.stringify(redacted(parsed.config));
    promise(!config.includes(SECRET), () => `a secret in /config: ${config}`);
    promise(
      !/"(?:proxy-)?authorization":"(?!\(hidden\))/i.test(config),
      () => `a credential in /config: ${config}`,
    );
    promise(sameOptions(parsed.config, parsed.config), () => 'not the same as itself');
    const again = parseConfig(text, { source: '/etc/sidepool/sidepool.yaml', env, readFile });
    promise(
      again.ok && sameOptions(again.config, parsed.config),
      () => 'read twice, read otherwise',
    );
  },
};
