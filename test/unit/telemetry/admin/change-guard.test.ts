import { describe, expect, it } from 'vitest';
import { type Change, isLoopback, refusal } from '../../../../src/telemetry/admin/change-guard.ts';

const good: Change = {
  path: '/drain',
  own: 'http://127.0.0.1:15100',
  peer: '127.0.0.1',
  marker: '1',
  origin: undefined,
  host: '127.0.0.1:15100',
};

describe('a change is made', () => {
  it.each([
    ['over IPv4', good],
    ['over IPv6', { ...good, peer: '::1', host: '[::1]:15100' }],
    ['over a dual-stack listener', { ...good, peer: '::ffff:127.0.0.1' }],
    ['by name', { ...good, host: 'localhost:15100' }],
    ['by name, without a port', { ...good, host: 'LOCALHOST' }],
    ['over a Unix socket', { ...good, peer: undefined, host: 'localhost' }],
    ['by kubectl port-forward to the pod address', { ...good, host: '10.1.2.3:15100' }],
  ])('%s', (_, change) => {
    expect(refusal(change)).toBeNull();
  });
});

describe('a change is refused, and what to send is told', () => {
  it.each<[string, Change, RegExp]>([
    [
      'from another pod',
      { ...good, peer: '10.0.0.7' },
      /inside the pod only \(you are 10\.0\.0\.7\)/,
    ],
    ['from another pod over IPv6', { ...good, peer: '2001:db8::7' }, /inside the pod/],
    ['from a mapped address', { ...good, peer: '::ffff:10.0.0.7' }, /inside the pod/],
    ['without the header', { ...good, marker: undefined }, /X-Sidepool-Admin: 1/],
    ['with another value', { ...good, marker: 'true' }, /X-Sidepool-Admin: 1/],
    ['for a page', { ...good, origin: 'http://127.0.0.1:15100' }, /web page/],
    ['for an opaque origin', { ...good, origin: 'null' }, /web page/],
    ['by a name pointed at loopback', { ...good, host: 'evil.example:15100' }, /a name may be/],
    [
      'by a name that begins like an address',
      { ...good, host: '127.0.0.1.evil.example' },
      /a name may be/,
    ],
    ['by a name that ends like one', { ...good, host: 'localhost.evil.example' }, /a name may be/],
    ['without Host', { ...good, host: undefined }, /a name may be/],
  ])('%s', (_, change, reason) => {
    expect(refusal(change)).toMatch(reason);
    expect(refusal(change)).toContain(
      "curl -X POST -H 'X-Sidepool-Admin: 1' http://127.0.0.1:15100/drain",
    );
  });
});

it('loopback is 127.0.0.0/8 and ::1, and nothing that merely begins so', () => {
  const yes = ['127.0.0.1', '127.9.8.7', '::1', '::ffff:127.0.0.1', '::FFFF:127.0.0.1'];
  const no = ['10.0.0.1', '127.evil', '128.0.0.1', '::2', '::ffff:10.0.0.1', ''];
  expect(yes.filter((address) => !isLoopback(address))).toEqual([]);
  expect(no.filter(isLoopback)).toEqual([]);
});
