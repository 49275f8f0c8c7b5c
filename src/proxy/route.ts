/**
 * Which upstream a request goes to, and under which policy. Today a listener has one upstream; a forward proxy, or
 * rules by path, will change this file and no other.
 */
import { type Fault, fault } from '../base/fault.ts';
import type { RequestHead } from '../message/head.ts';
import type { RetryBudget } from '../resilience/retry-budget.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { AccessObserver } from './access-record.ts';
import type { ExchangeObserver } from './observer.ts';
import type { ExchangePolicy } from './options.ts';

/** Where an exchange goes. Frozen when the exchange begins: a reload changes it for the next one. */
export interface Route {
  readonly upstream: Upstream;
  readonly policy: ExchangePolicy;
  readonly budget: RetryBudget;
  readonly observer: ExchangeObserver;
}

/** Holds the route in force of one listener; a reload puts another in its place. */
export interface RoutedListener {
  route: Route;
  /** Who is told of each request; left out, nobody. */
  access?: AccessObserver | undefined;
  /** Under which authorities clients may mean the listener itself, in lower case: `127.0.0.1:15101`. */
  readonly authorities: readonly string[];
}

export function route(head: RequestHead, listener: RoutedListener): Route | Fault {
  const found = listener.route;
  if (head.hasAbsoluteTarget && !isOwnAuthority(head.authority ?? '', listener)) {
    return fault(
      'foreign-authority',
      'client',
      `This listener is bound to upstream "${found.upstream.name}", not to ${head.authority}.`,
    );
  }
  return found;
}

function isOwnAuthority(authority: string, { route: found, authorities }: RoutedListener): boolean {
  const { authority: own, port } = found.upstream.options.url;
  const asked = authority.toLowerCase();
  // The default port may be said or left out: the name is the same (RFC 9110 4.2.3).
  if (asked === own || asked === `${own}:${port}`) return true;
  return authorities.includes(asked) || found.policy.ownAuthorities.includes(asked);
}
