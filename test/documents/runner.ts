/** Runs what the documents show, one after the other, and says what came of it. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { messageOf } from '../../src/base/fault.ts';
import { freePorts } from '../support/free-port.ts';
import { startGatewayFor } from '../support/gateway.ts';
import { runToEnd, startProcess } from '../support/process.ts';
import { blocksOf } from './blocks.ts';
import type { Language, PlannedCommand, PlannedProgram } from './plan.ts';
import type { Scene } from './scene.ts';

/** A busy machine takes its time, Go's compiler the most; what hangs is ended. */
const PATIENCE_MS = 240_000;

/** Runs it and gives what is wrong, or nothing. */
export async function run(shown: PlannedCommand | PlannedProgram, scene: Scene): Promise<string> {
  try {
    return await wrongOf(shown, scene);
  } catch (error) {
    return messageOf(error);
  }
}

async function wrongOf(shown: PlannedCommand | PlannedProgram, scene: Scene): Promise<string> {
  scene.hosts();
  if (shown.kind === 'program') return runProgram(shown, scene);
  prepare(shown, scene);
  if (shown.plan.kind === 'stays') return stay(shown.text, shown.plan.readyWhen, scene);
  // What ends a gateway has one of its own.
  if (/\/drain\b/.test(shown.text)) return drain(shown.text, scene);
  const result = await shell(withAdmin(scene.here(shown.text), scene), scene);
  if (result.code !== 0) return story(result);
  return asks(shown.text) ? seen(scene) : '';
}

/** `top` and `ready` look at the usual address unless they are told another. */
function withAdmin(text: string, { ports }: Scene): string {
  return text.replace(
    /^((?:npx )?sidepool (?:top|ready)\b)(?!.*--admin)/,
    `$1 --admin 127.0.0.1:${ports[0]}`,
  );
}

/** Whether it sends something to a listener, and not to the admin address alone. */
function asks(text: string): boolean {
  return (
    /127\.0\.0\.1:1510[1-9]|SIDEPOOL_\w+_URL|--unix-socket/.test(text) && !/sidepool /.test(text)
  );
}

/** It has come to the origin, under the origin's own name. */
function seen(scene: Scene): string {
  const hosts = scene.hosts();
  if (hosts.length === 0) return 'the origin saw no request';
  const own = new URL(scene.originUrl).host;
  const foreign = hosts.find((host) => host !== own);
  return foreign === undefined ? '' : `Host was ${foreign}, and not the upstream's, ${own}`;
}

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function story({ code, stdout, stderr }: Result): string {
  return `exit code ${code}\n${stdout.slice(-1_000)}${stderr.slice(-2_000)}`;
}

function shell(text: string, scene: Scene): Promise<Result> {
  return runToEnd({
    command: 'bash',
    args: ['-euo', 'pipefail', '-c', text],
    cwd: scene.dir.path,
    env: scene.env(),
    timeoutMs: PATIENCE_MS,
  });
}

/** The files that a command names are those that its document shows before it, or plain ones. */
function prepare({ path, line, text }: PlannedCommand, scene: Scene): void {
  const before = blocksOf(path).filter((block) => block.line < line);
  if (/sidepool\.yaml/.test(text)) {
    const own = before.findLast((block) => block.language === 'yaml' && isPlain(block.text));
    const configuration = own?.text ?? plainConfiguration;
    // A gateway's ports are chosen when it starts.
    const isGateway = text.includes(' gateway ');
    writeFileSync(
      scene.dir.file('sidepool.yaml'),
      isGateway ? configuration : scene.here(configuration),
    );
  }
  for (const [name = ''] of text.matchAll(/\b(deployment|pod)\.yaml/g)) {
    const own = before.findLast((block) => /^kind: (Deployment|Pod)$/m.test(block.text));
    writeFileSync(scene.dir.file(name), own?.text ?? plainPod);
  }
}

function isPlain(text: string): boolean {
  return /^listeners:/m.test(text) && !/\btls:|kubernetes:\/\//.test(text);
}

const plainConfiguration = `listeners:
  - { address: 127.0.0.1:15101, upstream: api }
upstreams:
  api: { url: https://api.example.com }
`;

const plainPod = `apiVersion: v1
kind: Pod
metadata: { name: shop, annotations: { sidepool.io/upstreams: "api=https://api.example.com" } }
spec: { containers: [{ name: shop, image: "shop:1" }] }
`;

/** Starts it, waits until it does what it is for, and ends it as Ctrl-C would. */
async function stay(line: string, readyWhen: RegExp, scene: Scene): Promise<string> {
  const text = line.replace(/ +#.*/, '');
  // A gateway's ports are its own; `top` looks at the scene's.
  const ports = text.includes(' gateway ') ? await freePorts(4) : scene.ports;
  const file = scene.dir.file('sidepool.yaml');
  if (text.includes(' gateway ')) rewriteFor(file, scene, ports);
  const isToldAdmin = text.includes('--admin') || text.includes('--config');
  const admin = isToldAdmin ? '' : ` --admin 127.0.0.1:${ports[0]}`;
  const shown = scene.here(text, ports);
  try {
    const started = await startProcess({
      command: 'bash',
      args: ['-c', `exec ${shown}${admin}`],
      cwd: scene.dir.path,
      env: scene.env(),
      ready: { kind: 'line', pattern: readyWhen },
      readyTimeoutMs: PATIENCE_MS,
    });
    const exit = await started.stop(PATIENCE_MS);
    const isTop = text.includes(' top');
    return exit.code === 0 || isTop ? '' : `exit code ${exit.code}\n${started.output()}`;
  } catch (error) {
    return messageOf(error);
  }
}

/** The file that `prepare` wrote, for ports and sockets that nobody has. */
function rewriteFor(file: string, scene: Scene, ports: readonly number[]): void {
  const own = lastWritten(file).replace('search.sock', 'search-2.sock');
  const admin = /^admin:/m.test(own) ? '' : `\nadmin: { address: "127.0.0.1:${ports[0]}" }\n`;
  writeFileSync(file, scene.here(`${own}${admin}`, ports));
}

function lastWritten(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return plainConfiguration;
  }
}

async function drain(text: string, scene: Scene): Promise<string> {
  const gateway = await startGatewayFor(scene.originUrl, {}, { readyTimeoutMs: PATIENCE_MS });
  const admin = Number(new URL(gateway.adminUrl).port);
  const result = await shell(scene.here(text, [admin, ...scene.ports.slice(1)]), scene);
  if (result.code !== 0) {
    await gateway.stop();
    return story(result);
  }
  const exit = await gateway.process.exited;
  return exit.code === 0 ? '' : `the drained gateway ended with ${exit.code}`;
}

const calls: Readonly<Record<Language, (folder: string) => string>> = {
  php: (folder) => `php ${folder}/shown.php`,
  python: (folder) => `python3 ${folder}/shown.py`,
  ruby: (folder) => `ruby ${folder}/shown.rb`,
  java: (folder) => `java -Xshare:auto -XX:TieredStopAtLevel=1 ${folder}/Shown.java`,
  go: (folder) => `go run ${folder}/shown.go`,
  js: (folder) => `node ${folder}/shown.mjs`,
};

const names: Readonly<Record<Language, string>> = {
  php: 'shown.php',
  python: 'shown.py',
  ruby: 'shown.rb',
  java: 'Shown.java',
  go: 'shown.go',
  js: 'shown.mjs',
};

async function runProgram({ language, text }: PlannedProgram, scene: Scene): Promise<string> {
  const folder = scene.dir.file('programs');
  mkdirSync(folder, { recursive: true });
  const whole = language === 'php' && !text.startsWith('<?php') ? `<?php\n${text}` : text;
  writeFileSync(`${folder}/${names[language]}`, whole);
  const result = await shell(calls[language](folder), scene);
  return result.code === 0 ? seen(scene) : story(result);
}
