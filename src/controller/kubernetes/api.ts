/**
 * Calls to the API server: raw JSON in and out, so that nothing is lost of what this version does not know. The client
 * library finds the server and the credentials; its generated classes, which drop unknown fields and weigh a hundred
 * megabytes, are left alone. This is the only file that imports it.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
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

/** What the controller uses of Kubernetes; a test may be one. */
export interface Api {
  /** Rejects when no answer could be had; an answer of any status resolves. */
  call(call: ApiCall): Promise<ApiAnswer>;
}

const TIMEOUT_MS = 5000;
const MOST_OCTETS = 64 * 1024 * 1024;

export class KubernetesApi implements Api {
  readonly #config = new KubeConfig();

  /** From a kubeconfig, or from the pod's own ServiceAccount. Throws with what is missing. */
  constructor(kubeconfig: string | undefined) {
    if (kubeconfig === undefined) this.#config.loadFromCluster();
    else this.#config.loadFromFile(kubeconfig);
    if (this.#config.getCurrentCluster() === null)
      throw new Error('no API server is configured: run it in a pod, or give --kubeconfig FILE');
  }

  async call({ method, path, body, contentType, accept }: ApiCall): Promise<ApiAnswer> {
    const server = new URL(this.#config.getCurrentCluster()?.server ?? '');
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const options: RequestOptions = {
      method,
      timeout: TIMEOUT_MS,
      headers: {
        Accept: accept ?? 'application/json',
        'User-Agent': 'sidepool-controller',
        ...(payload === undefined
          ? {}
          : {
              'Content-Type': contentType ?? 'application/json',
              'Content-Length': Buffer.byteLength(payload),
            }),
      },
    };
    // Puts in the credentials as they are now, and an agent that knows the authority.
    await this.#config.applyToHTTPSOptions(options);
    const url = new URL(`${server.pathname.replace(/\/$/, '')}${path}`, server);
    return new Promise((resolve, reject) => {
      const send = url.protocol === 'http:' ? httpRequest : httpsRequest;
      const request = send(url, options, (response) => {
        read(response).then(resolve, reject);
      });
      request.once('timeout', () =>
        request.destroy(new Error(`the API server did not answer in ${TIMEOUT_MS} ms`)),
      );
      request.once('error', reject);
      request.end(payload);
    });
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
