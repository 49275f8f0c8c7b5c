/** A message's head: what the rooms speak of, whichever protocol carried it. */
import { FieldTable } from './fields.ts';

/** 10 for HTTP/1.0, 11 for HTTP/1.1 and whatever 1.x is handled as such (RFC 9110 6.2). */
export type Version = 10 | 11;

/** How the end of a body is told. `close` (until the connection ends) occurs in responses alone. */
export type BodyFraming = 'none' | 'length' | 'chunked' | 'close';

/** What `Connection` and its kin said, read once. */
export class ConnectionOptions {
  close = false;
  keepAlive = false;
  upgrade = false;
  te = false;
  /** Other fields that Connection names, in lower case: not to be forwarded (RFC 9110 7.6.1). */
  named: string[] | null = null;

  clear(): void {
    this.close = false;
    this.keepAlive = false;
    this.upgrade = false;
    this.te = false;
    this.named = null;
  }
}

export class RequestHead {
  method = '';
  /** The target as it is sent on: path and query byte for byte, or `*`. */
  target = '';
  /** Host and port that the client named, from an absolute-form target or Host; undefined when it named none. */
  authority: string | undefined = undefined;
  /** The authority came in an absolute-form target: it says where the request is meant to go (RFC 9112 3.2.2). */
  hasAbsoluteTarget = false;
  version: Version = 11;
  readonly fields: FieldTable = new FieldTable();
  readonly options: ConnectionOptions = new ConnectionOptions();
  framing: BodyFraming = 'none';
  /** Octets of body when `framing` is `length`; else 0. */
  contentLength = 0;
  /** The client waits for 100 (Continue) before it sends its body. Never set on HTTP/1.0 (RFC 9110 10.1.1). */
  expectsContinue = false;
  /** Whether the client lets this connection live on after the response (RFC 9112 9.3). */
  keepsAlive = false;

  clear(): void {
    this.method = '';
    this.target = '';
    this.authority = undefined;
    this.hasAbsoluteTarget = false;
    this.version = 11;
    this.fields.clear();
    this.options.clear();
    this.framing = 'none';
    this.contentLength = 0;
    this.expectsContinue = false;
    this.keepsAlive = false;
  }
}

export class ResponseHead {
  status = 0;
  reason = '';
  version: Version = 11;
  readonly fields: FieldTable = new FieldTable();
  readonly options: ConnectionOptions = new ConnectionOptions();
  framing: BodyFraming = 'none';
  /** Octets of body when `framing` is `length`; else 0. */
  contentLength = 0;
  /** Whether the upstream lets this connection live on after the response (RFC 9112 9.3). */
  keepsAlive = false;

  clear(): void {
    this.status = 0;
    this.reason = '';
    this.version = 11;
    this.fields.clear();
    this.options.clear();
    this.framing = 'none';
    this.contentLength = 0;
    this.keepsAlive = false;
  }
}
