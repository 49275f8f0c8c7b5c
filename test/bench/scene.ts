/** What the proxies of one case stand before: origins, and the authority that signed their certificates. */
import { CertificateAuthority } from '../support/certificates.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { type BenchOrigin, startOrigin } from './origin.ts';
import type { Target } from './peers/peer.ts';

export interface SceneOptions {
  readonly tls: boolean;
  readonly origins?: number;
  readonly clients?: number;
}

/** Whatever comes of `use`, the origins are ended and their files removed. */
export async function withScene<T>(
  { tls, origins: count = 1, clients }: SceneOptions,
  use: (target: Target) => Promise<T>,
): Promise<T> {
  const dir = makeTempDir('bench');
  const origins: BenchOrigin[] = [];
  try {
    const authority = tls ? await CertificateAuthority.create(dir.path) : undefined;
    const certificate = await authority?.issueForLoopback();
    while (origins.length < count) origins.push(await startOrigin(certificate));
    return await use({ origins, dir, authority, ...(clients && { clients }) });
  } finally {
    await Promise.all(origins.map((origin) => origin.stop()));
    dir.remove();
  }
}
