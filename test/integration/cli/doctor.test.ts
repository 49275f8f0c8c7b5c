/** `sidepool doctor` against set-ups that are broken, each in one way. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { certificates } from '../../support/certificate-scene.ts';
import { CertificateAuthority } from '../../support/certificates.ts';
import { freePort } from '../../support/free-port.ts';
import { runToEnd } from '../../support/process.ts';
import {
  alwaysAnswer,
  type RawOriginOptions,
  response,
  startRawOrigin,
} from '../../support/raw-origin.ts';

const repository = join(import.meta.dirname, '..', '..', '..');
const tls = certificates('doctor');

const toEnd: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of toEnd.splice(0)) await end();
});

async function origin(options: RawOriginOptions) {
  const started = await startRawOrigin(options);
  toEnd.push(() => started.close());
  return started;
}

function doctor(...args: string[]) {
  return runToEnd({
    command: process.execPath,
    args: [join(repository, 'cmd/sidepool.ts'), 'doctor', ...args],
    cwd: repository,
    timeoutMs: 30_000,
  });
}

interface Told {
  readonly findings: readonly {
    readonly subject: string;
    readonly check: string;
    readonly verdict: string;
    readonly what: string;
    readonly advice: string | null;
  }[];
}

async function findings(...args: string[]) {
  const { code, stdout } = await doctor('--json', '--idle', '0s', ...args);
  return { code, findings: (JSON.parse(stdout) as Told).findings };
}

function configured(upstream: object): string {
  const path = tls.dir.file('doctor.json');
  const listeners = [{ address: '127.0.0.1:15101', upstream: 'api' }];
  writeFileSync(path, JSON.stringify({ listeners, upstreams: { api: upstream } }));
  return path;
}

describe('an upstream that is all right', () => {
  it('is told so, over TLS', async () => {
    const { port } = await origin({
      tls: await tls.authority.issueForLoopback(),
      onRequest: (_request, connection) =>
        connection.write('HTTP/1.1 204 No Content\r\nKeep-Alive: timeout=75\r\n\r\n'),
    });
    const path = configured({
      url: `https://localhost:${port}`,
      tls: { ca: tls.authority.certPath },
    });
    const { code, stdout, stderr } = await doctor('--config', path);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^machine\n {2}(ok|warning) {2}/);
    expect(stdout).toMatch(/^ {2}ok {7}name: localhost has \d address/m);
    expect(stdout).toMatch(/^ {2}ok {7}connection: .*the certificate is good for "localhost"$/m);
    expect(stdout).toMatch(
      /^ {2}ok {7}answer: HEAD \/ was answered 204 in .* as HTTP\/1\.1; the connection lives on$/m,
    );
    expect(stdout).toMatch(
      /^ {2}ok {7}idle limit: .* for 75 s \(Keep-Alive\), and pool\.idleTimeout is 1m$/m,
    );
    expect(stdout).not.toContain('problem  ');
  });
});

describe('a set-up that is broken', () => {
  it('by the wrong authority', async () => {
    const stranger = await CertificateAuthority.create(tls.dir.path, 'stranger');
    const { port } = await origin({ tls: await stranger.issueForLoopback('strange') });
    const path = configured({
      url: `https://127.0.0.1:${port}`,
      tls: { ca: tls.authority.certPath },
    });
    const { code, findings: found } = await findings('--config', path);
    expect(code).toBe(1);
    expect(found).toContainEqual(
      expect.objectContaining({
        check: 'certificate',
        verdict: 'problem',
        what: expect.stringContaining('its issuer is not trusted here'),
      }),
    );
  });

  it('by the wrong name', async () => {
    const { port } = await origin({
      tls: await tls.authority.issue({ name: 'other', names: ['other.test'] }),
    });
    const path = configured({
      url: `https://127.0.0.1:${port}`,
      tls: { ca: tls.authority.certPath },
    });
    const { code, findings: found } = await findings('--config', path);
    expect(code).toBe(1);
    expect(found).toContainEqual(
      expect.objectContaining({
        check: 'certificate',
        verdict: 'problem',
        what: expect.stringMatching(
          /for "127\.0\.0\.1" was refused: it is for another name; set tls\.serverName/,
        ),
      }),
    );
  });

  it('by a port where nothing listens', async () => {
    const port = await freePort();
    const { code, findings: found } = await findings('--upstream', `http://127.0.0.1:${port}`);
    expect(code).toBe(1);
    expect(found).toContainEqual({
      subject: '127.0.0.1',
      check: 'connection',
      verdict: 'problem',
      what: `127.0.0.1:${port} refused the connection: nothing listens there.`,
      advice: `Is ${port} the port, and does the server run?`,
    });
  });

  it('by a name that does not resolve', async () => {
    const { code, findings: found } = await findings('--upstream', 'http://no-such-name.invalid');
    expect(code).toBe(1);
    expect(found).toContainEqual(
      expect.objectContaining({
        check: 'name',
        verdict: 'problem',
        what: expect.stringContaining('no-such-name.invalid'),
        advice: expect.stringContaining('/etc/resolv.conf'),
      }),
    );
  });

  it('by an idle limit below ours, which it tells', async () => {
    const { port } = await origin({
      onRequest: (_request, connection) =>
        connection.write(response('', { fields: { 'Keep-Alive': 'timeout=5' } })),
    });
    const { code, findings: found } = await findings('--upstream', `http://127.0.0.1:${port}`);
    expect(code).toBe(0);
    expect(found).toContainEqual(
      expect.objectContaining({
        check: 'idle limit',
        verdict: 'warning',
        what: expect.stringContaining('5 s (Keep-Alive), and pool.idleTimeout is 1m'),
        advice: expect.stringContaining('idleTimeout: 4s'),
      }),
    );
  });

  it('by an idle limit below ours, which it does not tell', async () => {
    const { port } = await origin({
      onRequest: (_request, connection) => {
        connection.write(response(''));
        sleep(1_300).then(
          () => connection.fin(),
          () => undefined,
        );
      },
    });
    const { code, stdout } = await doctor(
      '--upstream',
      `http://127.0.0.1:${port}`,
      '--idle',
      '20s',
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /warning {2}idle limit: it closed an idle connection after \d+\.\d s, and pool\.idleTimeout is 1m$/m,
    );
    expect(stdout).toMatch(/-> Sidepool learns this .* Set idleTimeout: \d+m?s/);
    expect(stdout).toMatch(/0 problems, \d+ warnings?\.$/m);
  });

  it('by an upstream that closes after each answer, and by one that answers something else', async () => {
    const closing = await origin({
      onRequest: (_request, connection) =>
        connection.write(response('', { fields: { Connection: 'close' } })),
    });
    const other = await origin({
      onRequest: (_request, connection) => connection.write('SSH-2.0-x\r\n'),
    });
    const { code, findings: found } = await findings(
      '--upstream',
      `http://127.0.0.1:${closing.port}`,
      '--upstream',
      `http://localhost:${other.port}`,
    );
    expect(code).toBe(1);
    expect(found).toContainEqual(
      expect.objectContaining({ subject: '127.0.0.1', check: 'answer', verdict: 'warning' }),
    );
    expect(found).toContainEqual(
      expect.objectContaining({
        subject: 'localhost',
        check: 'answer',
        verdict: 'problem',
        what: expect.stringContaining('not an HTTP/1 response'),
      }),
    );
  });
});

it('a wrong configuration ends with 2 and its mistakes', async () => {
  const { code, stdout, stderr } = await doctor('--config', configured({ url: 'ftp://x' }));
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain('url');
});

it('one address that answers does not hide another that refuses', async () => {
  const { port } = await origin({ onRequest: alwaysAnswer(), host: '127.0.0.1' });
  // localhost is ::1 as well where there is IPv6: nothing listens there.
  const { code, findings: found } = await findings('--upstream', `http://localhost:${port}`);
  const refused = found.filter(
    ({ check, verdict }) => check === 'connection' && verdict === 'problem',
  );
  expect(code).toBe(refused.length > 0 ? 1 : 0);
  expect(found.filter(({ check }) => check === 'answer')).toHaveLength(1);
});
