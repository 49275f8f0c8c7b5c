/** How a response is framed for each kind of client, and in how many writes it leaves. */
import { describe, expect, it } from 'vitest';
import { fault } from '../../../src/base/fault.ts';
import { ownResponse } from '../../../src/message/own-response.ts';
import { read } from './fake-exchange.ts';
import { get, get10, lines, Scene, scenes } from './scene.ts';

const scene = scenes((...options: ConstructorParameters<typeof Scene>) => new Scene(...options));
const keep10 = get10('/', 'Connection: keep-alive');

/** Framing and life of the connection, as the client is told. */
function told(text: string): string[] {
  return read(text).fields.filter((field) =>
    /^(?:content-length|transfer|connection|keep)/i.test(field),
  );
}

describe('the framing of a response', () => {
  const clients = {
    'HTTP/1.0': get10(),
    'HTTP/1.0 with keep-alive': keep10,
    'HTTP/1.1': get(),
    'HTTP/1.1 with close': get('/', 'Connection: close'),
  };
  const keeps10 = ['Connection: keep-alive', 'Keep-Alive: timeout=75'];
  const table: {
    readonly from: keyof typeof upstreams;
    readonly to: keyof typeof clients;
    readonly told: string[];
    readonly body: string;
    readonly lives: boolean;
  }[] = [
    {
      from: 'length',
      to: 'HTTP/1.0',
      told: ['Content-Length: 5', 'Connection: close'],
      body: 'hello',
      lives: false,
    },
    {
      from: 'length',
      to: 'HTTP/1.0 with keep-alive',
      told: ['Content-Length: 5', ...keeps10],
      body: 'hello',
      lives: true,
    },
    { from: 'length', to: 'HTTP/1.1', told: ['Content-Length: 5'], body: 'hello', lives: true },
    {
      from: 'length',
      to: 'HTTP/1.1 with close',
      told: ['Content-Length: 5', 'Connection: close'],
      body: 'hello',
      lives: false,
    },
    { from: 'chunked', to: 'HTTP/1.0', told: ['Connection: close'], body: 'hello', lives: false },
    {
      from: 'chunked',
      to: 'HTTP/1.0 with keep-alive',
      told: ['Content-Length: 5', ...keeps10],
      body: 'hello',
      lives: true,
    },
    {
      from: 'chunked',
      to: 'HTTP/1.1',
      told: ['Transfer-Encoding: chunked'],
      body: '5\r\nhello\r\n0\r\n\r\n',
      lives: true,
    },
    {
      from: 'chunked',
      to: 'HTTP/1.1 with close',
      told: ['Transfer-Encoding: chunked', 'Connection: close'],
      body: '5\r\nhello\r\n0\r\n\r\n',
      lives: false,
    },
    {
      from: 'until its end',
      to: 'HTTP/1.0',
      told: ['Connection: close'],
      body: 'hello',
      lives: false,
    },
    {
      from: 'until its end',
      to: 'HTTP/1.0 with keep-alive',
      told: ['Content-Length: 5', ...keeps10],
      body: 'hello',
      lives: true,
    },
    {
      from: 'until its end',
      to: 'HTTP/1.1',
      told: ['Transfer-Encoding: chunked'],
      body: '5\r\nhello\r\n0\r\n\r\n',
      lives: true,
    },
    {
      from: 'nothing (length 0)',
      to: 'HTTP/1.0 with keep-alive',
      told: ['Content-Length: 0', ...keeps10],
      body: '',
      lives: true,
    },
    {
      from: 'nothing (length 0)',
      to: 'HTTP/1.1',
      told: ['Content-Length: 0'],
      body: '',
      lives: true,
    },
    { from: 'nothing (204)', to: 'HTTP/1.0', told: ['Connection: close'], body: '', lives: false },
    { from: 'nothing (204)', to: 'HTTP/1.0 with keep-alive', told: keeps10, body: '', lives: true },
    { from: 'nothing (204)', to: 'HTTP/1.1', told: [], body: '', lives: true },
    {
      from: 'nothing (304)',
      to: 'HTTP/1.0 with keep-alive',
      told: ['Content-Length: 1234', ...keeps10],
      body: '',
      lives: true,
    },
    {
      from: 'nothing (304)',
      to: 'HTTP/1.1',
      told: ['Content-Length: 1234'],
      body: '',
      lives: true,
    },
  ];
  const upstreams = {
    length: ['HTTP/1.1 200 OK', 'Content-Length: 5'],
    chunked: ['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'],
    'until its end': ['HTTP/1.0 200 OK'],
    'nothing (length 0)': ['HTTP/1.1 200 OK', 'Content-Length: 0'],
    'nothing (204)': ['HTTP/1.1 204 No Content'],
    'nothing (304)': ['HTTP/1.1 304 Not Modified', 'Content-Length: 1234'],
  };
  for (const { from, to, told: expected, body, lives } of table) {
    it(`${from}, to ${to}`, () => {
      const on = scene();
      const client = on.connect();
      client.send(clients[to]);
      on.last.respond(...upstreams[from]);
      if (body !== '') on.last.data('hello');
      on.last.end();
      on.settle();
      expect(told(client.received)).toEqual(expected);
      expect(read(client.received).body).toBe(body);
      expect(client.incoming).toBe(lives ? 'open' : 'fin');
      // RFC 9112 2.3: the version is the gateway's own, whoever asks.
      expect(client.received).toMatch(/^HTTP\/1\.1 /);
    });
  }

  for (const [how, head] of [
    ['length', ['HTTP/1.1 200 OK', 'Content-Length: 5']],
    ['chunks', ['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked']],
  ] as const) {
    it(`HEAD of what GET would have had by ${how}: no body, and the connection lives`, () => {
      const on = scene();
      const client = on.connect();
      client.send(lines('HEAD / HTTP/1.1', 'Host: a'));
      on.last.respond(...head);
      on.last.end();
      expect(read(client.received).body).toBe('');
      expect(told(client.received)).toEqual(how === 'length' ? ['Content-Length: 5'] : []);
      expect(client.incoming).toBe('open');
    });
  }
});

describe('a response of unknown length to an HTTP/1.0 client that would stay', () => {
  const chunked = ['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'];

  it('is held, and leaves in one write with its length once it is whole', () => {
    const on = scene();
    const client = on.connect();
    client.send(keep10);
    on.last.respond(...chunked);
    on.last.data('hel');
    on.last.client.flush();
    on.pass(5);
    on.last.data('lo');
    expect(client.writes).toEqual([]);
    expect(on.last.client.hasResponded).toBe(false);
    on.last.end();
    expect(client.writes).toHaveLength(1);
    expect(read(client.received).body).toBe('hello');
    expect(told(client.received)[0]).toBe('Content-Length: 5');
    expect(client.incoming).toBe('open');
  });

  it('keeps what was held though the bytes are used again', () => {
    const on = scene();
    const client = on.connect();
    client.send(keep10);
    on.last.respond(...chunked);
    const data = Buffer.from('hello');
    on.last.data(data);
    expect(on.last.client.holdsBytes).toBe(false);
    data.fill('#');
    on.last.end();
    expect(read(client.received).body).toBe('hello');
  });

  it("keeps the head though the upstream's connection carries another meanwhile", () => {
    const on = scene();
    const client = on.connect();
    client.send(keep10);
    const head = on.last.respond(...chunked, 'X-Y: z');
    on.last.data('hello');
    head.clear();
    on.last.end();
    expect(read(client.received)).toMatchObject({ status: 200, body: 'hello' });
    expect(read(client.received).fields).toContain('X-Y: z');
  });

  it('is sent as it comes after 10 ms, and ends with the connection', () => {
    const on = scene();
    const client = on.connect();
    client.send(keep10);
    const head = on.last.respond(...chunked);
    on.last.data('hel');
    head.clear();
    on.passLimit(10);
    expect(client.writes).toHaveLength(1);
    expect(read(client.received)).toMatchObject({ status: 200, body: 'hel' });
    expect(told(client.received)).toEqual(['Connection: close']);
    expect(on.last.client.hasResponded).toBe(true);
    on.last.data('lo');
    on.last.end();
    on.settle();
    expect(read(client.received).body).toBe('hello');
    expect(client.incoming).toBe('fin');
  });

  it('is sent as it comes once it is too much to hold', () => {
    const on = scene({ holdForLengthBytes: 10 });
    const client = on.connect();
    client.send(keep10);
    on.last.respond(...chunked);
    on.last.data('0123456789');
    expect(client.writes).toEqual([]);
    on.last.data('x');
    on.last.client.flush();
    expect(read(client.received).body).toBe('0123456789x');
    expect(told(client.received)).toEqual(['Connection: close']);
    on.last.end();
    on.settle();
    expect(client.incoming).toBe('fin');
  });

  it('that fails while it is held is answered 502, and the connection lives', () => {
    const on = scene();
    const client = on.connect();
    client.send(keep10);
    on.last.respond(...chunked);
    on.last.data('hel');
    on.last.own(ownResponse(fault('body-cut', 'upstream', 'No.'), on.last.head));
    on.pass(100);
    expect(read(client.received).status).toBe(502);
    expect(client.received).not.toContain('hel\r');
    expect(client.received).not.toContain('200');
    expect(client.incoming).toBe('open');
  });

  it('that fails after it was held is reset', () => {
    const on = scene();
    const client = on.connect();
    client.send(keep10);
    on.last.respond(...chunked);
    on.last.data('hel');
    on.passLimit(10);
    on.last.abort();
    on.settle();
    expect(client.incoming).toBe('reset');
  });

  it('whose client goes while it is held leaves no deadline', () => {
    const on = scene();
    const client = on.connect();
    client.send(keep10);
    on.last.respond(...chunked);
    on.last.data('hel');
    client.reset();
    on.settle();
    expect(on.wheel.size).toBe(0);
    expect(on.last.fault?.kind).toBe('client-gone');
  });

  for (const none of [{ holdForLengthMs: 0 }, { holdForLengthBytes: 0 }]) {
    it(`is not held with ${Object.keys(none)[0]} of 0`, () => {
      const on = scene(none);
      const client = on.connect();
      client.send(keep10);
      on.last.respond(...chunked);
      on.last.data('hello');
      on.last.client.flush();
      expect(read(client.received).body).toBe('hello');
      expect(told(client.received)).toEqual(['Connection: close']);
      on.last.end();
    });
  }

  it('is not held when the connection is to end anyway', () => {
    const on = scene({ maxRequests: 1 });
    const client = on.connect();
    client.send(keep10);
    on.last.respond(...chunked);
    on.last.data('hello');
    on.last.client.flush();
    expect(read(client.received).body).toBe('hello');
    on.last.end();
  });
});

describe('trailers', () => {
  it('follow the last chunk, but for those that may not', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.last.respond('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'Trailer: X-Sum');
    on.last.data('hi');
    on.last.end([
      ['X-Sum', '1'],
      ['Content-Length', '9'],
      ['Set-Cookie', 'a=b'],
    ]);
    expect(read(client.received).fields).toContain('Trailer: X-Sum');
    expect(read(client.received).body).toBe('2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n');
  });

  it('that Connection named are left out', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.last.respond('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'Connection: x-sum');
    on.last.end([['X-Sum', '1']]);
    expect(read(client.received).body).toBe('0\r\n\r\n');
  });

  it('are dropped where nothing is chunked', () => {
    const on = scene();
    const client = on.connect();
    client.send(get10());
    on.last.respond('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'Trailer: X-Sum');
    on.last.data('hi');
    on.last.end([['X-Sum', '1']]);
    expect(read(client.received).body).toBe('hi');
    expect(client.received).not.toMatch(/trailer|x-sum/i);
  });
});

describe('writes', () => {
  it('head and a small body leave in one', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.last.answer('hello');
    expect(client.writes).toHaveLength(1);
    expect(client.parts).toHaveLength(1);
  });

  it('head and small chunks leave in one, the last one included', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.last.respond('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked');
    on.last.data('one');
    on.last.data('two');
    on.last.end();
    expect(client.writes).toHaveLength(1);
    expect(read(client.received).body).toBe('3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n');
  });

  it('a head whose body has not come leaves at flush', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.last.respond('HTTP/1.1 200 OK', 'Content-Length: 5');
    expect(client.writes).toEqual([]);
    expect(on.last.client.hasResponded).toBe(false);
    on.last.client.flush();
    expect(client.writes).toHaveLength(1);
    expect(on.last.client.hasResponded).toBe(true);
    on.last.client.flush();
    expect(client.writes).toHaveLength(1);
    on.last.data('hello');
    on.last.end();
    expect(read(client.received).body).toBe('hello');
  });

  it('head and a large body leave in one, and the body is not copied', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    const body = Buffer.alloc(16_000, 'x');
    on.last.respond('HTTP/1.1 200 OK', 'Content-Length: 16000');
    on.last.data(body);
    expect(client.writes).toHaveLength(1);
    expect(client.parts).toHaveLength(2);
    expect(client.parts[1]).toBe(body);
    on.last.end();
    expect(client.writes).toHaveLength(1);
  });

  it('a large chunk and its frame leave in one, and the chunk is not copied', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    const body = Buffer.alloc(16_000, 'x');
    on.last.respond('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked');
    on.last.data(body);
    expect(client.writes).toHaveLength(1);
    expect(client.parts[1]).toBe(body);
    expect(client.received).toMatch(/\r\n3e80\r\nx{16000}\r\n$/);
    on.last.end();
    expect(client.writes).toHaveLength(2);
  });

  it('small chunks are joined up to a limit, not for ever', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.last.respond('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked');
    for (let chunk = 0; chunk < 100; chunk += 1) on.last.data('x'.repeat(100));
    expect(client.writes.length).toBeGreaterThan(1);
    expect(client.writes.length).toBeLessThan(5);
    on.last.end();
    expect(read(client.received).body).toBe(
      `${`64\r\n${'x'.repeat(100)}\r\n`.repeat(100)}0\r\n\r\n`,
    );
  });

  it('each octet value comes through, joined to the head or not', () => {
    for (const size of [256, 256 * 40]) {
      const on = scene();
      const client = on.connect();
      client.send(get());
      const body = Buffer.from(Array.from({ length: size }, (_, index) => index % 256));
      on.last.answer(body.toString('latin1'));
      expect(Buffer.from(read(client.received).body, 'latin1').equals(body)).toBe(true);
    }
  });

  it('holdsBytes tells that the socket still needs the bytes', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.last.respond('HTTP/1.1 200 OK', 'Content-Length: 16000');
    expect(on.last.client.holdsBytes).toBe(false);
    client.block();
    on.last.data(Buffer.alloc(8_000));
    expect(on.last.client.holdsBytes).toBe(true);
    expect(on.last.client.isBlocked).toBe(false);
    client.drain();
    expect(on.last.client.holdsBytes).toBe(false);
    on.last.data(Buffer.alloc(8_000));
    on.last.end();
  });

  it('isBlocked tells once more than 64 KiB lie unwritten, and room is told', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.last.respond('HTTP/1.1 200 OK', 'Content-Length: 98304');
    client.block();
    on.last.data(Buffer.alloc(32_768));
    expect(on.last.client.isBlocked).toBe(false);
    on.last.data(Buffer.alloc(65_536));
    expect(on.last.client.isBlocked).toBe(true);
    client.drain();
    on.settle();
    expect(on.last.calls.at(-1)).toBe('writable');
    expect(on.last.client.isBlocked).toBe(false);
    on.last.end();
  });
});

describe("an answer of the gateway's own", () => {
  it('takes the place of a head that has not left', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.last.respond('HTTP/1.1 200 OK', 'Content-Length: 5');
    on.last.own(ownResponse(fault('body-cut', 'upstream', 'No.'), on.last.head));
    expect(read(client.received).status).toBe(502);
    expect(client.received).not.toContain('200 OK');
  });

  it('leaves in one write with its length, in octets', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.last.own({ status: 200, reason: 'OK', fieldLines: 'X: y\r\n', body: 'Größe' });
    expect(client.writes).toHaveLength(1);
    expect(told(client.received)).toEqual(['Content-Length: 7']);
    expect(Buffer.from(read(client.received).body, 'latin1').toString()).toBe('Größe');
  });

  it('names Upgrade in Connection with 426', () => {
    for (const [request, expected] of [
      [get(), 'Connection: upgrade'],
      [get('/', 'Connection: close'), 'Connection: upgrade, close'],
    ] as const) {
      const on = scene();
      const client = on.connect();
      client.send(request);
      on.last.own(ownResponse(fault('upgrade-required', 'client', 'No.'), on.last.head));
      expect(read(client.received).fields).toContain(expected);
      expect(read(client.received).fields).toContain('Upgrade: websocket');
    }
  });

  it('tells an HTTP/1.0 client that its connection lives', () => {
    const on = scene({ maxRequests: 5 });
    const client = on.connect();
    client.send(keep10);
    on.last.own(ownResponse(fault('wait-timeout', 'gateway', 'No.'), on.last.head));
    expect(told(client.received).slice(1)).toEqual([
      'Connection: keep-alive',
      'Keep-Alive: timeout=75, max=4',
    ]);
  });
});

describe('Date', () => {
  it('is added to a response without one, and left alone in one that has it', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.last.answer('');
    expect(read(client.received).fields).toContain('Date: Sun, 15 Jun 2025 15:06:40 GMT');
    client.takeReceived();
    client.send(get());
    on.last.answer('', 'Date: Thu, 01 Jan 1970 00:00:00 GMT');
    expect(client.received.match(/^Date: .*$/gm)).toEqual(['Date: Thu, 01 Jan 1970 00:00:00 GMT']);
  });
});
