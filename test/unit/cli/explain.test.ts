import { describe, expect, it } from 'vitest';
import { explanations } from '../../../src/cli/explain.ts';
import { parseConfig } from '../../../src/config/load.ts';

function explained(document: object) {
  const parsed = parseConfig(JSON.stringify(document), {
    source: '/etc/sidepool/gateway.json',
    env: {},
    readFile: () => '',
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes));
  const told = explanations(parsed.config);
  return {
    told,
    of: (subject: string) => told.find((each) => each.subject === subject)?.sentences.join(' '),
  };
}

const listeners = [{ address: '127.0.0.1:15101', upstream: 'api' }];

describe('explain', () => {
  it('tells of a listener what it does, defaults included', () => {
    const { of } = explained({ listeners, upstreams: { api: { url: 'https://api.example.com' } } });
    expect(of('127.0.0.1:15101')).toContain('Requests go to "api", https://api.example.com.');
    expect(of('127.0.0.1:15101')).toContain('the certificate must be for "api.example.com"');
    expect(of('127.0.0.1:15101')).toContain('At most 32 connections');
    expect(of('127.0.0.1:15101')).toContain('not POST, not PATCH');
    expect(of('gateway')).toContain('Metrics, probes and the status page are at 127.0.0.1:15100.');
  });

  it('says aloud what is dangerous, and what leads nowhere', () => {
    const { of } = explained({
      listeners,
      upstreams: {
        api: { url: 'https://api.example.com', tls: { verify: 'none' }, retry: { resends: 0 } },
        spare: { url: 'http://spare' },
      },
    });
    expect(of('127.0.0.1:15101')).toContain('nothing is verified');
    expect(of('127.0.0.1:15101')).toContain('A request that was sent is never sent again.');
    expect(of('gateway')).toContain('No listener leads to the upstream "spare".');
  });

  it('has a block for each listener and one for the gateway', () => {
    const { told } = explained({
      listeners: [...listeners, { address: 'unix:/run/a.sock', upstream: 'api' }],
      upstreams: { api: { url: 'http://api' } },
    });
    expect(told.map(({ subject }) => subject)).toEqual([
      '127.0.0.1:15101',
      'unix:/run/a.sock',
      'gateway',
    ]);
    for (const { sentences } of told)
      for (const sentence of sentences) expect(sentence).toMatch(/^[A-Z0-9].*\.$/s);
  });
});
