/** What `/etc/hosts` says (hosts(5)). In a pod the kubelet writes it, with the pod's own `hostAliases`. */
import { isIP } from 'node:net';
import { canonicalIp } from './addresses.ts';

/** From a name in lower case to its addresses, in the order of the file. */
export type HostsFile = ReadonlyMap<string, readonly string[]>;

/**
 * Reads the text of a hosts file: an address and its names on each line, `#` begins a comment. A name on several
 * lines has all their addresses. A line that begins with no address is passed over, as libc does.
 */
export function parseHostsFile(text: string): HostsFile {
  const hosts = new Map<string, string[]>();
  for (const line of text.split(/[\r\n]+/)) {
    const [content = ''] = line.split('#');
    const [address = '', ...names] = content.split(/[ \t]+/).filter((word) => word !== '');
    if (isIP(address) === 0) continue;
    const ip = canonicalIp(address);
    for (const name of names) {
      const known = hosts.get(name.toLowerCase());
      if (known === undefined) hosts.set(name.toLowerCase(), [ip]);
      else if (!known.includes(ip)) known.push(ip);
    }
  }
  return hosts;
}

/** The addresses of a name, whatever its case; undefined when the file does not know it. */
export function lookUpHosts(hosts: HostsFile, name: string): readonly string[] | undefined {
  return hosts.get(name.toLowerCase());
}
