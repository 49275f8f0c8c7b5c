/** The gateway as the documents' outcomes know it: the client's Host goes on, one connection to one recording origin. */
import { type InProcessGateway, startInProcessGateway } from '../support/in-process-gateway.ts';
import type { WireCase } from '../wire/read-wire.ts';
import type { Stage } from './play-request.ts';
import { RecordingOrigin } from './recording-origin.ts';

export interface GatewayStage extends Stage {
  readonly gateway: InProcessGateway;
  readonly stop: () => Promise<void>;
}

export async function startGatewayStage(): Promise<GatewayStage> {
  const origin = await new RecordingOrigin().listen();
  const gateway = await startInProcessGateway({
    log: { level: 'silent' },
    // Whether a response to HTTP/1.0 gets a length must not hang on how busy the machine is.
    clients: { holdTime: '5s' },
    upstreams: {
      origin: {
        url: `http://127.0.0.1:${origin.port}`,
        host: 'client',
        authorities: ['b.example'],
        pool: { warm: 1, warmMax: 1, maxConnections: 1 },
        // Malformed answers are failures: a breaker would keep the next document from its origin.
        breaker: 'off',
        outliers: 'off',
      },
    },
  });
  return {
    gateway,
    origin,
    port: gateway.port,
    quietMs: 60,
    timeoutMs: 10_000,
    stop: async () => {
      await gateway.stop();
      origin.close();
    },
  };
}

const ownLimits = ['headBytes', 'targetBytes', 'maxFields'];

/** Documents with limits of their own are for the codec alone; so are those that need not end. */
export function hasOutcome({ settings }: WireCase): boolean {
  return !ownLimits.some((name) => settings.has(name));
}
