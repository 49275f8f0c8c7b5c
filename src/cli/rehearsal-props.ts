/** What is made up for a rehearsal: requests, responses, and observers that tell nobody. */
import type { ClientObserver } from '../downstream/observer.ts';
import type { ExchangeObserver } from '../proxy/observer.ts';
import type { UpstreamObserver } from '../upstream/observer.ts';

const opening = '/ HTTP/1.0\r\nHost: localhost\r\nUser-Agent: rehearsal\r\nAccept: */*\r\n';
const again = opening.replace('1.0', '1.1');
/** What one client sends, one request after the other's answer; the last one lets the gateway close. */
export const clients: readonly (readonly string[])[] = [
  [`GET ${opening}\r\n`],
  [`GET ${again}\r\n`, `GET ${again}Connection: close\r\n\r\n`],
  [`POST ${opening}Content-Length: 4\r\n\r\nbody`],
];
/** What the origin answers, in turn. */
export const answers: readonly string[] = [
  'HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody',
  'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n',
];

const deaf = (): void => undefined;

export const deafClient: ClientObserver = {
  onConnection: deaf,
  onConnectionClosed: deaf,
  onRequest: deaf,
  onRefused: deaf,
  onFault: deaf,
  onBytes: deaf,
};

export const deafExchange: ExchangeObserver = {
  onBegan: deaf,
  onEnded: deaf,
  onStale: deaf,
  onRetry: deaf,
  onFault: deaf,
};

export const deafUpstream: UpstreamObserver = {
  onOpened: deaf,
  onDialFailed: deaf,
  onClosed: deaf,
  onLeased: deaf,
  onWaitEnded: deaf,
  onBytes: deaf,
  onRepairedResponse: deaf,
  onHealth: deaf,
  onPanic: deaf,
  onBreaker: deaf,
  onShed: deaf,
};
