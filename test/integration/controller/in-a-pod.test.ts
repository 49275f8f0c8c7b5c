/** What the injected container does, without a pod: its very arguments and environment, and the hook of a plain one. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { inject } from '../../../src/controller/injection/inject.ts';
import { freePort } from '../../support/free-port.ts';
import { sampleDefaults } from '../../support/injection.ts';
import { type RunningProcess, startProcess } from '../../support/process.ts';

const program = join(import.meta.dirname, '..', '..', '..', 'cmd', 'sidepool.ts');
const running: RunningProcess[] = [];
let origin: Server | undefined;

afterEach(async () => {
  for (const each of running.splice(0)) await each.stop();
  origin?.close();
  origin?.closeAllConnections();
});

interface Container {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly lifecycle?: {
    readonly postStart: { readonly exec: { readonly command: readonly string[] } };
  };
}

function sidecarFor(annotations: Record<string, string>, isNativePossible: boolean): Container {
  const outcome = inject(
    { metadata: { annotations }, spec: { containers: [{ name: 'app' }] } },
    { defaults: sampleDefaults, isNativePossible },
  );
  if (outcome.kind !== 'injected') throw new Error(JSON.stringify(outcome));
  const container = outcome.patch.find(
    ({ path }) => path.endsWith('ontainers') || path === '/spec/containers/0',
  );
  const value = container?.value;
  return (Array.isArray(value) ? value[0] : value) as Container;
}

describe('the injected sidecar', () => {
  it('runs from its variable, is waited for by the hook, and carries', async () => {
    const server = createServer((_, response) => response.end('from the origin'));
    origin = server;
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as { port: number };
    const [first, admin] = [await freePort(), await freePort()];
    const container = sidecarFor(
      {
        'sidepool.io/upstreams': `api=http://127.0.0.1:${port}`,
        'sidepool.io/first-port': String(first),
        'sidepool.io/admin-port': String(admin),
        'sidepool.io/drain-quiet': '0s',
      },
      false,
    );
    const hook = container.lifecycle!.postStart.exec.command;
    expect(hook.slice(0, sampleDefaults.program.length)).toEqual(sampleDefaults.program);
    // Begun first, as nobody answers yet.
    const waiting = await startProcess({
      command: process.execPath,
      args: [program, ...hook.slice(sampleDefaults.program.length)],
    });
    running.push(waiting);
    const [variable] = container.env;
    const gateway = await startProcess({
      command: process.execPath,
      args: [program, ...container.args],
      env: { [variable!.name]: variable!.value.replaceAll('$$', '$') },
      ready: { kind: 'http', url: `http://127.0.0.1:${admin}/readyz` },
    });
    running.push(gateway);
    expect((await waiting.exited).code).toBe(0);
    const response = await fetch(`http://127.0.0.1:${first}/`);
    expect(await response.text()).toBe('from the origin');
    const config = await (await fetch(`http://127.0.0.1:${admin}/config`)).json();
    expect(JSON.stringify(config)).toContain('"28s"');
  });

  it('says what is wrong when the variable is missing', async () => {
    const gateway = await startProcess({
      command: process.execPath,
      args: [program, 'gateway', '--config', 'env:SIDEPOOL_NOT_THERE'],
    });
    running.push(gateway);
    expect((await gateway.exited).code).toBe(2);
    expect(gateway.output()).toMatch(/env:SIDEPOOL_NOT_THERE: there is no such variable/);
  });

  it('the hook gives up in time', async () => {
    const port = await freePort();
    const waiting = await startProcess({
      command: process.execPath,
      args: [program, 'ready', '--admin', `127.0.0.1:${port}`, '--wait', '200ms'],
    });
    running.push(waiting);
    expect((await waiting.exited).code).toBe(1);
    expect(waiting.output()).toMatch(/not ready after 200 ms: .*ECONNREFUSED/);
  });

  it('its file of defaults names the program where the image has it', () => {
    const dockerfile = readFileSync(
      join(import.meta.dirname, '..', '..', '..', 'Dockerfile'),
      'utf8',
    );
    expect(dockerfile).toContain(sampleDefaults.program.at(-1));
  });
});
