/** Node's http with an agent that keeps one connection. See driver.ts for what is read and written. */
import { Agent, request } from 'node:http';
import { createInterface } from 'node:readline';

interface Got {
  readonly status: number;
  readonly body: string;
  readonly whole: boolean;
}

function ask(
  agent: Agent,
  port: number,
  { method, path }: { method: string; path: string },
): Promise<Got> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    let status = 0;
    const end = (whole: boolean) =>
      resolve({ status, body: Buffer.concat(parts).toString('base64'), whole });
    const asked = request({ agent, port, host: '127.0.0.1', method, path, timeout: 60_000 });
    asked.on('timeout', () => asked.destroy(new Error('timeout')));
    asked.on('error', () => end(false));
    asked.on('response', (response) => {
      status = response.statusCode ?? 0;
      response.on('data', (chunk: Buffer) => parts.push(chunk));
      response.on('error', () => end(false));
      response.on('end', () => end(response.complete));
    });
    asked.end(method === 'POST' ? 'hello' : undefined);
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const [id, method = 'GET', port] = line.split(' ');
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const first = await ask(agent, Number(port), { method, path: `/r${id}` });
  const next = await ask(agent, Number(port), { method: 'GET', path: `/n${id}` });
  agent.destroy();
  process.stdout.write(`${JSON.stringify({ id: Number(id), first, next })}\n`);
}
