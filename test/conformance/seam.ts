/** One message through a gateway, as its neighbours on either side see it. */
import { expect } from 'vitest';
import type { Scene } from '../integration/faults/scene.ts';
import type { GatewaySettings } from '../support/gateway.ts';
import type { InProcessGateway } from '../support/in-process-gateway.ts';
import type { RawClient, RawResponse } from '../support/raw-client.ts';
import {
  type RawOrigin,
  type RawOriginConnection,
  type RawRequest,
  response,
} from '../support/raw-origin.ts';

interface Passing {
  /** What the origin answers, octet by octet; 200 with `ok` unless given. */
  readonly answer?: string | ((request: RawRequest, connection: RawOriginConnection) => void);
  /** The origin ends its side behind its answer. */
  readonly ends?: boolean;
  readonly upstream?: Omit<GatewaySettings['upstreams'][string], 'url'>;
  readonly rest?: Omit<GatewaySettings, 'upstreams'>;
}

interface Passed {
  readonly client: RawClient;
  readonly gateway: InProcessGateway;
  readonly origin: RawOrigin;
  readonly answer: RawResponse;
  /** The first request that the origin got; undefined when it got none. */
  readonly request: RawRequest | undefined;
}

/** Sends one request through a new gateway and reads the final response to it. */
export async function pass(on: Scene, request: string, passing: Passing = {}): Promise<Passed> {
  const { answer = response(), ends = false, upstream, rest } = passing;
  const origin = await on.origin({
    onRequest: (received, connection) => {
      if (typeof answer === 'function') answer(received, connection);
      else if (ends) connection.fin(answer);
      else connection.write(answer);
    },
  });
  const gateway = await on.gateway(origin, upstream, rest);
  const client = await on.client(gateway);
  const got = await client.exchange(request);
  return { client, gateway, origin, answer: got, request: origin.requests[0] };
}

/** Sends what is to be refused: an answer with this status, a close, and not an octet to the upstream. */
export async function expectRefused(on: Scene, request: string, status: number): Promise<void> {
  const { client, origin, answer } = await pass(on, request);
  expect(answer.status, answer.body.toString()).toBe(status);
  expect(answer.fields.get('connection')).toEqual(['close']);
  expect(await client.readToEnd()).toHaveLength(0);
  expect(origin.connections.every(({ received }) => received.bytes.length === 0)).toBe(true);
}

/** The names of the field lines of a head, as they are written. */
export function namesOf(rawHead: string): string[] {
  const [, ...lines] = rawHead.slice(0, -4).split('\r\n');
  return lines.map((line) => line.slice(0, line.indexOf(':')));
}
