/** Ports for the demo's gateway. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** The port itself when it is free, else another one that is. */
export async function portNear(wanted: number): Promise<number> {
  return (await tryPort(wanted)) ?? (await tryPort(0)) ?? wanted;
}

async function tryPort(port: number): Promise<number | null> {
  const probe = createServer();
  probe.listen({ port, host: '127.0.0.1' });
  try {
    await once(probe, 'listening');
  } catch {
    return null;
  }
  const { port: bound } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return bound;
}
