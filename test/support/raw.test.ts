import { connect as connectTls } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CertificateAuthority } from './certificates.ts';
import { connectRawClient, requestOnce } from './raw-client.ts';
import { chunked, readMessage } from './raw-message.ts';
import { alwaysAnswer, type RawOrigin, response, startRawOrigin } from './raw-origin.ts';
import { makeTempDir } from './temp-dir.ts';

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const origins: RawOrigin[] = [];

async function origin(...args: Parameters<typeof startRawOrigin>): Promise<RawOrigin> {
  const started = await startRawOrigin(...args);
  origins.push(started);
  return started;
}

afterEach(async () => {
  await Promise.all(origins.splice(0).map((each) => each.close()));
});

describe('the scripted origin and client', () => {
  it('answer by hand, request by request, and count both', async () => {
    const server = await origin();
    const client = await connectRawClient(server.port);
    client.write(get + get);
    const connection = await server.connection(1);
    expect(await connection.request(2)).toMatchObject({
      id: 2,
      nth: 2,
      method: 'GET',
      target: '/',
    });
    connection.write(response('one') + response('two'));
    expect((await client.readResponse()).body.toString()).toBe('one');
    expect((await client.readResponse()).body.toString()).toBe('two');
    client.fin();
    expect(await connection.incomingEnd()).toBe('fin');
    expect(server.requests).toHaveLength(2);
  });

  it('frame bodies by length, by chunks with trailers, and by the end', async () => {
    const server = await origin({ onRequest: alwaysAnswer() });
    const client = await connectRawClient(server.port);
    await client.exchange('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');
    const body = chunked('hello world', { chunkBytes: 4, trailers: { 'X-Sum': '1' } });
    client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    await client.writePieces(body, 3);
    const request = await server.request(2);
    expect(request.body.toString()).toBe('hello world');
    expect(request.trailers.get('x-sum')).toEqual(['1']);
    client.close();
    const close = Buffer.from('HTTP/1.0 200 OK\r\n\r\nrest');
    expect(readMessage(close, { role: 'response' })).toBeUndefined();
    expect(readMessage(close, { role: 'response', ended: true })?.body.toString()).toBe('rest');
  });

  it('see a head before its body', async () => {
    const server = await origin();
    const client = await connectRawClient(server.port);
    client.write(`${get}POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe`);
    const connection = await server.connection();
    expect(await connection.head(2)).toMatch(/^POST \/late [\s\S]*\r\n\r\n$/);
    expect(connection.requests).toHaveLength(1);
    client.write('llo');
    expect((await connection.request(2)).body.toString()).toBe('hello');
    client.close();
  });

  it('tell a FIN from a reset, on both sides', async () => {
    const server = await origin();
    const first = await connectRawClient(server.port);
    (await server.connection(1)).fin('bye');
    expect((await first.readToEnd()).toString()).toBe('bye');
    first.fin();
    expect(await first.closed()).toBe('fin');

    const second = await connectRawClient(server.port);
    (await server.connection(2)).reset();
    expect(await second.incomingEnd()).toBe('reset');

    const third = await connectRawClient(server.port);
    const accepted = await server.connection(3);
    third.reset();
    expect(await accepted.closed()).toBe('reset');
  });

  it('half-close and still read', async () => {
    const server = await origin();
    const client = await connectRawClient(server.port);
    client.write(get);
    client.fin();
    const connection = await server.connection();
    expect(await connection.incomingEnd()).toBe('fin');
    connection.fin(response('late'));
    expect((await client.readResponse()).body.toString()).toBe('late');
  });

  it('stop reading, so that the writer feels it', async () => {
    const server = await origin({ onConnection: (connection) => connection.stopReading() });
    const client = await connectRawClient(server.port);
    const big = Buffer.alloc(32 * 1024 * 1024, 'x');
    client.write(big);
    const connection = await server.connection();
    expect(client.socket.writableLength).toBeGreaterThan(0);
    expect(connection.received.bytes).toHaveLength(0);
    connection.resumeReading();
    expect(await connection.bytes(big.length)).toHaveLength(big.length);
    client.close();
  });

  it('refuse connections and accept them again on the same port', async () => {
    const server = await origin({ onRequest: alwaysAnswer() });
    await server.refuse();
    await expect(connectRawClient(server.port)).rejects.toThrow('ECONNREFUSED');
    await server.accept();
    expect((await requestOnce(server.port, get)).status).toBe(200);
  });

  it('fail with what was seen when nothing comes', async () => {
    const server = await origin();
    const client = await connectRawClient(server.port);
    (await server.connection()).write('HTTP/1.1 200 OK\r\n');
    await expect(client.readResponse({ timeoutMs: 100 })).rejects.toThrow('HTTP/1.1 200 OK');
    client.close();
  });
});

describe('the scripted origin over TLS', () => {
  const dir = makeTempDir('raw-tls');
  let authority: CertificateAuthority;
  beforeAll(async () => {
    authority = await CertificateAuthority.create(dir.path);
    return () => dir.remove();
  });

  function tlsClient(port: number, ca: string, servername = 'localhost') {
    return new Promise<string>((resolve, reject) => {
      const socket = connectTls({ port, host: '127.0.0.1', servername, ca });
      socket.once('secureConnect', () => socket.write(get));
      socket.once('data', (data) => {
        resolve(data.toString());
        socket.destroy();
      });
      socket.once('error', reject);
    });
  }

  it('answers, and is verified by name and by date', async () => {
    const good = await authority.issueForLoopback();
    const expired = await authority.issue({
      name: 'expired',
      names: ['localhost'],
      validity: 'expired',
    });
    const other = await authority.issue({ name: 'other', names: ['other.test'] });
    const answers = [];
    for (const tls of [good, expired, other]) {
      const server = await origin({ tls, onRequest: alwaysAnswer() });
      answers.push(await tlsClient(server.port, authority.cert).catch((error) => error.code));
    }
    expect(answers[0]).toContain('200 OK');
    expect(answers.slice(1)).toEqual(['CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID']);
  });

  it('asks for a client certificate of its own authority', async () => {
    const server = await origin({
      tls: {
        ...(await authority.issueForLoopback()),
        ca: authority.cert,
        requestCert: true,
        rejectUnauthorized: true,
      },
      onRequest: alwaysAnswer(),
    });
    await expect(tlsClient(server.port, authority.cert)).rejects.toThrow();
    const own = await authority.issue({ name: 'client', names: ['client'], usage: 'client' });
    const socket = connectTls({
      port: server.port,
      ca: authority.cert,
      cert: own.cert,
      key: own.key,
      servername: 'localhost',
    });
    socket.write(get);
    const data = await new Promise<string>((resolve, reject) => {
      socket.setEncoding('latin1').once('data', (text) => resolve(String(text)));
      socket.once('error', reject);
    });
    expect(data).toContain('200 OK');
    socket.destroy();
  });

  it('resets below TLS', async () => {
    const server = await origin({ tls: await authority.issueForLoopback() });
    const socket = connectTls({ port: server.port, ca: authority.cert, servername: 'localhost' });
    const ended = new Promise((resolve) =>
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code)),
    );
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    socket.write(get);
    const connection = await server.connection();
    await connection.request();
    connection.reset();
    expect(await ended).toBe('ECONNRESET');
  });

  it('can leave a handshake without an answer', async () => {
    const server = await origin({ tls: await authority.issueForLoopback(), handshake: 'never' });
    const socket = connectTls({ port: server.port, ca: authority.cert, servername: 'localhost' });
    socket.on('error', () => {});
    const connection = await server.connection();
    expect((await connection.bytes(10)).at(0)).toBe(0x16); // A ClientHello.
    socket.destroy();
  });
});
