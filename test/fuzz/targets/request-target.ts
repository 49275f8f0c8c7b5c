/** Request targets and Host. */
import { isIP } from 'node:net';
import { isTarget } from '../../../src/http1/octets.ts';
import { isAuthority, readTarget } from '../../../src/http1/request-target.ts';
import { type FuzzTarget, promise } from '../engine/target.ts';

export const requestTargetTarget: FuzzTarget = {
  name: 'target',
  promise: 'a path or *, never two readings; an authority has a host, a port in range and no user',
  seeds: () =>
    [
      'GET /a?b=c',
      'OPTIONS *',
      'GET http://a.example:80/x',
      'GET https://[::1]:443?q',
      'OPTIONS http://u@h/',
      'GET //evil/%2e%2e/%00',
      'GET http://[::ffff:1.2.3.4]/%0d%0a',
    ].map((text) => Buffer.from(text, 'latin1')),
  maxBytes: 2048,
  run(data) {
    const text = data.toString('latin1');
    const space = text.indexOf(' ');
    const method = space === -1 ? 'GET' : text.slice(0, space);
    const raw = text.slice(space + 1);
    checkAuthority(raw);
    // Other octets never get as far: the request line is read first.
    if (raw === '' || !data.subarray(space + 1).every((octet) => isTarget[octet] === 1)) return;
    const read = readTarget(method, raw);
    if (typeof read === 'string') {
      promise(read !== '', () => 'refused without a reason');
      return;
    }
    const { target, authority, scheme } = read;
    promise(
      target === '*' ? method === 'OPTIONS' : target.startsWith('/'),
      () => `target ${target}`,
    );
    const path = target.split('?', 1)[0] ?? '';
    promise(
      !/%00/.test(target) && !/%0[ad]/i.test(path),
      () => `an encoded line end or NUL: ${target}`,
    );
    promise(!/[\s#\\]/.test(target), () => `target ${JSON.stringify(target)}`);
    promise(
      raw.endsWith(target) || target === '/' || target === '*' || raw.endsWith(target.slice(1)),
      () => `${raw} became ${target}`,
    );
    if (authority === undefined) {
      promise(raw === target, () => `${raw} became ${target}`);
      return;
    }
    promise(scheme !== undefined && isAuthority(authority), () => `authority ${authority}`);
    promise(
      raw.slice(scheme.length + 3).startsWith(authority),
      () => `authority ${authority} of ${raw}`,
    );
  },
};

function checkAuthority(raw: string): void {
  if (!isAuthority(raw)) return;
  promise(!/[@/?#\\,\s]/.test(raw), () => `${JSON.stringify(raw)} is an authority`);
  const found = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(raw);
  promise(found !== null, () => `${raw} is an authority`);
  const [, host = '', port = ''] = found;
  promise(host !== '' && Number(port) <= 65_535, () => `${raw} is an authority`);
  promise(
    !host.startsWith('[') || isIP(host.slice(1, -1)) === 6,
    () => `${host} is an IPv6 address`,
  );
}
