/** Opens one TCP or TLS connection, within a time, and says in words why it could not. */
import { connect, isIP, type Socket } from 'node:net';
import {
  checkServerIdentity,
  connect as connectTls,
  type PeerCertificate,
  type TLSSocket,
} from 'node:tls';
import type { Clock } from '../base/clock.ts';
import { codeOf, type Fault, type FaultKind, fault, messageOf } from '../base/fault.ts';
import { Deadline, type TimerWheel } from '../base/timer-wheel.ts';
import type { ConnectPhases } from './observer.ts';
import type { UpstreamOptions } from './options.ts';
import { ReadBuffer, SocketWire } from './socket-wire.ts';
import type { TlsMaterial } from './tls-material.ts';
import type { Wire } from './wire.ts';

export interface DialTarget {
  /** Names the endpoint in messages and keeps its TLS session: `192.0.2.1:443`. */
  readonly address: string;
  readonly ip: string;
  readonly port: number;
}

export interface DialResult {
  onConnected(wire: Wire, phases: ConnectPhases): void;
  onFailed(fault: Fault): void;
}

/** Begins a dial. What comes back calls it off; then neither result is called. */
export type Dial = (target: DialTarget, result: DialResult) => () => void;

export interface DialerParts {
  readonly options: UpstreamOptions;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly tls: TlsMaterial | null;
}

export function dialer({ options, clock, wheel, tls }: DialerParts): Dial {
  return (target, result) => {
    const beganMs = clock.now();
    const buffer = new ReadBuffer({ isEncrypted: tls !== null });
    let tcpMs = 0;
    let socket: Socket;
    let isSettled = false;

    const settle = (): boolean => {
      if (isSettled) return false;
      isSettled = true;
      wheel.clear(deadline);
      return true;
    };
    const fail = (failure: Fault): void => {
      if (!settle()) return;
      tls?.forget(target.address);
      socket?.destroy();
      result.onFailed(failure);
    };
    const deadline = new Deadline(() => {
      const phase = tcpMs === 0 ? 'connection' : 'TLS handshake';
      fail(
        fault(
          'connect-timeout',
          'upstream',
          `No ${phase} with ${target.address} within ${options.timeouts.connectMs} ms.`,
        ),
      );
    });
    const succeed = (isResumed: boolean): void => {
      if (!settle()) return;
      socket.off('error', onError);
      socket.off('close', onClose);
      const totalMs = clock.now() - beganMs;
      result.onConnected(new SocketWire(socket, buffer), {
        tcpMs,
        tlsMs: tls === null ? null : totalMs - tcpMs,
        resumed: isResumed,
      });
    };
    const onError = (error: Error): void => fail(describe(error, target, options));
    const onClose = (): void =>
      fail(
        fault(
          tls === null ? 'connect-failed' : 'tls-failed',
          'upstream',
          `${target.address} closed the connection while it was being opened.`,
        ),
      );

    try {
      // Half-open, so that a peer's end reaches us as an event and never ends our side by itself.
      const common = {
        host: target.ip,
        port: target.port,
        noDelay: true,
        allowHalfOpen: true,
        onread: buffer,
      };
      if (tls === null) {
        socket = connect(common, () => {
          tcpMs = clock.now() - beganMs;
          succeed(false);
        });
      } else {
        const secure = openTls(common, target, tls, () => {
          tcpMs = clock.now() - beganMs;
        });
        socket = secure;
        secure.on('secureConnect', () => succeed(secure.isSessionReused()));
      }
    } catch (error) {
      // A certificate file that cannot be read or used, most likely.
      isSettled = true;
      const failure = fault('tls-failed', 'upstream', `${messageOf(error)}.`);
      clock.afterTurn(() => result.onFailed(failure));
      return () => undefined;
    }
    socket.on('error', onError);
    socket.on('close', onClose);
    wheel.set(deadline, options.timeouts.connectMs);
    return () => {
      if (settle()) socket.destroy();
    };
  };
}

function openTls(
  common: {
    host: string;
    port: number;
    noDelay: boolean;
    allowHalfOpen: boolean;
    onread: ReadBuffer;
  },
  target: DialTarget,
  tls: TlsMaterial,
  onTcp: () => void,
): TLSSocket {
  const { serverName, verify } = tls.options;
  const session = tls.session(target.address);
  const secure = connectTls({
    ...common,
    secureContext: tls.context(),
    // RFC 6066 3: an IP address is not a server name; it is verified all the same, against IP entries.
    ...(isIP(serverName) === 0 ? { servername: serverName } : { servername: '' }),
    checkServerIdentity: identityCheck(serverName),
    rejectUnauthorized: verify === 'full',
    ALPNProtocols: ['http/1.1'],
    ...(session === undefined ? {} : { session }),
  });
  secure.on('connect', onTcp);
  secure.on('session', (ticket) => tls.keepSession(target.address, ticket));
  return secure;
}

/**
 * Node verifies against `servername`, which is empty for an IP address: verify against what was meant. And Node takes
 * the Common Name of a certificate that has no names for hosts; RFC 9110 4.3.4 forbids that.
 */
function identityCheck(
  serverName: string,
): (_: string, certificate: PeerCertificate) => Error | undefined {
  return (_, certificate) =>
    checkServerIdentity(serverName, {
      ...certificate,
      subject: { ...certificate.subject, CN: '' },
    });
}

/** Says which check failed, for which name, and where to look. */
function describe(error: Error, target: DialTarget, options: UpstreamOptions): Fault {
  const code = codeOf(error);
  const name = options.tls?.serverName ?? options.url.host;
  const made = (kind: FaultKind, cause: string): Fault => fault(kind, 'upstream', cause, { code });
  switch (code) {
    case 'ECONNREFUSED':
      return made(
        'connect-refused',
        `${target.address} refused the connection: nothing listens there.`,
      );
    case 'ETIMEDOUT':
      return made('connect-timeout', `${target.address} did not answer.`);
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return made('connect-failed', `${target.address} cannot be reached from here (${code}).`);
    case 'EMFILE':
    case 'ENFILE':
      return made(
        'connect-failed',
        `No file descriptor is left for a connection to ${target.address}: raise the limit (ulimit -n).`,
      );
    case 'EADDRNOTAVAIL':
      return made(
        'connect-failed',
        `No source port is left for a connection to ${target.address}.`,
      );
    default:
      break;
  }
  const check = code === undefined ? undefined : certificateChecks[code];
  if (check !== undefined) {
    const detail = code === 'ERR_TLS_CERT_ALTNAME_INVALID' ? ` ${altNames(error)}` : '';
    return made(
      'tls-certificate',
      `The certificate of ${target.address} for "${name}" was refused: ${check}.${detail}`,
    );
  }
  if (options.tls !== null && code !== 'ECONNRESET') {
    return made(
      'tls-failed',
      `The TLS handshake with ${target.address} for "${name}" failed: ${error.message}.`,
    );
  }
  return made(
    options.tls === null ? 'connect-failed' : 'tls-failed',
    `${target.address} ended the connection while it was being opened (${code ?? error.message}).`,
  );
}

function altNames(error: Error): string {
  const reason =
    'reason' in error && typeof error.reason === 'string' ? error.reason : error.message;
  return `${reason}${reason.endsWith('.') ? '' : '.'}`;
}

/** OpenSSL's verdicts (`man 1 verify`) in words that say what to do. */
const certificateChecks: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet (or the clock here is slow)',
  CERT_REVOKED: 'it was revoked',
  CERT_UNTRUSTED: 'it is not trusted',
  CERT_SIGNATURE_FAILURE: 'its signature is wrong',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is self-signed; name it in tls.ca if you trust it',
  SELF_SIGNED_CERT_IN_CHAIN:
    'its chain ends in a root that is not trusted here; name that root in tls.ca',
  UNABLE_TO_GET_ISSUER_CERT: 'its issuer is unknown',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its issuer is not trusted here; name the authority in tls.ca',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'its issuer is not trusted here, or the server sends no intermediate; name the authority in tls.ca',
  INVALID_CA: 'its issuer is not an authority',
  INVALID_PURPOSE: 'it is not for servers',
  HOSTNAME_MISMATCH: 'it is for another name; set tls.serverName if that name is right',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it is for another name; set tls.serverName if that name is right',
};
