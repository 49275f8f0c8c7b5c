/** What these suites have in common: a gateway and an origin that end with the test, and what the log says. */
import { writeFileSync } from 'node:fs';
import { afterEach } from 'vitest';
import {
  type GatewaySettings,
  type RunningGateway,
  type StartGatewayOptions,
  startGateway,
} from '../../support/gateway.ts';
import { type NodeOrigin, startNodeOrigin } from '../../support/origins/node.ts';
import { waitFor } from '../../support/wait-for.ts';
import { Load, type LoadOptions } from './load.ts';

const toEnd: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end();
});

/** Ends something after the test, last things first. */
export function endLater(end: () => unknown): void {
  toEnd.push(end);
}

export async function originForTest(): Promise<NodeOrigin> {
  const origin = await startNodeOrigin();
  endLater(() => origin.stop());
  return origin;
}

export async function gatewayForTest(
  settings: GatewaySettings,
  options: StartGatewayOptions = {},
): Promise<RunningGateway> {
  const gateway = await startGateway({ drain: shortDrain, ...settings }, options);
  endLater(() => gateway.stop());
  return gateway;
}

export function loadForTest(options: LoadOptions): Load {
  const load = new Load(options);
  endLater(() => load.stop());
  return load;
}

export interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly msg: string;
  readonly outcome?: string;
  readonly detail?: string;
  readonly [field: string]: unknown;
}

/** Lines of the log of one event, in order. */
export function logged(gateway: RunningGateway, event: string): LogLine[] {
  return gateway.process
    .stdout()
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line))
    .filter((line) => line.event === event);
}

/** Does what makes the gateway reload, waits for that, and gives its log line. */
export async function reloadBy(gateway: RunningGateway, act: () => void): Promise<LogLine> {
  const before = logged(gateway, 'reload').length;
  act();
  const what = () => `reload ${before + 1} of ${gateway.output()}`;
  return waitFor(() => logged(gateway, 'reload')[before], { timeoutMs: 10_000, what });
}

/** So that suites end quickly, whatever is still open. */
export const shortDrain = { quiet: '50ms', deadline: '2s' };

/** Writes another configuration and waits until it was read. */
export function rewritten(gateway: RunningGateway, settings: GatewaySettings): Promise<LogLine> {
  return reloadBy(gateway, () => gateway.rewrite({ drain: shortDrain, ...settings }));
}

/** The same with a text, as it is. */
export function overwritten(gateway: RunningGateway, text: string): Promise<LogLine> {
  return reloadBy(gateway, () => writeFileSync(gateway.configPath, text));
}

export async function admin(gateway: RunningGateway, path: string): Promise<Response> {
  return fetch(`${gateway.adminUrl}${path}`);
}

/** The configuration in force. */
export async function configOf(gateway: RunningGateway): Promise<string> {
  return (await admin(gateway, '/config')).text();
}

/** What a client sees sent to the origin, by `/echo`. */
export async function echoed(port: number): Promise<Readonly<Record<string, string>>> {
  const response = await fetch(`http://127.0.0.1:${port}/echo`);
  return ((await response.json()) as { headers: Record<string, string> }).headers;
}
