/**
 * Ports for programs that must be told theirs.
 *
 * Taken below the range from which the kernel gives outgoing connections their source port (32768 and up
 * on Linux): a port that was free a moment ago would else be taken, now and then, by a client of another
 * test, and the program would fail to bind.
 */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

const lowestPort = 15_200;
const portsEnd = 32_000;

/** Never given twice by one process. Another one would have to draw the same number in the same moment. */
const given = new Set<number>();

export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    const port = randomInt(lowestPort, portsEnd);
    if (given.has(port) || !(await canBind(port, host))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`no free port on ${host} between ${lowestPort} and ${portsEnd} after 200 tries`);
}

export async function freePorts(count: number, host = '127.0.0.1'): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await freePort(host));
  return ports;
}

function canBind(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
