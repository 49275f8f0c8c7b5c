import { describe, expect, it } from 'vitest';
import {
  addressText,
  arrivesAt,
  clash,
  isLocal,
  readAddress,
  readOriginUrl,
} from '../../../src/config/addresses.ts';
import type { Reading } from '../../../src/config/units.ts';

function value<T>(reading: Reading<T>): T {
  if (!reading.ok) throw new Error(reading.meant);
  return reading.value;
}

function meant<T>(reading: Reading<T>): string {
  if (reading.ok) throw new Error(`read as ${JSON.stringify(reading.value)}`);
  return reading.meant;
}

const at = (text: string) => value(readAddress(text));
const url = (text: string) => value(readOriginUrl(text));

describe('listen addresses', () => {
  it.each([
    ['127.0.0.1:15101', { kind: 'tcp', host: '127.0.0.1', port: 15_101 }],
    ['[::1]:15101', { kind: 'tcp', host: '::1', port: 15_101 }],
    ['[0:0:0:0:0:0:0:1]:15101', { kind: 'tcp', host: '::1', port: 15_101 }],
    ['[::]:15100', { kind: 'tcp', host: '::', port: 15_100 }],
    ['localhost:15101', { kind: 'tcp', host: 'localhost', port: 15_101 }],
    ['LOCALHOST:0', { kind: 'tcp', host: 'localhost', port: 0 }],
    ['unix:/run/x.sock', { kind: 'unix', path: '/run/x.sock' }],
  ])('%s is read', (text, address) => expect(at(text)).toEqual(address));

  it.each([
    [15_101, 'write 127.0.0.1:15101'],
    ['15101', 'write 127.0.0.1:15101'],
    [':15101', 'write 127.0.0.1:15101 (or [::]:15101'],
    ['*:15101', 'write 127.0.0.1:15101 (or [::]:15101'],
    ['127.0.0.1', 'write 127.0.0.1:15101'],
    ['localhost', 'write localhost:15101'],
    ['::1', 'write [::1]:15101'],
    ['fe80::1:2:3:4:15101', 'such as 127.0.0.1:15101'],
    ['[::1]', 'such as 127.0.0.1:15101'],
    ['[::g]:1', 'an IPv6 address is meant in the brackets'],
    ['[127.0.0.1]:1', 'an IPv6 address is meant in the brackets'],
    ['[fe80::1%eth0]:1', 'an IPv6 address is meant in the brackets'],
    ['api.example.com:80', 'names are not looked up to listen'],
    ['256.0.0.1:80', 'an IP address or localhost is meant'],
    ['127.0.0.1:65536', 'a port up to 65535'],
    ['127.0.0.1:-1', 'such as 127.0.0.1:15101'],
    ['http://127.0.0.1:80', 'has no scheme'],
    ['/run/x.sock', 'write unix:/run/x.sock'],
    ['unix:x.sock', 'an absolute path'],
    ['unix:/run/', 'an absolute path'],
    ['unix:@x', 'abstract ones have no permissions'],
    [`unix:/${'x'.repeat(107)}`, 'at most 107 octets'],
    [null, 'such as 127.0.0.1:15101'],
  ])('%j is none: %s', (raw, hint) => expect(meant(readAddress(raw))).toContain(hint));

  it.each(['127.0.0.1:1', '[::1]:1', 'localhost:1', 'unix:/x'])(
    'writes %s as it was read',
    (text) => expect(addressText(at(text))).toBe(text),
  );

  it.each([
    ['127.0.0.1:1', true],
    ['127.9.9.9:1', true],
    ['[::1]:1', true],
    ['localhost:1', true],
    ['unix:/x', true],
    ['0.0.0.0:1', false],
    ['[::]:1', false],
    ['10.0.0.1:1', false],
    ['[fd00::1]:1', false],
  ])('%s is for this pod alone: %s', (text, isIt) => expect(isLocal(at(text))).toBe(isIt));

  it.each([
    ['127.0.0.1:1', '127.0.0.1:1', true],
    ['127.0.0.1:1', '127.0.0.1:2', false],
    ['127.0.0.1:1', '127.0.0.2:1', false],
    ['127.0.0.1:1', '[::1]:1', false],
    ['[::]:1', '127.0.0.1:1', true],
    ['[::]:1', '[::1]:1', true],
    ['0.0.0.0:1', '127.0.0.1:1', true],
    ['0.0.0.0:1', '[::1]:1', false],
    ['0.0.0.0:1', '[::]:1', true],
    ['localhost:1', '127.0.0.1:1', true],
    ['localhost:1', '[::1]:1', true],
    ['localhost:1', '10.0.0.1:1', false],
    ['127.0.0.1:0', '127.0.0.1:0', false],
    ['unix:/a', 'unix:/a', true],
    ['unix:/a', 'unix:/b', false],
    ['unix:/a', '127.0.0.1:1', false],
  ])('%s and %s clash: %s', (a, b, doThey) => {
    expect(clash(at(a), at(b))).toBe(doThey);
    expect(clash(at(b), at(a))).toBe(doThey);
  });
});

describe('upstream URLs', () => {
  it.each([
    ['https://api.example.com', 'https', 'api.example.com', 443, 'api.example.com'],
    ['https://api.example.com/', 'https', 'api.example.com', 443, 'api.example.com'],
    ['HTTP://API.Example.com:80', 'http', 'api.example.com', 80, 'api.example.com'],
    ['https://api.example.com:8443', 'https', 'api.example.com', 8443, 'api.example.com:8443'],
    ['http://[::1]:8080', 'http', '::1', 8080, '[::1]:8080'],
    ['http://10.0.0.7', 'http', '10.0.0.7', 80, '10.0.0.7'],
    ['http://my_service:9200', 'http', 'my_service', 9200, 'my_service:9200'],
    ['https://bücher.example', 'https', 'xn--bcher-kva.example', 443, 'xn--bcher-kva.example'],
  ])('%s is read', (text, scheme, host, port, authority) =>
    expect(url(text)).toEqual({ scheme, host, port, authority }),
  );

  it.each([
    ['https://api.example.com/v1', 'without path, query and fragment'],
    ['https://api.example.com?x', 'without path, query and fragment'],
    ['https://api.example.com#x', 'without path, query and fragment'],
    ['https://user:pw@api.example.com', 'without user and password'],
    ['https://user@api.example.com', 'without user and password'],
    ['api.example.com', 'write https://api.example.com'],
    ['api.example.com:8443', 'write https://api.example.com:8443'],
    ['ftp://api.example.com', 'the scheme is http or https'],
    ['unix:///run/x.sock', 'the scheme is http or https'],
    ['https://', 'the URL of an origin'],
    ['https:api.example.com', 'the URL of an origin'],
    ['https:\\\\api.example.com', 'the URL of an origin'],
    ['https://api.example.com:0', 'a port is from 1 to 65535'],
    ['https://api.example.com:65536', 'the URL of an origin'],
    ['https://api.example.com:x', 'the URL of an origin'],
    ['https://a b.example', 'the URL of an origin'],
    ['https://a\tb.example', 'the URL of an origin'],
    ['https://%61.example', 'the URL of an origin'],
    ['http://[::1', 'the URL of an origin'],
    ['http://1.2.3.999', 'the URL of an origin'],
    [null, 'the URL of an origin'],
    [8080, 'the URL of an origin'],
  ])('%j is none: %s', (raw, hint) => expect(meant(readOriginUrl(raw))).toContain(hint));

  it.each([
    ['http://127.0.0.1:1', '127.0.0.1:1', true],
    ['http://localhost:1', '127.0.0.1:1', true],
    ['http://api.localhost:1', '[::1]:1', true],
    ['http://127.0.0.1:1', 'localhost:1', true],
    ['http://0.0.0.0:1', '127.0.0.1:1', true],
    ['http://[::]:1', '[::1]:1', true],
    ['http://127.0.0.1:1', '0.0.0.0:1', true],
    ['http://[::1]:1', '[::]:1', true],
    ['http://10.0.0.1:1', '10.0.0.1:1', true],
    ['http://127.0.0.1', '127.0.0.1:80', true],
    ['http://127.0.0.1:2', '127.0.0.1:1', false],
    ['http://[::1]:1', '127.0.0.1:1', false],
    ['http://[::1]:1', '0.0.0.0:1', false],
    ['http://api.example.com:1', '[::]:1', false],
    ['http://10.0.0.1:1', '[::]:1', false],
    ['http://127.0.0.1:1', 'unix:/x', false],
  ])('%s arrives at %s: %s', (to, address, doesIt) =>
    expect(arrivesAt(url(to), at(address))).toBe(doesIt),
  );
});
