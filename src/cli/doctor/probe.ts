/** One connection to an endpoint, opened as the gateway opens it, and one request on it. */

import { systemClock } from '../../base/clock.ts';
import type { Fault } from '../../base/fault.ts';
import { TimerWheel } from '../../base/timer-wheel.ts';
import { keepAliveTimeout } from '../../http1/connection-fields.ts';
import { Input } from '../../http1/input.ts';
import { ResponseParser } from '../../http1/response-parser.ts';
import { ResponseHead } from '../../message/head.ts';
import { dialer } from '../../upstream/dialer.ts';
import { endpointName } from '../../upstream/endpoint-name.ts';
import type { ConnectPhases } from '../../upstream/observer.ts';
import type { UpstreamOptions } from '../../upstream/options.ts';
import { TlsMaterial } from '../../upstream/tls-material.ts';
import type { Wire, WireHandler } from '../../upstream/wire.ts';

export interface Opened {
  readonly wire: Wire;
  readonly phases: ConnectPhases;
}

export type Opening =
  | ({ readonly ok: true } & Opened)
  | { readonly ok: false; readonly fault: Fault };

export function open(
  options: UpstreamOptions,
  { ip, port }: { readonly ip: string; readonly port: number },
): Promise<Opening> {
  const dial = dialer({
    options,
    clock: systemClock,
    wheel: new TimerWheel(systemClock),
    tls: options.tls === null ? null : new TlsMaterial(options.tls),
  });
  return new Promise((resolve) => {
    dial(
      { address: endpointName({ ip, port }), ip, port },
      {
        onConnected: (wire, phases) => resolve({ ok: true, wire, phases }),
        onFailed: (fault) => resolve({ ok: false, fault }),
      },
    );
  });
}

export interface Answered {
  readonly status: number;
  readonly version: string;
  /** Whether another request may follow on the connection. */
  readonly keepsAlive: boolean;
  /** What the field Keep-Alive tells; null where it does not. */
  readonly toldIdleSeconds: number | null;
  readonly tookMs: number;
}

export type Answer =
  | ({ readonly ok: true } & Answered)
  | { readonly ok: false; readonly cause: string };

export class Probe implements WireHandler {
  readonly #wire: Wire;
  readonly #parser: ResponseParser;
  readonly #input = new Input();
  readonly #head = new ResponseHead();
  #onAnswer: ((answer: Answer) => void) | null = null;
  #onEnd: (() => void) | null = null;
  #askedAtMs = 0;
  #hasEnded = false;

  constructor(wire: Wire, options: UpstreamOptions) {
    this.#wire = wire;
    this.#parser = new ResponseParser(options.responseLimits);
    wire.setHandler(this);
  }

  /** HEAD /, which changes nothing and brings no body. */
  ask(authority: string, timeoutMs: number): Promise<Answer> {
    const answer = new Promise<Answer>((resolve) => {
      const timer = setTimeout(
        () => resolve({ ok: false, cause: `no answer to HEAD / within ${timeoutMs} ms` }),
        timeoutMs,
      );
      this.#onAnswer = (told) => {
        clearTimeout(timer);
        resolve(told);
      };
    });
    this.#askedAtMs = performance.now();
    this.#wire.write(
      `HEAD / HTTP/1.1\r\nHost: ${authority}\r\nUser-Agent: sidepool-doctor\r\nAccept: */*\r\n\r\n`,
    );
    return answer;
  }

  /** Milliseconds until the peer ends the idle connection; null when it has not after `mostMs`. */
  idle(mostMs: number): Promise<number | null> {
    const beganMs = performance.now();
    if (this.#hasEnded) return Promise.resolve(0);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(null), mostMs);
      this.#onEnd = () => {
        clearTimeout(timer);
        resolve(performance.now() - beganMs);
      };
    });
  }

  close(): void {
    this.#wire.destroy();
  }

  onBytes(bytes: Buffer): void {
    if (this.#onAnswer === null) return;
    this.#input.push(bytes);
    const read = this.#parser.read(this.#input, this.#head, 'HEAD');
    this.#input.keep();
    if (read === 'refused') {
      this.#tell({ ok: false, cause: this.#parser.fault?.cause ?? 'the answer is malformed' });
    } else if (read === 'head') this.#onHead();
  }

  #onHead(): void {
    const head = this.#head;
    if (head.status < 200) {
      head.clear();
      return;
    }
    this.#tell({
      ok: true,
      status: head.status,
      version: head.version === 10 ? 'HTTP/1.0' : 'HTTP/1.1',
      keepsAlive: head.keepsAlive,
      toldIdleSeconds: keepAliveTimeout(head.fields),
      tookMs: performance.now() - this.#askedAtMs,
    });
  }

  #tell(answer: Answer): void {
    const onAnswer = this.#onAnswer;
    this.#onAnswer = null;
    onAnswer?.(answer);
  }

  onPeerEnd(): void {
    this.#end();
  }

  onWritable(): void {
    // One small request always fits.
  }

  onClosed(): void {
    this.#end();
  }

  #end(): void {
    this.#hasEnded = true;
    this.#tell({ ok: false, cause: 'the connection was closed before an answer to HEAD /' });
    this.#onEnd?.();
    this.#onEnd = null;
  }
}
