/**
 * Node's origin as a process of its own, so that it can be killed. SIGUSR2 makes it reset every connection.
 *
 *   node test/soak/long/origin-process.ts '{"host":"127.0.0.2","port":1234}'
 *
 * With `tls` it wants a certificate of its clients: the paths of an authority, a certificate and its key.
 */
import { readFileSync } from 'node:fs';
import { startNodeOrigin } from '../../support/origins/node.ts';

export interface OriginPlan {
  readonly host: string;
  readonly port: number;
  readonly tls?: { readonly caPath: string; readonly certPath: string; readonly keyPath: string };
}

const { host, port, tls } = JSON.parse(process.argv[2] ?? '{}') as OriginPlan;
const origin = await startNodeOrigin({
  host,
  port,
  ...(tls && {
    tls: {
      ca: readFileSync(tls.caPath, 'utf8'),
      cert: readFileSync(tls.certPath, 'utf8'),
      key: readFileSync(tls.keyPath, 'utf8'),
      requestCert: true,
    },
  }),
});
process.on('SIGUSR2', () => origin.reset());
process.on('SIGTERM', () => void origin.stop().then(() => process.exit(0)));
