/** As much of an API server as the controller speaks to: objects with versions, conflicts, and a switch to be away. */
import type {
  ApiAnswer,
  ApiCall,
  ApiStream,
  WatchableApi,
} from '../../src/controller/kubernetes/api.ts';

interface Stored {
  metadata: { name?: string; resourceVersion?: string; labels?: object };
  spec?: { holderIdentity?: string };
  data?: Record<string, string>;
  webhooks?: { name?: string; clientConfig: { service?: object; caBundle?: string } }[];
}

export class FakeApi implements WatchableApi {
  readonly objects = new Map<string, Stored>();
  readonly calls: ApiCall[] = [];
  readonly events: Record<string, unknown>[] = [];
  serverVersion = 'v1.35.4';
  kubelets: readonly string[] = [];
  /** While set, nothing answers. */
  isAway = false;
  /** Called before each call is carried out: to do something in between. */
  before: (call: ApiCall) => void = () => undefined;
  #version = 1;

  put(path: string, object: object): void {
    this.#version += 1;
    const copy = structuredClone(object) as Stored;
    const metadata = { ...copy.metadata, resourceVersion: String(this.#version) };
    this.objects.set(path, { ...copy, metadata });
  }

  /** Watches under way, by the path of their list. */
  readonly watches = new Map<string, { readonly stream: ApiStream; end(status?: number): void }>();
  /** By the path of their list. */
  readonly lists = new Map<string, readonly object[]>();
  /** The tokens that are somebody's. */
  readonly tokens = new Map<string, string>();

  stream(stream: ApiStream): Promise<number> {
    if (this.isAway) return Promise.reject(new Error('the API server is away'));
    const [path = ''] = stream.path.split('?', 1);
    return new Promise((resolve, reject) => {
      this.watches.set(path, { stream, end: (status = 200) => resolve(status) });
      stream.signal.addEventListener('abort', () => reject(new Error('aborted')));
    });
  }

  /** Tells whoever watches the list. */
  tell(path: string, type: string, object: object): void {
    this.#version += 1;
    const { metadata = {} } = object as { metadata?: object };
    const told = { ...object, metadata: { ...metadata, resourceVersion: String(this.#version) } };
    this.watches.get(path)?.stream.onLine(JSON.stringify({ type, object: told }));
  }

  async call(call: ApiCall): Promise<ApiAnswer> {
    this.calls.push(call);
    this.before(call);
    if (this.isAway) throw new Error('the API server is away');
    const [path = '', query = ''] = call.path.split('?', 2);
    if (path === '/version') return answer(200, { gitVersion: this.serverVersion });
    if (path === '/api/v1/nodes') return this.#nodes(new URLSearchParams(query));
    if (path.endsWith('/events') && call.method === 'POST') {
      this.events.push(call.body as Record<string, unknown>);
      return answer(201, {});
    }
    const list = this.lists.get(path);
    if (list !== undefined)
      return answer(200, { metadata: { resourceVersion: String(this.#version) }, items: list });
    if (path.endsWith('/tokenreviews')) return this.#review(call.body);
    if (call.method === 'POST') return this.#create(path, call.body as Stored);
    const found = this.objects.get(path);
    if (found === undefined) return answer(404, { message: `${path} not found` });
    if (call.method === 'PUT') return this.#replace(path, found, call.body as Stored);
    if (call.method === 'PATCH') return this.#patch(path, found, call.body);
    return answer(200, structuredClone(found));
  }

  #review(body: unknown): ApiAnswer {
    const { spec } = body as { spec: { token: string; audiences: string[] } };
    const username = this.tokens.get(spec.token);
    const isKnown = username !== undefined;
    const status = isKnown
      ? { authenticated: true, user: { username }, audiences: spec.audiences }
      : { authenticated: false };
    return answer(201, { status });
  }

  #create(path: string, body: Stored): ApiAnswer {
    const at = `${path}/${String(body.metadata.name)}`;
    if (this.objects.has(at)) return answer(409, { message: 'already exists' });
    this.put(at, body);
    return answer(201, structuredClone(this.objects.get(at)));
  }

  #replace(path: string, found: Stored, body: Stored): ApiAnswer {
    const sent = body.metadata.resourceVersion;
    if (sent !== undefined && sent !== found.metadata.resourceVersion)
      return answer(409, { message: 'the object has been modified' });
    this.put(path, body);
    return answer(200, structuredClone(this.objects.get(path)));
  }

  #patch(path: string, found: Stored, operations: unknown): ApiAnswer {
    const changed = structuredClone(found);
    for (const { op, path: at, value } of operations as {
      op: string;
      path: string;
      value: unknown;
    }[]) {
      const keys = at.split('/').slice(1);
      const last = keys.pop() ?? '';
      const parent = keys.reduce(
        (each, key) => (each as Record<string, unknown>)[key] as Record<string, unknown>,
        changed as object as Record<string, unknown>,
      );
      if (op === 'test' && parent[last] !== value) return answer(422, { message: 'test failed' });
      if (op === 'add') parent[last] = value;
    }
    this.put(path, changed);
    return answer(200, structuredClone(this.objects.get(path)));
  }

  /** Two a page. */
  #nodes(query: URLSearchParams): ApiAnswer {
    const from = Number(query.get('continue') ?? '0');
    const next = from + 2 < this.kubelets.length ? String(from + 2) : undefined;
    return answer(200, {
      kind: 'Table',
      metadata: { continue: next },
      columnDefinitions: [{ name: 'Name' }, { name: 'Status' }, { name: 'Version' }],
      rows: this.kubelets
        .slice(from, from + 2)
        .map((version) => ({ cells: ['n', 'Ready', version] })),
    });
  }
}

function answer(status: number, body: unknown): ApiAnswer {
  return { status, body };
}
