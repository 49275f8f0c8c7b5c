/** What must hold through a gateway for every origin, whatever server it is. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noise, type SizeName, sha256, sizes } from '../../support/bodies.ts';
import { type CountingRelay, startCountingRelay } from '../../support/counting-relay.ts';
import { type RunningGateway, startGatewayFor } from '../../support/gateway.ts';
import type { Origin } from '../../support/origins/origin.ts';
import { skipReason, titled } from '../../support/program.ts';
import { connectRawClient, type RawResponse, requestOnce } from '../../support/raw-client.ts';
import { chunked } from '../../support/raw-message.ts';

export interface OriginKind<T extends Origin = Origin> {
  readonly title: string;
  /** The programs without which the suite is skipped. */
  readonly programs: readonly string[];
  readonly start: () => Promise<T>;
  /** `close`: it closes after each response, so nothing can be reused. */
  readonly connections: 'keep' | 'close';
  readonly sizes: readonly SizeName[];
  readonly upload?: Upload<T>;
}

export interface Upload<T extends Origin> {
  readonly methods: readonly ('POST' | 'PUT')[];
  readonly path: string;
  readonly bytes: number;
  readonly codings: readonly ('length' | 'chunked')[];
  /** The SHA-256 of the body that the origin received, taken from its answer or from the origin itself. */
  readonly receivedHash: (answer: RawResponse, origin: T) => string | Promise<string>;
}

/** For origins that answer with the hash in JSON. */
export function hashFromEcho(answer: RawResponse): string {
  return JSON.parse(answer.body.toString()).sha256;
}

export interface Running<T extends Origin> {
  readonly origin: T;
  readonly relay: CountingRelay;
  readonly gateway: RunningGateway;
}

/** Starts origin, relay and gateway around a suite; `more` adds tests that only this origin has. */
export function describeOrigin<T extends Origin>(
  kind: OriginKind<T>,
  more?: (running: () => Running<T>) => void,
): void {
  const reason = skipReason(...kind.programs);
  describe.skipIf(reason !== undefined)(titled(`through a gateway: ${kind.title}`, reason), () => {
    let running: Running<T>;

    beforeAll(async () => {
      const origin = await kind.start();
      const relay = await startCountingRelay(origin.port);
      const gateway = await startGatewayFor(`http://127.0.0.1:${relay.port}`);
      running = { origin, relay, gateway };
    }, 120_000);

    afterAll(async () => {
      await running?.gateway.stop();
      running?.relay.close();
      await running?.origin.stop();
    });

    testReading(kind, () => running);
    if (kind.upload) testUploads(kind.upload, () => running);
    testConnections(kind, () => running);
    more?.(() => running);
  });
}

function testReading<T extends Origin>(kind: OriginKind<T>, running: () => Running<T>): void {
  it('GET', async () => {
    const answer = await requestOnce(running().gateway.port, request('GET', '/ok'));
    expect([answer.status, answer.body.toString()]).toEqual([200, 'ok']);
  });

  it('HEAD has the length and no body, and the connection goes on', async () => {
    const client = await connectRawClient(running().gateway.port);
    const head = await client.exchange(request('HEAD', '/size/10k'));
    expect(head.status).toBe(200);
    // An origin may leave it out (RFC 9110 8.6), but must not change it.
    expect(head.fields.get('content-length') ?? ['10240']).toEqual(['10240']);
    const next = await client.exchange(request('GET', '/ok'));
    expect(next.body.toString()).toBe('ok');
    client.close();
  });

  for (const size of kind.sizes) {
    it(`every byte of a body of ${size}, for HTTP/1.1 and HTTP/1.0`, async () => {
      const expected = sha256(noise(sizes[size]));
      for (const version of ['1.1', '1.0'] as const) {
        const answer = await requestOnce(
          running().gateway.port,
          request('GET', `/size/${size}`, { version }),
          { timeoutMs: 15_000 },
        );
        expect(sha256(answer.body)).toBe(expected);
      }
    });
  }
}

function testUploads<T extends Origin>(upload: Upload<T>, running: () => Running<T>): void {
  for (const method of upload.methods) {
    for (const coding of upload.codings) {
      it(`${method} of ${upload.bytes} bytes with ${coding}`, async () => {
        const body = noise(upload.bytes, 7);
        const head = request(method, upload.path, { body, coding });
        const answer = await requestOnce(running().gateway.port, head);
        expect(answer.status).toBeLessThan(300);
        expect(await upload.receivedHash(answer, running().origin)).toBe(sha256(body));
      });
    }
  }
}

function testConnections<T extends Origin>(kind: OriginKind<T>, running: () => Running<T>): void {
  it(`100 one-request HTTP/1.0 clients ${kind.connections === 'keep' ? 'share connections' : 'are each served'}`, async () => {
    const { gateway, relay } = running();
    const before = relay.connections;
    for (let nth = 0; nth < 100; nth++) {
      const answer = await requestOnce(gateway.port, request('GET', '/ok', { version: '1.0' }));
      expect([answer.status, answer.body.toString()]).toEqual([200, 'ok']);
    }
    const opened = relay.connections - before;
    if (kind.connections === 'keep') expect(opened).toBeLessThanOrEqual(5);
    // A warm connection made before may serve the first.
    else expect(opened).toBeGreaterThan(90);
  });

  it('20 requests on one client connection', async () => {
    const client = await connectRawClient(running().gateway.port);
    for (let nth = 0; nth < 20; nth++) {
      const answer = await client.exchange(request('GET', '/ok'));
      expect([answer.status, answer.body.toString()]).toEqual([200, 'ok']);
    }
    client.close();
  });

  it('HTTP/1.0 with keep-alive: two requests on one connection', async () => {
    const client = await connectRawClient(running().gateway.port);
    const ask = request('GET', '/size/10k', {
      version: '1.0',
      fields: 'Connection: keep-alive\r\n',
    });
    const first = await client.exchange(ask);
    expect(sha256(first.body)).toBe(sha256(noise(sizes['10k'])));
    // It may be close-delimited when the origin told no length; then there is no second.
    if (first.framing === 'length') {
      expect(sha256((await client.exchange(ask)).body)).toBe(sha256(first.body));
    }
    client.close();
  });
}

export interface RequestParts {
  readonly version?: '1.0' | '1.1';
  readonly body?: Uint8Array;
  readonly coding?: 'length' | 'chunked';
  /** Whole lines with their ends. */
  readonly fields?: string;
}

/** The bytes of a request. */
export function request(method: string, path: string, parts: RequestParts = {}): Buffer {
  const { version = '1.1', body, coding = 'length', fields = '' } = parts;
  const head = `${method} ${path} HTTP/${version}\r\nHost: origin.test\r\n${fields}`;
  if (body === undefined) return Buffer.from(`${head}\r\n`);
  if (coding === 'chunked') {
    const bytes = chunked(body, { chunkBytes: 9_999 });
    return Buffer.concat([Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n`), bytes]);
  }
  return Buffer.concat([Buffer.from(`${head}Content-Length: ${body.length}\r\n\r\n`), body]);
}
