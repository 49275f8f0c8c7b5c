import { describe, expect, it } from 'vitest';
import { readOriginUrl } from '../../../src/config/addresses.ts';
import { parseConfig } from '../../../src/config/load.ts';

describe('kubernetes://', () => {
  it('is a Service: its name in DNS, its port, and what the controller knows it by', () => {
    expect(readOriginUrl('kubernetes://pay.shop:8080')).toEqual({
      ok: true,
      value: {
        scheme: 'http',
        host: 'pay.shop.svc',
        port: 8080,
        authority: 'pay.shop.svc:8080',
        service: 'shop/pay:8080',
      },
    });
    expect(readOriginUrl('Kubernetes://Pay.Shop/')).toMatchObject({
      value: { host: 'pay.shop.svc', port: 80, authority: 'pay.shop.svc', service: 'shop/pay:80' },
    });
  });

  it.each([
    'kubernetes://pay',
    'kubernetes://pay.shop.svc',
    'kubernetes://pay.shop:web',
    'kubernetes://pay.shop:0',
    'kubernetes://pay.shop:70000',
    'kubernetes://pay.shop/path',
    'kubernetes://-pay.shop',
  ])('%s: says how one is written', (raw) => {
    expect(readOriginUrl(raw)).toMatchObject({
      ok: false,
      meant: expect.stringContaining('kubernetes://pay.shop:8080'),
    });
  });

  it('has its section of the configuration', () => {
    const read = (endpoints: object) =>
      parseConfig(
        JSON.stringify({
          listeners: [{ address: '127.0.0.1:1', upstream: 'pay' }],
          upstreams: { pay: { url: 'kubernetes://pay.shop' } },
          endpoints,
        }),
        { source: '/etc/sidepool/sidepool.yaml', env: {}, readFile: () => '' },
      );
    const ca = '-----BEGIN CERTIFICATE-----\n';
    const server = 'https://controller.sidepool.svc:8444';
    expect(read({ server, ca, tokenFile: 'token' })).toMatchObject({
      ok: true,
      config: { endpoints: { server, ca, tokenFile: '/etc/sidepool/token' } },
    });
    expect(read({ server: 'http://c', ca: '/etc/ca.pem' })).toMatchObject({
      ok: false,
      mistakes: expect.arrayContaining(
        [
          { path: 'endpoints.server', meant: expect.stringContaining('https') },
          { path: 'endpoints.ca', meant: expect.stringContaining('not its path') },
          { path: 'endpoints.tokenFile' },
        ].map((each) => expect.objectContaining(each)),
      ),
    });
  });
});
