/** The admin address: what is shown to whom, and who may change anything. */
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { type AdminServer, startAdmin } from '../../src/telemetry/admin/admin-server.ts';
import { hostRefusal, refusal } from '../../src/telemetry/admin/change-guard.ts';
import { requestOnce } from '../support/raw-client.ts';
import { scene, snapshot } from '../unit/telemetry/scene.ts';

const servers: AdminServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function admin(host = '127.0.0.1') {
  const changes: string[] = [];
  const server = await startAdmin({
    address: { kind: 'tcp', host, port: 0 },
    telemetry: scene().telemetry,
    state: {
      pools: () => [snapshot('api')],
      discoveries: () => new Map(),
      config: () => ({ effective: { upstreams: { api: {} } }, changed: [], defaults: {} }),
      ready: () => ({ ready: true, reasons: [] }),
      drain: () => changes.push('drain'),
      setLogLevel: (level) => changes.push(level),
    },
  });
  servers.push(server);
  const port = server.address.kind === 'tcp' ? server.address.port : 0;
  const ask = (text: string, to = '127.0.0.1') => requestOnce({ host: to, port }, text);
  return { ask, changes };
}

const get = (path: string, host: string) => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
const post = (host: string, fields = '') =>
  `POST /drain HTTP/1.1\r\nHost: ${host}\r\n${fields}Content-Length: 0\r\n\r\n`;
const marker = 'X-Sidepool-Admin: 1\r\n';

describe('a web page in the browser of somebody who has a port forwarded', () => {
  const hosts = [
    'evil.example',
    'evil.example:15100',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    'evil.example.',
    'evil.svc.example',
    '[::1].evil.example',
    '127.0.0.1@evil.example',
    'evil.cluster.local.example',
  ];
  it.each(hosts)('reads nothing that is for people under its own name: %s', async (host) => {
    const { ask } = await admin();
    for (const path of ['/', '/pools', '/faults', '/config'])
      expect([path, (await ask(get(path, host))).status]).toEqual([path, 403]);
  });

  it('reads nothing across origins: nobody here allows it', async () => {
    const { ask } = await admin();
    for (const path of ['/', '/pools', '/config', '/metrics', '/livez']) {
      const answer = await ask(
        `GET ${path} HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n\r\n`,
      );
      expect(answer.fields.has('access-control-allow-origin')).toBe(false);
      expect(answer.fields.get('cross-origin-resource-policy')).toEqual(['same-origin']);
      expect(answer.fields.get('x-content-type-options')).toEqual(['nosniff']);
      expect(answer.fields.get('x-frame-options')).toEqual(['DENY']);
    }
  });

  const refused = {
    'a form': post('localhost', 'Origin: https://evil.example\r\nContent-Type: text/plain\r\n'),
    'a form without Origin': post(
      'localhost',
      'Content-Type: application/x-www-form-urlencoded\r\n',
    ),
    'its own name': post('evil.example', marker),
    'the header and an Origin': post('localhost', `${marker}Origin: null\r\n`),
    'a preflight': `OPTIONS /drain HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: x-sidepool-admin\r\n\r\n`,
    'a GET': get('/drain', 'localhost'),
    'an override of the method': `GET /drain?_method=POST HTTP/1.1\r\nHost: localhost\r\nX-HTTP-Method-Override: POST\r\n${marker}\r\n`,
    'the header twice': post('localhost', `${marker}X-Sidepool-Admin: 0\r\n`),
  } as const;
  for (const [name, text] of Object.entries(refused)) {
    it(`changes nothing by ${name}`, async () => {
      const { ask, changes } = await admin();
      const { status, fields } = await ask(text);
      expect([403, 405]).toContain(status);
      expect(fields.has('access-control-allow-origin')).toBe(false);
      expect(changes).toEqual([]);
    });
  }
});

describe('another pod', () => {
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((each) => each?.family === 'IPv4' && !each.internal)?.address;

  it('changes nothing, whatever it says it is', () => {
    const change = {
      path: '/drain',
      own: 'http://127.0.0.1:1',
      marker: '1',
      origin: undefined,
      host: 'localhost',
    };
    for (const peer of [
      '10.0.0.7',
      '::ffff:10.0.0.7',
      'fe80::1',
      '169.254.1.1',
      '0.0.0.0',
      '::',
      '1270.0.0.1',
      '127.evil',
      '::ffff:7f00:1:1',
      '',
    ])
      expect(refusal({ ...change, peer }), peer).toContain('from inside the pod only');
    for (const peer of ['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1', undefined])
      expect(refusal({ ...change, peer }), String(peer)).toBeNull();
  });

  // The machine's own address: the request never leaves it, and arrives as from another pod.
  it.skipIf(outside === undefined)(
    'changes nothing over the network (skipped where there is none)',
    async () => {
      const { ask, changes } = await admin('0.0.0.0');
      const to = outside ?? '';
      const answer = await ask(post('localhost', marker), to);
      expect([answer.status, changes]).toEqual([403, []]);
      expect(answer.body.toString()).toContain('from inside the pod only');
      const forwarded = post(
        'localhost',
        `${marker}X-Forwarded-For: 127.0.0.1\r\nForwarded: for=127.0.0.1\r\n`,
      );
      expect([(await ask(forwarded, to)).status, changes]).toEqual([403, []]);
      expect((await ask(get('/metrics', `${to}:15100`), to)).status).toBe(200);
    },
  );
});

describe('machines and people', () => {
  it('are served under the names that they use', () => {
    for (const host of [
      undefined,
      'localhost',
      'localhost:15100',
      '127.0.0.1',
      '10.1.2.3:15100',
      '[::1]:15100',
      '[fd00::7]',
      'shop',
      'shop:15100',
      'shop.default.svc',
      'shop.default.svc:15100',
      'shop.default.svc.cluster.local',
      '10-1-2-3.default.pod.cluster.local',
      'mac.local',
      'a.localhost',
      'vm.internal',
    ])
      expect(hostRefusal(host), String(host)).toBeNull();
  });

  it('are given probes and metrics under any name', async () => {
    const { ask } = await admin();
    for (const path of ['/metrics', '/livez', '/readyz'])
      expect((await ask(get(path, 'vm7.corp.example:15100'))).status).toBe(200);
  });

  const paths = [
    '/../etc/passwd',
    '/..%2f..%2fetc/passwd',
    '/pools/../../config',
    '//etc/passwd',
    '/config/',
    '/%63onfig',
    '/pools;/',
    '/.git/config',
    '/debug/pprof',
    '/json',
    '/__proto__',
    '/constructor',
    'http://127.0.0.1/config',
    '/config%00',
    '/CONFIG',
  ];
  it.each(paths)('find nothing at %s: paths are looked up, never walked', async (path) => {
    const { ask } = await admin();
    const { status, body } = await ask(get(path, 'localhost'));
    expect([400, 404]).toContain(status);
    expect(body.toString()).not.toContain('root:');
  });
});
