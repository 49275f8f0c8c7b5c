import type { GatewayConfig } from '../../../src/config/gateway-config.ts';
import { type ConfigSource, type ParsedConfig, parseConfig } from '../../../src/config/load.ts';

const certificate = '-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n';
const key = '-----BEGIN EC PRIVATE KEY-----\nMII\n-----END EC PRIVATE KEY-----\n';

const files: Readonly<Record<string, string>> = {
  '/etc/sidepool/ca.pem': certificate,
  '/etc/sidepool/cert.pem': certificate,
  '/etc/sidepool/key.pem': key,
  '/run/secrets/token': 's3cret\n',
  '/run/secrets/lines': 's3cret\nX-Evil: 1\n',
};

export const source: ConfigSource = {
  source: '/etc/sidepool/sidepool.yaml',
  env: { TOKEN: 'env-s3cret', PORT: '15101', WRONG: 'env-s3cret value' },
  readFile: (path) => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    return text;
  },
};

export function parse(text: string): ParsedConfig {
  return parseConfig(text, source);
}

/** The configuration, or a failed test with its mistakes. */
export function config(text: string): GatewayConfig {
  const parsed = parse(text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes, null, 1));
  return parsed.config;
}

/** `path: found; meant` of every mistake. */
export function mistakes(text: string): readonly string[] {
  const parsed = parse(text);
  return parsed.ok ? [] : parsed.mistakes.map(lineOf);
}

export function warnings(text: string): readonly string[] {
  const parsed = parse(text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes, null, 1));
  return parsed.warnings.map(lineOf);
}

function lineOf({ path, found, meant }: { path: string; found: string; meant: string }): string {
  return `${path}: ${found}; ${meant}`;
}

/** A whole file around what stands in one upstream. */
export function withUpstream(options: string, url = 'https://api.example.com'): string {
  return `
listeners: [{ address: '127.0.0.1:15101', upstream: api }]
upstreams: { api: { url: '${url}', ${options} } }
`;
}

/** A whole file with more at its top. */
export function withTop(options: string): string {
  return `${withUpstream('')}\n${options}\n`;
}

/** A whole file around what stands in one listener. */
export function withListener(options: string): string {
  return `
listeners: [{ upstream: api, ${options} }]
upstreams: { api: { url: 'https://api.example.com' } }
`;
}
