/** Observers of the data path that tell nobody. */
import type { ClientObserver } from '../downstream/observer.ts';
import type { ExchangeObserver } from '../proxy/observer.ts';
import type { UpstreamObserver } from '../upstream/observer.ts';

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
};
