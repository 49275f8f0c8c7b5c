/** Every row of the retry table (design 4.3): what is sent again, and above all what is not. */
import { describe, expect, it } from 'vitest';
import {
  type RawOrigin,
  type RawOriginConnection,
  type RawRequest,
  response,
} from '../../support/raw-origin.ts';
import { waitFor } from '../../support/wait-for.ts';
import { detailsOf, get, post, scene } from './scene.ts';

const on = scene();

/** Answers `/warm`; every other request goes to `act`, by its place among those of its kind. */
function afterWarmUp(act: (connection: RawOriginConnection, nth: number) => void) {
  let nth = 0;
  return {
    onRequest: ({ target }: RawRequest, connection: RawOriginConnection) => {
      if (target === '/warm') {
        connection.write(response());
        return;
      }
      nth += 1;
      act(connection, nth);
    },
  };
}

const answersTheSecond = (connection: RawOriginConnection, nth: number): void => {
  if (nth === 1) connection.reset();
  else connection.write(response('second'));
};

function sentBy(origin: RawOrigin): RawRequest[] {
  return origin.requests.filter(({ target }) => target !== '/warm');
}

function requestOf(method: string, body = method === 'TRACE' ? '' : 'x', fields = ''): string {
  const length = body === '' ? '' : `Content-Length: ${body.length}\r\n`;
  return `${method} /it HTTP/1.1\r\nHost: a\r\n${length}${fields}\r\n${body}`;
}

const one = { pool: { warm: 1, warmMax: 1, maxConnections: 1 } };

describe('a reused connection that ends before one byte of response', () => {
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PUT', 'DELETE']) {
    it(`${method} is sent again on a new connection`, async () => {
      const origin = await on.origin(afterWarmUp(answersTheSecond));
      const gateway = await on.gateway(origin, one);
      const client = await on.client(gateway);
      await client.exchange(get('/warm'));
      expect((await client.exchange(requestOf(method))).status).toBe(200);
      const [first, second] = sentBy(origin);
      expect(second?.connectionId).not.toBe(first?.connectionId);
      expect(second?.nth).toBe(1);
      expect(second?.rawHead).toBe(first?.rawHead);
      expect(second?.body).toEqual(first?.body);
      expect(gateway.told.retries).toEqual([
        { reason: 'reused-connection-ended', outcome: 'succeeded' },
      ]);
    });
  }

  for (const method of ['POST', 'PATCH', 'FROBNICATE']) {
    it(`${method} is not, and its caller is told the truth`, async () => {
      const origin = await on.origin(afterWarmUp(answersTheSecond));
      const gateway = await on.gateway(origin, one);
      const client = await on.client(gateway);
      await client.exchange(get('/warm'));
      const answer = await client.exchange(requestOf(method));
      expect(answer.status).toBe(502);
      expect(detailsOf(answer)).toBe('sent-no-response');
      expect(sentBy(origin)).toHaveLength(1);
    });
  }

  it('a resend that fails is not sent a third time [9110-9.2.2-03]', async () => {
    const origin = await on.origin(afterWarmUp((connection) => connection.reset()));
    const gateway = await on.gateway(origin, { ...one, retry: { onNewConnection: 'idempotent' } });
    const client = await on.client(gateway);
    await client.exchange(get('/warm'));
    const answer = await client.exchange(requestOf('GET'));
    expect(answer.status).toBe(502);
    expect(sentBy(origin)).toHaveLength(2);
    expect(gateway.told.retries).toEqual([
      { reason: 'reused-connection-ended', outcome: 'failed' },
    ]);
  });

  it('with resends at 0 nothing is sent again', async () => {
    const origin = await on.origin(afterWarmUp(answersTheSecond));
    const gateway = await on.gateway(origin, { ...one, retry: { resends: 0 } });
    const client = await on.client(gateway);
    await client.exchange(get('/warm'));
    expect((await client.exchange(requestOf('GET'))).status).toBe(502);
    expect(sentBy(origin)).toHaveLength(1);
  });

  it('a body longer than bodyLimit is not sent again', async () => {
    const origin = await on.origin(afterWarmUp(answersTheSecond));
    const gateway = await on.gateway(origin, { ...one, retry: { bodyLimit: '1KiB' } });
    const client = await on.client(gateway);
    await client.exchange(get('/warm'));
    expect((await client.exchange(requestOf('PUT', 'x'.repeat(1_025)))).status).toBe(502);
    expect(sentBy(origin)).toHaveLength(1);
  });

  it('a body that is still coming is sent again with the rest of it', async () => {
    const origin = await on.origin({
      onConnection: (connection) => {
        connection.socket.on('data', () => {
          const isFirst = connection.id === 1 && connection.received.bytes.includes('abc');
          if (isFirst) connection.reset();
        });
      },
      onRequest: (_, connection) => connection.write(response()),
    });
    const gateway = await on.gateway(origin, one);
    const client = await on.client(gateway);
    await client.exchange(get('/warm'));
    client.write('PUT /it HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
    await origin.connection(2);
    client.write('3\r\ndef\r\n0\r\n\r\n');
    expect((await client.readResponse()).status).toBe(200);
    expect(sentBy(origin).map(({ body }) => body.toString())).toEqual(['abcdef']);
  });

  it('a POST that promises idempotency is sent again, where that is configured', async () => {
    const fields = 'Idempotency-Key: 1\r\n';
    for (const idempotencyHeaders of [['Idempotency-Key'], []]) {
      const origin = await on.origin(afterWarmUp(answersTheSecond));
      const gateway = await on.gateway(origin, { ...one, retry: { idempotencyHeaders } });
      const client = await on.client(gateway);
      await client.exchange(get('/warm'));
      const answer = await client.exchange(requestOf('POST', 'x', fields));
      const isListed = idempotencyHeaders.length > 0;
      expect(answer.status).toBe(isListed ? 200 : 502);
      expect(sentBy(origin)).toHaveLength(isListed ? 2 : 1);
    }
  });
});

describe('a new connection that ends before one byte of response', () => {
  const table = {
    safe: { GET: 2, HEAD: 2, QUERY: 2, PUT: 1, DELETE: 1, POST: 1 },
    idempotent: { GET: 2, HEAD: 2, QUERY: 2, PUT: 2, DELETE: 2, POST: 1 },
    never: { GET: 1, HEAD: 1, QUERY: 1, PUT: 1, DELETE: 1, POST: 1 },
  } as const;
  for (const [onNewConnection, methods] of Object.entries(table)) {
    for (const [method, times] of Object.entries(methods)) {
      it(`onNewConnection ${onNewConnection}: ${method} is sent ${times} time${times === 1 ? '' : 's'}`, async () => {
        const origin = await on.origin(afterWarmUp(answersTheSecond));
        const gateway = await on.gateway(origin, { ...one, retry: { onNewConnection } });
        const client = await on.client(gateway);
        const answer = await client.exchange(requestOf(method));
        expect(answer.status).toBe(times === 2 ? 200 : 502);
        expect(sentBy(origin)).toHaveLength(times);
        expect(gateway.told.retries.map(({ reason }) => reason)).toEqual(
          times === 2 ? ['new-connection-ended'] : [],
        );
      });
    }
  }
});

describe('a response with a status to try again on', () => {
  const busy = (status: string, fields: Record<string, string> = {}) =>
    afterWarmUp((connection, nth) =>
      connection.write(nth === 1 ? response('busy', { status, fields }) : response('second')),
    );

  it('is relayed unless its status is listed', async () => {
    const origin = await on.origin(busy('503 Service Unavailable'));
    const gateway = await on.gateway(origin, { ...one, retry: { statuses: [502, 504] } });
    const client = await on.client(gateway);
    expect((await client.exchange(get())).body.toString()).toBe('busy');
  });

  for (const status of [
    '429 Too Many Requests',
    '502 Bad Gateway',
    '503 Service Unavailable',
    '504 Gateway Timeout',
  ]) {
    it(`${status} is tried again, on the one connection there may be`, async () => {
      const origin = await on.origin(busy(status));
      const gateway = await on.gateway(origin, {
        ...one,
        retry: { statuses: [429, 502, 503, 504] },
      });
      const client = await on.client(gateway);
      const beganMs = performance.now();
      expect((await client.exchange(get())).body.toString()).toBe('second');
      expect(performance.now() - beganMs).toBeLessThan(1_500);
      expect(gateway.told.retries).toEqual([{ reason: 'status', outcome: 'succeeded' }]);
    });
  }

  it('a POST is not', async () => {
    const origin = await on.origin(busy('503 Service Unavailable'));
    const gateway = await on.gateway(origin, { ...one, retry: { statuses: [503] } });
    const client = await on.client(gateway);
    expect((await client.exchange(post())).status).toBe(503);
    expect(origin.requests).toHaveLength(1);
  });

  it('the second such response is relayed', async () => {
    const origin = await on.origin({
      onRequest: (_, connection) => connection.write(response('busy', { status: '503 Busy' })),
    });
    const gateway = await on.gateway(origin, { ...one, retry: { statuses: [503] } });
    const client = await on.client(gateway);
    expect((await client.exchange(get())).body.toString()).toBe('busy');
    expect(origin.requests).toHaveLength(2);
  });

  it('Retry-After in seconds is waited out', async () => {
    const origin = await on.origin(busy('503 Busy', { 'Retry-After': '1' }));
    const gateway = await on.gateway(origin, { ...one, retry: { statuses: [503] } });
    const client = await on.client(gateway);
    const beganMs = performance.now();
    expect((await client.exchange(get())).body.toString()).toBe('second');
    expect(performance.now() - beganMs).toBeGreaterThan(990);
  });

  it('Retry-After as a date is waited out', async () => {
    // A date has whole seconds: what is two seconds ahead is at least one away.
    const date = new Date(Date.now() + 2_000).toUTCString();
    const origin = await on.origin(busy('503 Busy', { 'Retry-After': date }));
    const gateway = await on.gateway(origin, { ...one, retry: { statuses: [503] } });
    const client = await on.client(gateway);
    const beganMs = performance.now();
    expect((await client.exchange(get())).body.toString()).toBe('second');
    expect(performance.now() - beganMs).toBeGreaterThan(900);
  });

  it('a Retry-After beyond maxRetryAfter is relayed at once', async () => {
    const origin = await on.origin(busy('503 Busy', { 'Retry-After': '60' }));
    const gateway = await on.gateway(origin, { ...one, retry: { statuses: [503] } });
    const client = await on.client(gateway);
    const answer = await client.exchange(get());
    expect(answer.fields.get('retry-after')).toEqual(['60']);
    expect(origin.requests).toHaveLength(1);
  });

  it('a long body of it is not waited for', async () => {
    const origin = await on.origin(
      afterWarmUp((connection, nth) =>
        connection.write(
          nth === 1
            ? 'HTTP/1.1 503 Busy\r\nContent-Length: 1000000000\r\n\r\nbegin'
            : response('second'),
        ),
      ),
    );
    const gateway = await on.gateway(origin, { ...one, retry: { statuses: [503] } });
    const client = await on.client(gateway);
    expect((await client.exchange(get())).body.toString()).toBe('second');
  });
});

describe('a try that takes too long', () => {
  const silentOnce = afterWarmUp.bind(null, (connection: RawOriginConnection, nth: number) => {
    if (nth > 1) connection.write(response('second'));
  });

  it('is given up for another with perTryTimeout, for GET', async () => {
    const origin = await on.origin(silentOnce());
    const gateway = await on.gateway(origin, { ...one, retry: { perTryTimeout: '100ms' } });
    const client = await on.client(gateway);
    expect((await client.exchange(get())).body.toString()).toBe('second');
    expect(gateway.told.retries).toEqual([{ reason: 'try-timeout', outcome: 'succeeded' }]);
  });

  const limits = { retry: { perTryTimeout: '60ms' }, timeouts: { firstByte: '400ms' } } as const;

  it('is let be for POST, which could not be sent again: 504 after firstByte', async () => {
    const origin = await on.origin(silentOnce());
    const gateway = await on.gateway(origin, { ...one, ...limits });
    const client = await on.client(gateway);
    const beganMs = performance.now();
    expect((await client.exchange(post())).status).toBe(504);
    expect(performance.now() - beganMs).toBeGreaterThan(390);
    expect(origin.requests).toHaveLength(1);
  });

  it('twice is 504: the last may take all of firstByte', async () => {
    const origin = await on.origin();
    const gateway = await on.gateway(origin, { ...one, ...limits });
    const client = await on.client(gateway);
    const answer = await client.exchange(get());
    expect(answer.status).toBe(504);
    expect(detailsOf(answer)).toBe('sent-no-response');
    expect(origin.requests).toHaveLength(2);
  });
});

describe('the budget', () => {
  it('spent, leaves failures as they are, and says so', async () => {
    const origin = await on.origin(afterWarmUp((connection) => connection.reset()));
    const gateway = await on.gateway(origin, { retry: { budget: '0%', budgetFloor: 1 } });
    const client = await on.client(gateway);
    for (let nth = 0; nth < 15; nth += 1) {
      expect((await client.exchange(get())).status).toBe(502);
    }
    const outcomes = gateway.told.retries.map(({ outcome }) => outcome);
    // Ten seconds of the floor are given at the start, and one more may be earned while this runs.
    expect(outcomes.filter((outcome) => outcome === 'failed').length).toBeLessThan(13);
    expect(outcomes.filter((outcome) => outcome === 'failed').length).toBeGreaterThan(9);
    expect(outcomes).toContain('budget-spent');
    expect(origin.requests.length).toBeLessThan(15 + 13);
  });

  it('is not taken from by dials that sent nothing', async () => {
    const origin = await on.origin({
      onRequest: (_, connection) => connection.write(response()),
    });
    await origin.refuse();
    const gateway = await on.gateway(origin, { retry: { budget: '0%', budgetFloor: 0 } });
    const client = await on.client(gateway);
    client.write(post());
    await waitFor(() => gateway.told.dialsFailed > 3);
    await origin.accept();
    expect((await client.readResponse()).status).toBe(200);
    expect(gateway.told.retries).toEqual([]);
  });
});

describe('a POST that finds only connections idle for too long to be trusted', () => {
  it('gets a new one, though there may be no more: the oldest makes room', async () => {
    const origin = await on.origin({ onRequest: (_, connection) => connection.write(response()) });
    const pool = { warm: 1, warmMax: 1, maxConnections: 1, idleTimeout: '1600ms' };
    const gateway = await on.gateway(origin, { pool });
    await gateway.warm(1);
    const idleMs = (): number => gateway.connections[0]?.idleMs ?? 0;
    // Past three quarters of the limit a request that could not be sent again is not risked on it.
    await waitFor(() => idleMs() > 1_220, { everyMs: 5 });
    const client = await on.client(gateway);
    const beganMs = performance.now();
    expect((await client.exchange(post())).status).toBe(200);
    expect(performance.now() - beganMs).toBeLessThan(1_000);
    expect(origin.requests.map(({ connectionId }) => connectionId)).toEqual([2]);
  });
});
