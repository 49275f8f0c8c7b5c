/** The image as a container: a configuration file, a real nginx as its upstream, and an orderly end. */
import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import {
  GenericContainer,
  getContainerRuntimeClient,
  Network,
  type StartedNetwork,
  type StartedTestContainer,
  Wait,
} from 'testcontainers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseMetrics, sumOf } from '../../support/metrics.ts';
import { findProgram, titled } from '../../support/program.ts';
import { makeTempDir, type TempDir } from '../../support/temp-dir.ts';
import { waitFor } from '../../support/wait-for.ts';

const { SIDEPOOL_TEST_IMAGE: image = 'sidepool.test/sidepool:dev' } = process.env;
/** With nginx in it. */
const { SIDEPOOL_TEST_APPS_IMAGE: appsImage = 'sidepool.test/apps:1' } = process.env;
// Ours are ended below; a container that watches over them cannot be pulled everywhere.
vi.stubEnv('TESTCONTAINERS_RYUK_DISABLED', 'true');

const reason = missing();

function missing(): string | undefined {
  if (findProgram('docker') === undefined) return 'skipped: docker is not installed';
  if (docker('version') === undefined) return 'skipped: no Docker engine answers';
  const absent = [image, appsImage].filter(
    (each) => docker('image', 'inspect', each) === undefined,
  );
  return absent.length === 0
    ? undefined
    : `skipped: no image ${absent.join(' and ')}; test/cluster/run.ts builds both`;
}

function docker(...args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync('docker', args, { encoding: 'utf8', timeout: 20_000 });
  return status === 0 ? stdout : undefined;
}

/** As a pod of the restricted profile runs it: nothing can be written, nothing is allowed. */
class Contained extends GenericContainer {
  constructor(name: string) {
    super(name);
    this.hostConfig.ReadonlyRootfs = true;
    this.withDroppedCapabilities('ALL').withSecurityOpt('no-new-privileges');
  }
}

const nginxConfiguration = `
  pid /tmp/nginx.pid;
  error_log /dev/stderr;
  events {}
  http {
    access_log off;
    client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f;
    uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s;
    server {
      listen 8080;
      location / { return 200 "hello from nginx\\n"; }
    }
  }`;

const sidepoolConfiguration = `
listeners:
  - { address: "0.0.0.0:15101", upstream: web, allowRemote: true }
upstreams:
  web: { url: "http://web:8080", pool: { warm: 2 } }
admin: { address: "0.0.0.0:15100" }
drain: { quiet: 500ms }
`;

describe.skipIf(reason !== undefined)(titled('the image', reason), () => {
  let dir: TempDir;
  let network: StartedNetwork;
  let nginx: StartedTestContainer;
  let sidepool: StartedTestContainer;

  beforeAll(async () => {
    dir = makeTempDir('image');
    // Readable to the user in the container, who is another one.
    chmodSync(dir.path, 0o755);
    writeFileSync(dir.file('nginx.conf'), nginxConfiguration);
    writeFileSync(dir.file('sidepool.yaml'), sidepoolConfiguration);
    network = await new Network().start();
    nginx = await new Contained(appsImage)
      .withNetwork(network)
      .withNetworkAliases('web')
      .withUser('65532')
      .withTmpFs({ '/tmp': 'rw,mode=1777' })
      .withBindMounts([{ source: dir.file('nginx.conf'), target: '/nginx.conf', mode: 'ro' }])
      .withCommand(['nginx', '-c', '/nginx.conf', '-g', 'daemon off;'])
      .withExposedPorts(8080)
      .withWaitStrategy(Wait.forHttp('/', 8080))
      .start();
    sidepool = await new Contained(image)
      .withNetwork(network)
      .withBindMounts([
        { source: dir.file('sidepool.yaml'), target: '/etc/sidepool/sidepool.yaml', mode: 'ro' },
      ])
      .withCommand(['gateway', '--config', '/etc/sidepool/sidepool.yaml'])
      .withExposedPorts(15_100, 15_101)
      .withWaitStrategy(Wait.forHttp('/readyz', 15_100))
      .start();
  }, 180_000);

  afterAll(async () => {
    await sidepool?.stop();
    await nginx?.stop();
    await network?.stop();
    dir?.remove();
  });

  const url = (port: number, path: string): string =>
    `http://${sidepool.getHost()}:${sidepool.getMappedPort(port)}${path}`;

  it('says what it is', () => {
    expect(docker('run', '--rm', '--network', 'none', image, '--version')).toMatch(
      /^\d+\.\d+\.\d+/,
    );
    expect(docker('run', '--rm', '--network', 'none', image, '--help')).toContain(
      'sidepool gateway',
    );
  });

  it('carries requests to nginx over connections that it keeps', async () => {
    for (let count = 0; count < 50; count++) {
      const answer = await fetch(url(15_101, '/'), { headers: { connection: 'close' } });
      expect(answer.status).toBe(200);
      expect(await answer.text()).toBe('hello from nginx\n');
    }
    const metrics = parseMetrics(await (await fetch(url(15_100, '/metrics'))).text());
    expect(sumOf(metrics, 'sidepool_upstream_requests_total')).toBe(50);
    expect(sumOf(metrics, 'sidepool_upstream_requests_reused_total')).toBeGreaterThanOrEqual(48);
  });

  it('runs as a user that is a number, with nothing to write and nothing allowed', () => {
    const [inspected] = JSON.parse(docker('inspect', sidepool.getId()) ?? '[]');
    expect(inspected.Config.User).toBe('65532:65532');
    expect(inspected.HostConfig.ReadonlyRootfs).toBe(true);
    expect(inspected.HostConfig.CapDrop).toEqual(['ALL']);
    const status = docker(
      ...['exec', sidepool.getId(), 'node', '-p', 'fs.readFileSync("/proc/self/status", "utf8")'],
    );
    expect(status).toMatch(/^Uid:\s+65532\s/m);
    expect(status).toMatch(/^CapEff:\s+0{16}$/m);
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
  });

  it('holds no shell, no package manager, no tool of theirs', () => {
    const script = `
      const { readdirSync } = require('node:fs');
      const found = ['/bin', '/sbin', '/usr/bin', '/usr/sbin', '/usr/local/bin', '/usr/local/sbin']
        .flatMap((folder) => { try { return readdirSync(folder); } catch { return []; } });
      console.log(JSON.stringify([...new Set(found)]));`;
    const found: string[] = JSON.parse(
      docker('run', '--rm', '--network', 'none', '--entrypoint', 'node', image, '-e', script) ??
        '[]',
    );
    const unwanted = /^(npm|npx|yarn|yarnpkg|corepack|pnpm|apt|apt-get|dpkg|apk|rpm|sh|bash|dash)$/;
    expect(found).toContain('node');
    expect(found.filter((name) => unwanted.test(name))).toEqual([]);
  });

  it('holds the bundles with their maps and the licences', () => {
    const script = 'console.log(JSON.stringify(fs.readdirSync("/sidepool").sort()))';
    const found: string[] = JSON.parse(
      docker('run', '--rm', '--network', 'none', '--entrypoint', 'node', image, '-e', script) ??
        '[]',
    );
    for (const bundle of ['sidepool.cjs', 'gateway.cjs', 'sidepool-controller.cjs'])
      expect(found).toEqual(expect.arrayContaining([bundle, `${bundle}.map`]));
    expect(found).toEqual(expect.arrayContaining(['LICENSE', 'THIRD-PARTY-LICENSES.txt']));
  });

  // The last: it ends the container.
  it('drains on SIGTERM, serves what still comes, and ends with 0', async () => {
    const { container } = await getContainerRuntimeClient();
    const running = container.getById(sidepool.getId());
    const ended: Promise<{ StatusCode: number }> = running.wait();
    const lasting = docker('logs', sidepool.getId()) ?? '';
    expect(lasting).toContain('"event":"ready"');
    await running.kill({ signal: 'SIGTERM' });
    const draining = await waitFor(
      async () => {
        const answer = await fetch(url(15_101, '/while/draining')).catch(() => undefined);
        return answer?.headers.get('connection') === 'close' && answer.status;
      },
      { timeoutMs: 5_000, what: 'an answer with Connection: close' },
    );
    expect(draining).toBe(200);
    expect((await ended).StatusCode).toBe(0);
    expect(docker('logs', sidepool.getId())).toContain('"event":"drain-ended"');
  });
});
