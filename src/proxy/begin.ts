/** Where a listener's requests come in: those that need no upstream are answered here, the others become exchanges. */
import { type Fault, fault } from '../base/fault.ts';
import type { ClientExchange, RequestHandler, RequestReceiver } from '../downstream/handler.ts';
import type { RequestHead } from '../message/head.ts';
import { ownResponse } from '../message/own-response.ts';
import { AccessRecord } from './access-record.ts';
import { Exchange } from './exchange.ts';
import type { ExchangeContext } from './exchange-context.ts';
import { ownAnswer } from './own-answers.ts';
import { chosenUpgrade } from './request-traits.ts';
import { type Route, type RoutedListener, route } from './route.ts';

/** Makes the handler of one listener. */
export function beginExchanges(listener: RoutedListener, context: ExchangeContext): RequestHandler {
  const now = () => context.wheel.now();
  return {
    begin(head, client) {
      const { access } = listener;
      if (access === undefined) return begin(head, client, { listener, context, record: null });
      const record = new AccessRecord(head, client, { access, now });
      return record.before(begin(head, record, { listener, context, record }));
    },
  };
}

interface Beginning {
  readonly listener: RoutedListener;
  readonly context: ExchangeContext;
  /** Null unless somebody wants to be told of it. */
  readonly record: AccessRecord | null;
}

function begin(
  head: RequestHead,
  client: ClientExchange,
  { listener, context, record }: Beginning,
): RequestReceiver {
  const own = ownAnswer(head);
  if (own !== null) {
    client.sendOwn(own);
    return nobody;
  }
  const asked = route(head, listener);
  const isRefused = 'kind' in asked;
  const way = isRefused ? listener.route : asked;
  const found = record === null ? way : record.on(way);
  if (isRefused) return refuse(asked, head, client, found);
  const { policy } = found;
  if (policy.requiresUpgrade && chosenUpgrade(head, policy) === null) {
    const offered = policy.upgrades.join(', ');
    const cause = `This upstream is reached by an upgrade only: send Upgrade with ${offered}.`;
    return refuse(fault('upgrade-required', 'client', cause), head, client, found);
  }
  const exchange = new Exchange(head, client, found, context);
  exchange.begin();
  return exchange;
}

function refuse(
  failure: Fault,
  head: RequestHead,
  client: ClientExchange,
  { observer, policy }: Route,
): RequestReceiver {
  const own = ownResponse(failure, head, { upgradeTo: policy.upgrades.join(', ') });
  observer.onFault(failure, {
    status: own.status,
    request: head,
    attempts: 0,
    durationMs: 0,
    endpoint: null,
  });
  client.sendOwn(own);
  return nobody;
}

/** For a request that has been answered: whatever still comes of it is of no interest. */
const nobody: RequestReceiver = {
  onBody: () => true,
  onBodyEnd: () => undefined,
  onReadEnd: () => undefined,
  onBodyFault: () => undefined,
  onWritable: () => undefined,
  onClientGone: () => undefined,
};
