/** What configuration says of listeners, beyond the options that they are opened with. */
import { isDeepStrictEqual } from 'node:util';
import { addressText } from '../config/addresses.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { sameOptions } from '../config/same-options.ts';
import type { ListenAddress, ListenerOptions } from '../downstream/options.ts';

/** What a client may call a listener in an absolute-form target. */
export function authoritiesOf(address: ListenAddress): string[] {
  if (address.kind === 'unix') return ['localhost'];
  return [addressText(address), `localhost:${address.port}`];
}

/** What was opened at some start or reload, and stays as it was opened. */
export interface Opened {
  readonly admin: GatewayConfig['admin'];
  readonly endpoints: GatewayConfig['endpoints'];
  /** By address. */
  readonly listeners: ReadonlyMap<string, ListenerOptions>;
}

/** What a new configuration asks for that only a new start can do, in sentences. */
export function leftForNextStart(opened: Opened, after: GatewayConfig): string[] {
  const notes: string[] = [];
  if (!isDeepStrictEqual(opened.admin, after.admin)) notes.push('admin counts from the next start');
  if (!isDeepStrictEqual(opened.endpoints, after.endpoints))
    notes.push('endpoints counts from the next start');
  for (const { options } of after.listeners) {
    const address = addressText(options.address);
    const known = opened.listeners.get(address);
    if (known === undefined) continue;
    const { client: _, ...socket } = options;
    const { client: __, ...knownSocket } = known;
    if (!sameOptions(socket, knownSocket)) {
      notes.push(`backlog, mode and owner of ${address} count from the next start`);
    }
  }
  return notes;
}
