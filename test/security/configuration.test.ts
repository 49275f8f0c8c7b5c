/** Whoever writes the configuration is trusted with what it says, not to write it without a mistake. */
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { formatMistakes } from '../../src/config/mistake.ts';
import { redacted } from '../../src/config/redact.ts';

const SECRET = 'hunter2';
const listeners = 'listeners: [{ address: "127.0.0.1:15101", upstream: api }]\n';

function read(text: string, file = `${SECRET}\n`) {
  const env = { TOKEN: SECRET };
  return parseConfig(text, { source: '/etc/sidepool.yaml', env, readFile: () => file });
}

function mistakesOf(text: string, file?: string): string {
  const parsed = read(text, file);
  if (parsed.ok) throw new Error('it is right');
  return formatMistakes('sidepool.yaml', parsed.mistakes);
}

describe('a secret in the configuration', () => {
  it.each(['api', 'set', 'headers', 'upstreams'])(
    'is hidden in /config, also of an upstream called %s',
    (name) => {
      const parsed = read(
        `listeners: [{ address: "127.0.0.1:1", upstream: ${name} }]
upstreams:
  ${name}:
    url: http://a
    headers: { set: { Authorization: Basic ${SECRET}, X-Api-Key: ${SECRET}, X-Pin: ${SECRET}, X-Pass: ${SECRET}, X-JWT: ${SECRET}, Set-Cookie2: ${SECRET}, X-From-File: "\${file:/t}", X-From-Env: "a \${env:TOKEN}" } }
`,
      );
      if (!parsed.ok) throw new Error(formatMistakes('', parsed.mistakes));
      const shown = JSON.stringify(redacted(parsed.config));
      expect(shown).toContain('(hidden)');
      expect(shown).toContain(`\${env:TOKEN}`);
      expect(shown).not.toContain(SECRET);
    },
  );

  const wrong = {
    'in a URL': `upstreams: { api: { url: "https://user:${SECRET}@api.test" } }`,
    'in a URL without a scheme': `upstreams: { api: { url: "user:${SECRET}@api.test" } }`,
    'in a URL, with a slash in it': `upstreams: { api: { url: "https://user:${SECRET}/x@api.test" } }`,
    "in a URL's query": `upstreams: { api: { url: "https://api.test/?key=${SECRET}" } }`,
    'as PEM text in place of a path': `upstreams: { api: { url: "https://a", tls: { keyFile: "-----BEGIN PRIVATE KEY-----\\n${SECRET}", certFile: c } } }`,
    'as a text where a mapping is meant': `upstreams: { api: { url: "http://a", headers: "Authorization: ${SECRET}" } }`,
    'as a text where fields are meant': `upstreams: { api: { url: "http://a", headers: { set: "Cookie: ${SECRET}" } } }`,
    'in a field of the wrong kind': `upstreams: { api: { url: "http://a", headers: { set: { Authorization: [${SECRET}] } } } }`,
    'in a field with a line break, from the environment': `upstreams: { api: { url: "http://a", headers: { set: { X-T: "a\\n\${env:TOKEN}" } } } }`,
    'as a duration': `upstreams: { api: { url: "http://a", timeouts: { connect: "\${env:TOKEN}" } } }`,
    'from the environment, where a mapping is meant': `upstreams: { api: { url: "http://a", pool: "\${env:TOKEN}" } }`,
    'from a file, where a list is meant': `upstreams: { api: { url: "http://a", upgrades: "\${file:/t}" } }`,
    'as an unknown choice': `log: { level: "\${file:/token}" }\nupstreams: { api: { url: "http://a" } }`,
  } as const;
  for (const [name, text] of Object.entries(wrong)) {
    it(`is in no mistake: ${name}`, () => {
      const told = mistakesOf(`${listeners}${text}\n`);
      expect(told).not.toBe('');
      expect(told).not.toContain(SECRET);
    });
  }

  it('with a line break in it is refused: it would split the request', () => {
    const text = `${listeners}upstreams: { api: { url: "http://a", headers: { set: { X-T: "\${file:/t}" } } } }`;
    const told = mistakesOf(text, `${SECRET}\r\nX-Admin: yes\n`);
    expect(told).toContain('without line breaks');
    expect(told).not.toContain(SECRET);
  });
});

describe('a file that is hostile', () => {
  it('cannot reach the prototype of anything', () => {
    for (const key of ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']) {
      expect(mistakesOf(`${key}: { polluted: yes, isAdmin: true }\n`)).toContain('unknown key');
      for (const text of [
        `upstreams: { ${key}: { url: "http://a", polluted: 1 } }`,
        `upstreams: { api: { url: "http://a", headers: { set: { ${key}: { polluted: 1 } } } } }`,
        `upstreams: { api: { url: "http://a", ${key}: { polluted: 1 } } }`,
        `limits: { ${key}: { polluted: 1 } }`,
      ])
        expect(mistakesOf(`${listeners}${text}\n`)).not.toBe('');
    }
    expect('polluted' in {}).toBe(false);
    expect('isAdmin' in {}).toBe(false);
  });

  it('may call a field what every object has', () => {
    const text = `${listeners}upstreams: { api: { url: "http://a", headers: { set: { Constructor: x, toString: y } } } }`;
    const parsed = read(text);
    if (!parsed.ok) throw new Error(formatMistakes('', parsed.mistakes));
    expect(parsed.config.upstreams[0]?.policy.edits.setLines).toBe(
      'Constructor: x\r\ntoString: y\r\n',
    );
  });

  // With a cost that grows with the square these take minutes to hours: the test's own limit would end them.
  const heavy = {
    'aliases by the ten thousand': `a: &a 1\nb: [${Array(10_000).fill('*a').join(',')}]`,
    'aliases of aliases': `a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 12 }, (_, index) => `a${index + 1}: &a${index + 1} [${Array(10).fill(`*a${index}`).join(',')}]`).join('\n')}`,
    'listeners that all clash': `${listeners.replace(' }]', ` }${', *l'.repeat(20_000)}]`).replace('{', '&l {')}upstreams: { api: { url: "http://a" } }`,
    'levels by the thousand': `a: ${'['.repeat(5000)}${']'.repeat(5000)}`,
    'levels that the parser bears': `a: ${'{a: '.repeat(400)}1${'}'.repeat(400)}`,
    'keys by the ten thousand': Array.from({ length: 8_000 }, (_, nth) => `k${nth}: 1`).join('\n'),
    'a number without an end': `drain: { quiet: ${'9'.repeat(200_000)} }`,
    'a key without an end': `"${'k'.repeat(200_000)}": 1`,
    'a duration without an end': `drain: { quiet: "${'1h'.repeat(50_000)}!" }`,
    'an address without an end': `listeners: [{ address: "${'[::1]:'.repeat(30_000)}", upstream: a }]`,
    'a URL without an end': `upstreams: { api: { url: "http://${'a-.'.repeat(60_000)}@" } }`,
    'line breaks before a secret ends': `upstreams: { api: { url: "http://a", headers: { set: { X: "\${file:/t}" } } } }`,
  } as const;
  for (const [name, text] of Object.entries(heavy)) {
    it(`is refused in time, and in a few lines: ${name}`, () => {
      const told = mistakesOf(text, `${'\n'.repeat(400_000)}x`);
      expect(told.split('\n').length).toBeLessThanOrEqual(101);
      expect(told.length).toBeLessThan(100_000);
    });
  }

  it('cannot write to the terminal or forge a line of the log', () => {
    const told = mistakesOf(
      '"a\\x1b[2J\\n{\\"level\\":\\"error\\"}\\u202e": "\\x9b31m\\r\\nforged"\n\x7f}: 1\n',
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
    expect(told).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
    for (const line of told.split('\n')) expect(line).toMatch(/^sidepool\.yaml/);
  });
});
