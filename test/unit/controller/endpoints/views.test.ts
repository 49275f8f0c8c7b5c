import { describe, expect, it } from 'vitest';
import { addressesOf, viewService, viewSlice } from '../../../../src/controller/endpoints/views.ts';

const service = (ports: readonly object[] = [{ name: 'web', port: 80 }], spec: object = {}) =>
  viewService({ metadata: { name: 'pay', namespace: 'shop' }, spec: { ports, ...spec } })!;

const slice = (endpoints: readonly object[], rest: object = {}) =>
  viewSlice({
    metadata: { name: 'pay-1', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'pay' } },
    addressType: 'IPv4',
    ports: [{ name: 'web', port: 8080 }],
    endpoints,
    ...rest,
  })!;

const at = (ip: string, conditions: object = { ready: true }, zones: readonly string[] = []) => ({
  addresses: [ip],
  conditions,
  ...(zones.length === 0 ? {} : { hints: { forZones: zones.map((name) => ({ name })) } }),
});

const wanted = { port: '80', zone: '' };

describe('addressesOf', () => {
  it('goes from the port of the Service to that of its pods, by number or by name', () => {
    const slices = [slice([at('10.0.0.2'), at('10.0.0.1')])];
    const told = ['10.0.0.1:8080', '10.0.0.2:8080'];
    expect(addressesOf(service(), slices, wanted)).toEqual(told);
    expect(addressesOf(service(), slices, { port: 'web', zone: '' })).toEqual(told);
  });

  it('takes the number as it is where a headless Service names no port', () => {
    expect(addressesOf(service([]), [slice([at('10.0.0.1')])], { port: '9000', zone: '' })).toEqual(
      ['10.0.0.1:9000'],
    );
    expect(addressesOf(service([]), [slice([at('10.0.0.1')])], { port: 'grpc', zone: '' })).toEqual(
      [],
    );
  });

  it('knows a Service without endpoints from none at all', () => {
    expect(addressesOf(service(), [], wanted)).toEqual([]);
    expect(addressesOf(undefined, [], wanted)).toBeNull();
  });

  it('takes those that are ready, and if none is, those that leave and still serve', () => {
    const leaving = { ready: false, serving: true, terminating: true };
    const gone = { ready: false, serving: false, terminating: true };
    const starting = { ready: false, serving: false };
    expect(
      addressesOf(
        service(),
        [slice([at('10.0.0.1'), at('10.0.0.2', leaving), at('10.0.0.3', starting)])],
        wanted,
      ),
    ).toEqual(['10.0.0.1:8080']);
    expect(
      addressesOf(
        service(),
        [slice([at('10.0.0.2', leaving), at('10.0.0.3', starting), at('10.0.0.4', gone)])],
        wanted,
      ),
    ).toEqual(['10.0.0.2:8080']);
    // What is not said is true.
    expect(addressesOf(service(), [slice([at('10.0.0.1', {})])], wanted)).toEqual([
      '10.0.0.1:8080',
    ]);
  });

  it('follows hints where all have one and the zone has one, as kube-proxy does', () => {
    const ready = { ready: true };
    const hinted = [slice([at('10.0.0.1', ready, ['a']), at('10.0.0.2', ready, ['b'])])];
    const zone = (name: string) => ({ port: '80', zone: name });
    expect(addressesOf(service(), hinted, zone('b'))).toEqual(['10.0.0.2:8080']);
    expect(addressesOf(service(), hinted, zone('c'))).toHaveLength(2);
    expect(addressesOf(service(), hinted, zone(''))).toHaveLength(2);
    const mixed = [slice([at('10.0.0.1', ready, ['a']), at('10.0.0.2')])];
    expect(addressesOf(service(), mixed, zone('a'))).toHaveLength(2);
  });

  it('joins slices, each address once, of the family that the Service prefers', () => {
    const v6 = slice([at('fd00::1')], { addressType: 'IPv6' });
    const v4 = slice([at('10.0.0.1'), at('10.0.0.1')]);
    expect(addressesOf(service(), [v4, v6, slice([at('10.0.0.2')])], wanted)).toEqual([
      '10.0.0.1:8080',
      '10.0.0.2:8080',
    ]);
    const prefers6 = service(undefined, { ipFamilies: ['IPv6', 'IPv4'] });
    expect(addressesOf(prefers6, [v4, v6], wanted)).toEqual(['[fd00::1]:8080']);
    expect(addressesOf(service(), [v6], wanted)).toEqual(['[fd00::1]:8080']);
  });

  it("passes over what is no TCP, no address, and nobody's", () => {
    expect(
      slice([at('10.0.0.1')], { ports: [{ name: 'web', port: 53, protocol: 'UDP' }] }).ports,
    ).toEqual([]);
    expect(viewSlice({ metadata: { name: 'x', namespace: 'y' }, addressType: 'IPv4' })).toBeNull();
    expect(
      viewSlice({
        metadata: { name: 'x', namespace: 'y', labels: { 'kubernetes.io/service-name': 'z' } },
        addressType: 'FQDN',
      }),
    ).toBeNull();
    expect(viewService({})).toBeNull();
    expect(slice([{ addresses: [] }, {}]).endpoints).toEqual([]);
  });
});
