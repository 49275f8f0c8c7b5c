import { expect, it } from 'vitest';
import { noise, sha256, sizes } from '../../support/bodies.ts';
import type { Echo } from '../../support/origins/node.ts';
import { describeClient, run, upload } from './client-suite.ts';

const curl = async (...args: string[]) => (await run('curl', ['-sS', '-m', '15', ...args])).stdout;

/** Version of the response, connections made, and the code: for each transfer. */
const facts = ['-w', '%{http_version} %{num_connects} %{http_code}\n', '-o', '/dev/null'];

describeClient({ title: 'curl', programs: ['curl'] }, (bench) => {
  it('HTTP/1.0', async () => {
    const out = await curl('-0', '-i', `${bench().url}/ok`);
    expect(out).toMatch(/^HTTP\/1\.[01] 200/);
    expect(out.split('\r\n\r\n')[1]).toBe('ok');
  });

  it('HTTP/1.0 and a chunked response', async () => {
    const out = await curl('-0', '-i', `${bench().url}/chunked`);
    expect(out).toContain('piece 9\n');
    expect(out).not.toMatch(/transfer-encoding/i);
  });

  it('HTTP/1.1, and two URLs over one connection', async () => {
    const url = `${bench().url}/ok`;
    expect(await curl('--http1.1', ...facts, url, '-o', '/dev/null', url)).toBe(
      '1.1 1 200\n1.1 0 200\n',
    );
  });

  it('HEAD', async () => {
    const out = await curl('-I', `${bench().url}/size/10m`);
    expect(out).toMatch(/content-length: 10485760/i);
  });

  it('a download of 10 MB', async () => {
    const path = bench().dir.file('download');
    await curl('-o', path, `${bench().url}/size/10m`);
    expect((await run('sha256sum', [path])).stdout).toContain(sha256(noise(sizes['10m'])));
  });

  it('an upload of 1 MB that expects 100-continue', async () => {
    const { origin, uploadPath, url } = bench();
    const before = origin.counts.expectations;
    const out = await curl(
      '-H',
      'Expect: 100-continue',
      '--expect100-timeout',
      '10',
      '--data-binary',
      `@${uploadPath}`,
      `${url}/echo`,
    );
    expect(echo(out)).toMatchObject({
      method: 'POST',
      bytes: upload.length,
      sha256: sha256(upload),
    });
    expect(origin.counts.expectations - before).toBe(1);
  });

  it('an upload of 1 MB in chunks', async () => {
    const { uploadPath, url } = bench();
    const out = await curl('-H', 'Transfer-Encoding: chunked', '-T', uploadPath, `${url}/echo`);
    expect(echo(out)).toMatchObject({ method: 'PUT', sha256: sha256(upload) });
  });

  it('an HTTP/1.0 upload', async () => {
    const { uploadPath, url } = bench();
    const out = await curl('-0', '--data-binary', `@${uploadPath}`, `${url}/echo`);
    expect(echo(out)).toMatchObject({ sha256: sha256(upload) });
  });

  it('a Unix socket', async () => {
    expect(await curl('--unix-socket', bench().socketPath, 'http://anything/ok')).toBe('ok');
  });

  it('an absolute-form target of the upstream, as with a proxy', async () => {
    const { origin, url } = bench();
    expect(await curl('-x', url, `${origin.url}/ok`)).toBe('ok');
  });

  it('an absolute-form target of another host is misdirected: 421', async () => {
    const out = await curl('-x', bench().url, ...facts, 'http://elsewhere.test/ok');
    expect(out).toContain(' 421');
  });
});

function echo(text: string): Echo {
  return JSON.parse(text);
}
