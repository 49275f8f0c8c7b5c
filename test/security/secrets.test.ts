/** Credentials go to the upstream and nowhere else: a gateway as a process, at its most talkative, under every fault. */
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { connectRawClient, requestOnce } from '../support/raw-client.ts';
import { type RawOrigin, response, startRawOrigin } from '../support/raw-origin.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { waitFor } from '../support/wait-for.ts';

// Programs are started: on a busy machine that takes its time.
vi.setConfig({ testTimeout: 120_000 });

const toEnd: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end();
});

/** One word for each place that a secret can stand in, so that a leak says where it came from. */
const secrets = {
  authorization: 'leak-authorization',
  cookie: 'leak-cookie',
  query: 'leak-query',
  body: 'leak-request-body',
  field: 'leak-own-field',
  setCookie: 'leak-set-cookie',
  responseBody: 'leak-response-body',
  reason: 'leak-in-malformed-head',
  file: 'leak-from-a-file',
  environment: 'leak-from-the-environment',
  unused: 'leak-from-an-unused-variable',
  literal: 'leak-literal-in-configuration',
} as const;
const all = Object.values(secrets);

function fields(path: string, method = 'GET', body = ''): string {
  return (
    `${method} ${path}?token=${secrets.query} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${secrets.authorization}\r\n` +
    `Cookie: session=${secrets.cookie}\r\nX-Own: ${secrets.field}\r\n` +
    `X-Request-Id: ${secrets.field} with a space\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  );
}

/** Misbehaves in the way that the path names. */
async function faultyOrigin(): Promise<RawOrigin> {
  const origin = await startRawOrigin({
    onRequest: ({ target }, connection) => {
      if (target.startsWith('/malformed'))
        connection.write(`HTTP/1.1 200 OK\r\nBad Header ${secrets.reason}\r\n\r\n`);
      else if (target.startsWith('/garbage')) connection.write(`${secrets.reason}\r\n\r\n`);
      else if (target.startsWith('/reset')) connection.reset();
      else if (target.startsWith('/partial')) connection.fin('HTTP/1.1 200 OK\r\nSet-Coo');
      else if (target.startsWith('/cut'))
        connection.fin(`HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n${secrets.responseBody}`);
      else if (target.startsWith('/silent')) return;
      else if (target.startsWith('/huge'))
        connection.write(`HTTP/1.1 200 OK\r\nX-A: ${secrets.reason.repeat(4000)}\r\n\r\n`);
      else
        connection.write(
          response(secrets.responseBody, { fields: { 'Set-Cookie': secrets.setCookie } }),
        );
    },
  });
  toEnd.push(() => origin.close());
  return origin;
}

async function talkative(origin: RawOrigin): Promise<RunningGateway> {
  const dir = makeTempDir('secrets');
  toEnd.push(() => dir.remove());
  const file = dir.file('token');
  writeFileSync(file, `${secrets.file}\n`);
  const gateway = await startGateway(
    {
      upstreams: {
        api: {
          url: origin.url,
          headers: {
            set: {
              'X-From-File': `\${file:${file}}`,
              'X-From-Env': `a \${env:SIDEPOOL_TEST_TOKEN}`,
              'X-Api-Key': secrets.literal,
            },
          },
          timeouts: { firstByte: '300ms' },
          pool: { warm: 1, warmMax: 1 },
        },
        closed: { url: 'http://127.0.0.1:9', timeouts: { wait: '100ms' } },
      },
      log: { level: 'trace' },
    },
    {
      env: {
        SIDEPOOL_TEST_TOKEN: secrets.environment,
        DATABASE_URL: `postgres://u:${secrets.unused}@db/x`,
      },
    },
  );
  toEnd.push(() => gateway.stop());
  return gateway;
}

const faults = [
  '/malformed',
  '/garbage',
  '/reset',
  '/partial',
  '/cut',
  '/silent',
  '/huge',
  '/fine',
];

describe('a credential', () => {
  it('is in no log, metric, page, answer or argument, whatever goes wrong', async () => {
    const origin = await faultyOrigin();
    const gateway = await talkative(origin);
    const own: string[] = [];
    for (const path of faults) {
      for (const [method, body] of [
        ['GET', ''],
        ['POST', secrets.body],
      ] as const) {
        const client = await connectRawClient(gateway.port);
        client.write(fields(path, method, body));
        await client.readResponse({ method }).then(
          (answer) => {
            if (answer.fields.has('proxy-status')) own.push(answer.rawHead, answer.body.toString());
          },
          () => undefined,
        );
        client.close();
      }
    }
    // Refused, before and after the head; by the other upstream; and a client that goes away.
    for (const text of [
      fields('/x').replace('Host: a', 'Host: a\r\nHost: b'),
      fields('/x').replace('HTTP/1.1', 'HTTP/3.0'),
      fields('/x').replace('X-Own:', 'X-Own :'),
      fields(`http://user:${secrets.authorization}@other.test/x`),
      fields(`http://other.test/x`),
    ]) {
      const answer = await requestOnce(gateway.port, text);
      own.push(answer.rawHead, answer.body.toString());
    }
    const closed = await requestOnce(
      gateway.listenPorts[1] ?? 0,
      fields('/x', 'POST', secrets.body),
    );
    own.push(closed.rawHead, closed.body.toString());
    const gone = await connectRawClient(gateway.port);
    gone.write(fields('/silent', 'POST', secrets.body));
    await origin.request(1);
    gone.reset();
    const outputs = new Map<string, string>([['own answers', own.join('\n')]]);
    for (const path of ['/', '/metrics', '/pools', '/faults', '/config', '/readyz', '/nothing?x'])
      outputs.set(path, await (await fetch(`${gateway.adminUrl}${path}`)).text());
    outputs.set('command line', readFileSync(`/proc/${gateway.pid}/cmdline`, 'utf8'));
    await gateway.stop();
    outputs.set('log', gateway.output());
    // It was put in everywhere, and the faults were told of: else nothing is proved.
    const sent = origin.requests.map(({ rawHead }) => rawHead).join('');
    for (const each of [
      'authorization',
      'cookie',
      'query',
      'field',
      'file',
      'environment',
      'literal',
    ] as const)
      expect(sent).toContain(secrets[each]);
    expect(outputs.get('/config')).toContain(`\${env:SIDEPOOL_TEST_TOKEN}`);
    for (const kind of ['malformed-response', 'connection-ended', 'first-byte-timeout', 'body-cut'])
      expect(outputs.get('log')).toContain(`"fault":"${kind}"`);
    for (const [where, text] of outputs)
      expect([where, all.filter((secret) => text.includes(secret))]).toEqual([where, []]);
  });

  it('in a configuration that is refused on reload is not in the log', async () => {
    const origin = await faultyOrigin();
    const gateway = await talkative(origin);
    const upstream = { url: `https://user:${secrets.literal}@api.test/?key=${secrets.query}` };
    const header = { url: origin.url, headers: `Authorization: ${secrets.authorization}` };
    gateway.rewrite({ upstreams: { api: upstream, closed: header } });
    gateway.process.signal('SIGHUP');
    await waitFor(() => /"outcome":"refused"/.test(gateway.output()), { timeoutMs: 60_000 });
    expect(all.filter((secret) => gateway.output().includes(secret))).toEqual([]);
  });
});

describe('the process', () => {
  it('opens no inspector when told to by a signal', async () => {
    const origin = await faultyOrigin();
    const gateway = await talkative(origin);
    gateway.process.signal('SIGUSR1');
    expect((await requestOnce(gateway.port, fields('/fine'))).status).toBe(200);
    expect(gateway.output()).not.toContain('Debugger');
    const opened = await new Promise<boolean>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port: 9229 }, () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
    // Unless somebody else's is there.
    if (opened) expect(gateway.output()).not.toContain('ws://');
    expect(gateway.process.exit).toBeUndefined();
  });
});
