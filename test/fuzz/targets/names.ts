/** resolv.conf and /etc/hosts, which others write. */
import { isIP } from 'node:net';
import { lookUpHosts, parseHostsFile } from '../../../src/discovery/hosts-file.ts';
import { candidateNames, parseResolvConf } from '../../../src/discovery/resolv-conf.ts';
import { type FuzzTarget, promise } from '../engine/target.ts';

export const namesTarget: FuzzTarget = {
  name: 'names',
  promise: 'servers, names and numbers in range, as libc reads them',
  seeds: () =>
    [
      'nameserver 10.96.0.10\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5 timeout:1 attempts:3\n',
      'domain example.com\nnameserver fe80::1%eth0\n; comment\n# another\noptions rotate ndots:99 attempts:-1\n',
      '127.0.0.1 localhost\n::1 ip6-localhost ip6-loopback # x\n10.0.0.7\tdb.example DB alias\n::ffff:10.0.0.7 db.example\n',
    ].map((text) => Buffer.from(text)),
  maxBytes: 4096,
  run(data) {
    const text = data.toString('utf8');
    const conf = parseResolvConf(text, text.slice(0, 40));
    promise(
      conf.servers.length >= 1 && conf.servers.length <= 3,
      () => `${conf.servers.length} servers`,
    );
    promise(
      conf.servers.every((server) => isIP(server) !== 0),
      () => `servers ${conf.servers}`,
    );
    promise(conf.ndots >= 0 && conf.ndots <= 15, () => `ndots ${conf.ndots}`);
    promise(conf.timeoutMs >= 1_000 && conf.timeoutMs <= 30_000, () => `timeout ${conf.timeoutMs}`);
    promise(conf.attempts >= 1 && conf.attempts <= 5, () => `attempts ${conf.attempts}`);
    for (const name of ['api', 'a.b.c.d.e.f', 'api.', 'x'.repeat(250), 'constructor']) {
      const names = candidateNames(name, conf);
      promise(
        names.every((each) => each !== '' && each.length <= 253),
        () => `names ${names}`,
      );
      promise(new Set(names).size === names.length, () => `a name twice: ${names}`);
    }
    const hosts = parseHostsFile(text);
    for (const [name, addresses] of hosts) {
      promise(name === name.toLowerCase() && name !== '', () => `a host ${name}`);
      promise(
        addresses.length > 0 && addresses.every((address) => isIP(address) !== 0),
        () => `addresses ${addresses}`,
      );
      promise(lookUpHosts(hosts, name) === addresses, () => `${name} is not found`);
    }
    promise(lookUpHosts(new Map(), '__proto__') === undefined, () => 'a host from nowhere');
  },
};
