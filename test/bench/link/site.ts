/** What all parts of the measurement share: the link, the origin behind it, and the name server. */
import { writeFileSync } from 'node:fs';
import { CertificateAuthority } from '../../support/certificates.ts';
import { DnsServer } from '../../support/dns-server.ts';
import { runToEnd } from '../../support/process.ts';
import { makeTempDir, type TempDir } from '../../support/temp-dir.ts';
import { farAddresses, Link } from './link.ts';
import { LinkOrigin } from './origin.ts';

/** As many as a part has trials: each has a pool of its own, by a name of its own. */
export const poolsAtMost = 20;
export const ttlSeconds = 2;

export class Site {
  readonly dir: TempDir;
  readonly caPath: string;
  readonly link: Link;
  readonly origin: LinkOrigin;
  readonly #dns: DnsServer;

  private constructor(
    dir: TempDir,
    caPath: string,
    parts: { readonly link: Link; readonly origin: LinkOrigin; readonly dns: DnsServer },
  ) {
    this.dir = dir;
    this.caPath = caPath;
    this.link = parts.link;
    this.origin = parts.origin;
    this.#dns = parts.dns;
  }

  /** Must run in a network and a mount namespace of its own: it puts another resolv.conf in place. */
  static async open(roundTripMs: number): Promise<Site> {
    const dir = makeTempDir('link');
    const authority = await CertificateAuthority.create(dir.path);
    const certificate = await authority.issue({ name: 'origin', names: ['*.origin.test'] });
    const link = await Link.open(roundTripMs);
    const dns = await DnsServer.start(53);
    const origin = await LinkOrigin.start(link, dir, certificate);
    await useNameServer(dir);
    const site = new Site(dir, authority.certPath, { link, origin, dns });
    site.moveNames(farAddresses[0]);
    return site;
  }

  moveNames(address: string): void {
    for (let nth = 1; nth <= poolsAtMost; nth++)
      this.#dns.set(`pool-${nth}.origin.test`, { a: [address], ttlSeconds });
  }

  say(text: string): void {
    process.stderr.write(`${this.link.nominalMs} ms: ${text}\n`);
  }

  async close(): Promise<void> {
    await this.origin.stop();
    await this.#dns.stop();
    await this.link.close();
    await runToEnd({ command: 'umount', args: ['/etc/resolv.conf'] });
    this.dir.remove();
  }
}

async function useNameServer(dir: TempDir): Promise<void> {
  const path = dir.file('resolv.conf');
  writeFileSync(path, 'nameserver 127.0.0.1\n');
  const { code, stderr } = await runToEnd({
    command: 'mount',
    args: ['--bind', path, '/etc/resolv.conf'],
  });
  if (code !== 0) throw new Error(`resolv.conf: ${stderr}`);
}
