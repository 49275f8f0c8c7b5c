/** Why no cluster with pods can be had on this machine. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../../support/program.ts';

/** By program, the Debian package that has it. */
const programs = {
  go: 'Go, from its own site',
  npm: 'npm',
  unzip: 'unzip',
  openssl: 'openssl',
  containerd: 'containerd',
  ctr: 'containerd',
  runc: 'runc',
  iptables: 'iptables',
  ip: 'iproute2',
  unshare: 'util-linux',
  ps: 'procps',
  docker: 'docker.io',
  dockerd: 'docker.io',
  debootstrap: 'debootstrap',
} as const;

/** Each as a sentence; none when all is there. */
export function nodeLevelMissing(): readonly string[] {
  const { CNI_BIN = '/usr/lib/cni' } = process.env;
  if (process.platform !== 'linux') return ['a node needs Linux'];
  const found: string[] = [];
  if (process.getuid?.() !== 0) found.push('a node needs root: namespaces, mounts, control groups');
  if (!existsSync('/sys/fs/cgroup/memory'))
    found.push('control groups are v2 here, and the kit knows only v1');
  for (const [name, source] of Object.entries(programs))
    if (findProgram(name) === undefined) found.push(`${name} is not installed (${source})`);
  if (!existsSync(join(CNI_BIN, 'bridge')))
    found.push(`no network plugins in ${CNI_BIN} (containernetworking-plugins)`);
  return found;
}
