import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { findProgram } from '../../support/program.ts';
import { connectRawClient } from '../../support/raw-client.ts';
import { describeClient, run } from './client-suite.ts';

const ask = 'GET /slow?ms=100 HTTP/1.0\r\n\r\n';

describeClient({ title: 'a script that half-closes after its request', programs: [] }, (bench) => {
  it('gets its response all the same, over TCP and over a Unix socket', async () => {
    const { gateway, socketPath } = bench();
    for (const address of [{ port: gateway.port }, { path: socketPath }]) {
      const client = await connectRawClient(address);
      client.write(ask);
      client.fin();
      const answer = await client.readResponse();
      expect([answer.status, answer.body.toString()]).toEqual([200, 'slow']);
      expect(await client.closed()).toBe('fin');
    }
  });

  it('is closed when it half-closed while a response that could be kept was on its way', async () => {
    const client = await connectRawClient(bench().gateway.port);
    client.write('GET /drip?ms=20 HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.received.until(
      () => client.received.bytes.includes('drop 2') || undefined,
      'a piece',
      5_000,
    );
    client.fin();
    expect((await client.readResponse()).body.toString()).toContain('drop 9');
    expect(await client.closed()).toBe('fin');
  });

  it('gets both responses when it asked twice', async () => {
    const client = await connectRawClient(bench().gateway.port);
    const first = 'GET /slow?ms=50 HTTP/1.1\r\nHost: a\r\n\r\n';
    client.write(`${first}GET /ok HTTP/1.1\r\nHost: a\r\n\r\n`);
    client.fin();
    expect((await client.readResponse()).body.toString()).toBe('slow');
    expect((await client.readResponse()).body.toString()).toBe('ok');
    expect(await client.closed()).toBe('fin');
  });

  it.each([
    ['Content-Length: 5\r\n\r\nhel'],
    ['Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'],
    // The last octet is looked at and not yet read.
    ['Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r'],
  ])(
    'is let go when the body of what it pipelined can never be whole, and keeps what it was answered: %j',
    async (cut) => {
      const client = await connectRawClient(bench().gateway.port);
      // When the second request is begun, the end of the client's side has long been seen.
      const first = 'GET /slow?ms=50 HTTP/1.1\r\nHost: a\r\n\r\n';
      client.write(`${first}POST /echo HTTP/1.1\r\nHost: a\r\n${cut}`);
      client.fin();
      expect((await client.readResponse()).body.toString()).toBe('slow');
      expect(await client.closed()).toBe('fin');
      expect(client.pending).toHaveLength(0);
    },
  );
});

describeClient({ title: 'nc -N', programs: ['nc'], reason: variantReason() }, (bench) => {
  it('gets its response all the same', async () => {
    const { stdout } = await run('nc', ['-N', '127.0.0.1', String(bench().gateway.port)], ask);
    expect(stdout).toMatch(/^HTTP\/1\.[01] 200[\s\S]*slow$/);
  });
});

/** Only OpenBSD's nc has -N. */
function variantReason(): string | undefined {
  const path = findProgram('nc');
  if (path === undefined) return undefined;
  const help = spawnSync(path, ['-h'], { encoding: 'utf8', timeout: 2_000 });
  return `${help.stdout}${help.stderr}`.includes('OpenBSD')
    ? undefined
    : "skipped: nc is not OpenBSD's";
}
