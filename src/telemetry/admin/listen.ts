/** Listening on what configuration names, with the two things that go wrong on real nodes mended. */
import { lstat, unlink } from 'node:fs/promises';
import { createConnection, type Server } from 'node:net';
import { codeOf } from '../../base/fault.ts';
import type { ListenAddress } from '../../downstream/options.ts';

/** Resolves with the address in use, or rejects with the system's error. */
export async function listen(server: Server, address: ListenAddress): Promise<ListenAddress> {
  if (address.kind === 'unix') {
    await removeStale(address.path);
    await listening(server, { path: address.path });
    return address;
  }
  try {
    await listening(server, { host: address.host, port: address.port });
  } catch (error) {
    // `::` is how all addresses are meant; a node without IPv6 has the other half of them.
    const hasNoIpv6 = codeOf(error) === 'EAFNOSUPPORT' || codeOf(error) === 'EADDRNOTAVAIL';
    if (address.host !== '::' || !hasNoIpv6) throw error;
    await listening(server, { host: '0.0.0.0', port: address.port });
  }
  const bound = server.address();
  if (bound === null || typeof bound === 'string') return address;
  return { kind: 'tcp', host: bound.address, port: bound.port };
}

function listening(
  server: Server,
  where: { path: string } | { host: string; port: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}

/** A socket file outlives a process that was killed. One that nobody answers on is removed; any other stays. */
async function removeStale(path: string): Promise<void> {
  try {
    if (!(await lstat(path)).isSocket()) return;
  } catch {
    return;
  }
  const isAnswered = await new Promise<boolean>((resolve) => {
    const probe = createConnection(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error) => resolve(codeOf(error) !== 'ECONNREFUSED'));
  });
  if (!isAnswered) await unlink(path);
}
