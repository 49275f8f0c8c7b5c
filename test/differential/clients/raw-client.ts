/** The strict reader as a client: it sees every octet. */
import { connect, type Socket } from 'node:net';
import { readResponses } from '../../raw/strict-reader.ts';
import type { ResponseTrial } from '../response-grammar.ts';
import type { Answers, Client, Got } from './client.ts';

const timeoutMs = 60_000;
const parallel = 8;

export const rawClient: Client = {
  ask: async (trials, port) => {
    const left = [...trials];
    const answers: Answers[] = [];
    const worker = async () => {
      for (let trial = left.pop(); trial !== undefined; trial = left.pop())
        answers.push(await askBoth(trial, port));
    };
    await Promise.all(Array.from({ length: parallel }, worker));
    return answers;
  },
  stop: async () => {},
};

async function askBoth(trial: ResponseTrial, port: number): Promise<Answers> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  socket.on('error', () => {});
  const body = trial.method === 'POST' ? 'Content-Length: 5\r\n\r\nhello' : '\r\n';
  const first = await ask(
    socket,
    `${trial.method} /r${trial.id} HTTP/1.1\r\nHost: a\r\n${body}`,
    trial.method,
  );
  const nextRequest = `GET /n${trial.id} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
  let next =
    socket.readableEnded || socket.destroyed ? null : await ask(socket, nextRequest, 'GET');
  socket.destroy();
  if (next === null || next.status === 0) {
    const other = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    other.on('error', () => {});
    next = await ask(other, nextRequest, 'GET');
    other.destroy();
  }
  return { id: trial.id, first, next };
}

/** A hung connection is an answer that is not whole, with a status that nobody sends. */
function ask(socket: Socket, request: string, method: string): Promise<Got> {
  return new Promise((resolve) => {
    let bytes: Buffer = Buffer.alloc(0);
    const limit = setTimeout(() => end({ status: 999, body: 'hung', isWhole: true }), timeoutMs);
    const end = (got: Got) => {
      clearTimeout(limit);
      socket.off('data', onData).off('end', onEnd).off('close', onClose);
      resolve(got);
    };
    const read = (hasEnded: boolean): Got | null => {
      const { messages, wrong, rest } = readResponses(bytes, { methods: [method], hasEnded });
      const finals = messages.filter(({ start }) => Number(start[1]) >= 200);
      const [final] = finals;
      // What nobody may be sent is told by a status that nobody sends.
      if (wrong !== null)
        return { status: 998, body: `${wrong} ${bytes.toString('latin1')}`, isWhole: true };
      if (final === undefined) return null;
      if (finals.length > 1 || rest !== '')
        return { status: 997, body: bytes.toString('latin1'), isWhole: true };
      if (!final.isWhole && !hasEnded) return null;
      return { status: Number(final.start[1]), body: final.body, isWhole: final.isWhole };
    };
    const onData = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      const got = read(false);
      if (got !== null) end(got);
    };
    const onEnd = () => end(read(true) ?? { status: 0, body: '', isWhole: false });
    const onClose = () => {
      const got = read(false);
      end(got ?? { status: 0, body: '', isWhole: false });
    };
    socket.on('data', onData).on('end', onEnd).on('close', onClose);
    socket.write(Buffer.from(request, 'latin1'));
  });
}
