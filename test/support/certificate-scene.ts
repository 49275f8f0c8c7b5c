/** A certificate authority for the tests of one file, in a directory that goes when they are done. */
import { afterAll, beforeAll } from 'vitest';
import { CertificateAuthority } from './certificates.ts';
import { makeTempDir, type TempDir } from './temp-dir.ts';

export interface CertificateScene {
  readonly authority: CertificateAuthority;
  readonly dir: TempDir;
}

export function certificates(name: string): CertificateScene {
  const dir = makeTempDir(name);
  let authority: CertificateAuthority | undefined;
  beforeAll(async () => {
    authority = await CertificateAuthority.create(dir.path);
  });
  afterAll(() => dir.remove());
  return {
    dir,
    get authority() {
      if (authority === undefined) throw new Error('the authority is made before the first test');
      return authority;
    },
  };
}
