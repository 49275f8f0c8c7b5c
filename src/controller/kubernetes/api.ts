/**
 * Calls to the API server: raw JSON in and out, so that nothing is lost of what this version does not know. The client
 * library finds the server and the credentials; its generated classes, which drop unknown fields and weigh a hundred
 * megabytes, are left alone. This is the only file that imports it.
 */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { textAt } from '../injection/json.ts';

export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  /** From the root, with its query. */
  readonly path: string;
  readonly body?: unknown;
  /** Of the body; JSON unless given. */
  readonly contentType?: string;
  readonly accept?: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

export interface ApiStream {
  readonly path: string;
  onLine(line: string): void;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** How long nothing may be heard. */
  readonly silenceMs: number;
}

/** An API that can be watched. */
export interface WatchableApi extends Api {
  /** Resolves at the end of the answer, with its status; lines are told only of one with 200. */
  stream(stream: ApiStream): Promise<number>;
}

/** What the controller uses of Kubernetes; a test may be one. */
export interface Api {
  /** Rejects when no answer could be had; an answer of any status resolves. */
  call(call: ApiCall): Promise<ApiAnswer>;
}

const TIMEOUT_MS = 5000;
const MOST_OCTETS = 64 * 1024 * 1024;

export class KubernetesApi implements WatchableApi {
  readonly #config = new KubeConfig();

  /** From a kubeconfig, or from the pod's own ServiceAccount. Throws with what is missing. */
  constructor(kubeconfig: string | undefined) {
    if (kubeconfig === undefined) this.#config.loadFromCluster();
    else this.#config.loadFromFile(kubeconfig);
    if (this.#config.getCurrentCluster() === null)
      throw new Error('no API server is configured: run it in a pod, or give --kubeconfig FILE');
  }

  async call({ method, path, body, contentType, accept }: ApiCall): Promise<ApiAnswer> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const request = await this.#open(path, {
      method,
      timeout: TIMEOUT_MS,
      headers: {
        Accept: accept ?? 'application/json',
        ...(payload === undefined
          ? {}
          : {
              'Content-Type': contentType ?? 'application/json',
              'Content-Length': Buffer.byteLength(payload),
            }),
      },
    });
    return new Promise((resolve, reject) => {
      request.once('response', (response: IncomingMessage) => {
        read(response).then(resolve, reject);
      });
      request.once('timeout', () =>
        request.destroy(new Error(`the API server did not answer in ${TIMEOUT_MS} ms`)),
      );
      request.once('error', reject);
      request.end(payload);
    });
  }

  async stream({ path, onLine, signal, silenceMs }: ApiStream): Promise<number> {
    const request = await this.#open(path, { method: 'GET', timeout: silenceMs, signal });
    return new Promise((resolve, reject) => {
      request.once('timeout', () =>
        request.destroy(new Error(`the API server was silent for ${silenceMs} ms`)),
      );
      request.once('error', reject);
      request.once('response', (response: IncomingMessage) => {
        const status = response.statusCode ?? 0;
        let rest = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => {
          const lines = (rest + text).split('\n');
          rest = lines.pop() ?? '';
          try {
            if (status === 200) for (const line of lines) onLine(line);
          } catch (error) {
            request.destroy(error instanceof Error ? error : new Error(String(error)));
          }
        });
        response.once('error', reject);
        response.once('end', () => resolve(status));
      });
      request.end();
    });
  }

  async #open(path: string, options: RequestOptions): Promise<ClientRequest> {
    const server = new URL(this.#config.getCurrentCluster()?.server ?? '');
    const headers = { ...options.headers, 'User-Agent': 'sidepool-controller' };
    const whole: RequestOptions = { ...options, headers };
    // Puts in the credentials as they are now, and an agent that knows the authority.
    await this.#config.applyToHTTPSOptions(whole);
    const url = new URL(`${server.pathname.replace(/\/$/, '')}${path}`, server);
    return url.protocol === 'http:' ? httpRequest(url, whole) : httpsRequest(url, whole);
  }
}

async function read(response: IncomingMessage): Promise<ApiAnswer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    const octets: Buffer = chunk;
    length += octets.length;
    if (length > MOST_OCTETS) throw new Error(`an answer of more than ${MOST_OCTETS} octets`);
    chunks.push(octets);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  let body: unknown = text;
  try {
    body = JSON.parse(text);
  } catch {
    // Whoever answers in text, a proxy on the way, has a status too.
  }
  return { status: response.statusCode ?? 0, body };
}

/** The answer's body, or an error that says what was refused. */
export async function ask(api: Api, call: ApiCall): Promise<unknown> {
  const answer = await api.call(call);
  if (answer.status >= 200 && answer.status < 300) return answer.body;
  throw new ApiError(call, answer);
}

export class ApiError extends Error {
  readonly status: number;

  constructor({ method, path }: ApiCall, { status, body }: ApiAnswer) {
    super(`${method} ${path}: ${status} ${textAt(body, 'message') ?? ''}`.trim());
    this.status = status;
  }
}
