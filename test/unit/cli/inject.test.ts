import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { type InjectCall, injectFile } from '../../../src/cli/inject.ts';

const usual: InjectCall = {
  file: '-',
  injection: undefined,
  image: undefined,
  isNativePossible: true,
  format: 'yaml',
};

function run(text: string, call: Partial<InjectCall> = {}, files: Record<string, string> = {}) {
  let out = '';
  let err = '';
  const code = injectFile(
    { ...usual, ...call },
    {
      readFile: (path) => {
        const found = path === '-' ? text : files[path];
        if (found === undefined) throw new Error('there is no such file');
        return found;
      },
      out: (more) => {
        out += more;
      },
      err: (more) => {
        err += more;
      },
    },
  );
  return { code, out, err };
}

const deployment = `# The shop.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  template:
    metadata:
      annotations:
        sidepool.io/upstreams: api=https://api.example.com # its only one
    spec:
      containers:
        - name: shop
          image: shop:1
          args: ["on", 0o17, "yes"]
`;

describe('sidepool inject', () => {
  it('injects a Deployment, keeps comments and order, and passes the rest through as it is', () => {
    const service = '# In front of it.\napiVersion: v1\nkind: Service\nmetadata: { name: shop }\n';
    const { code, out, err } = run(`${deployment}---\n${service}`);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.startsWith('# The shop.\napiVersion: apps/v1\nkind: Deployment\n')).toBe(true);
    expect(out).toContain('api=https://api.example.com # its only one\n');
    expect(out.endsWith(`---\n${service}`)).toBe(true);
    const [injected] = parseAllDocuments(out).map((document) => document.toJS());
    const { spec } = injected.spec.template;
    expect(spec.initContainers[0]).toMatchObject({ name: 'sidepool', image: 'sidepool:latest' });
    expect(spec.containers[0].env).toEqual([
      { name: 'SIDEPOOL_API_URL', value: 'http://127.0.0.1:15101' },
    ]);
  });

  it('of its own output makes nothing more', () => {
    const once = run(deployment);
    expect(run(once.out)).toEqual({ code: 0, err: '', out: once.out });
  });

  it('reads and writes as kubectl does: what is text there stays text', () => {
    const { out } = run(
      'kind: Pod\nmetadata: { name: a, annotations: { sidepool.io/upstreams: "on=http://a" } }\nspec: { containers: [{ name: "yes", env: [] }], when: 2020-01-01, mode: 0644 }\n',
    );
    const { spec, metadata } = parse(out, {
      version: '1.1',
      customTags: (tags) => tags.filter((tag) => tag !== 'timestamp'),
    });
    expect(spec.containers[0].name).toBe('yes');
    expect(spec.containers[0].env[0]).toEqual({
      name: 'SIDEPOOL_ON_URL',
      value: 'http://127.0.0.1:15101',
    });
    expect(spec.mode).toBe(0o644);
    expect(out).toContain('when: 2020-01-01');
    expect(typeof metadata.annotations['sidepool.io/status']).toBe('string');
  });

  it('a document with anchors is written without them', () => {
    const { code, out } = run(`kind: Pod
metadata:
  annotations: { sidepool.io/upstreams: "api=http://a" }
spec:
  containers:
    - { name: a, env: &env [{ name: X, value: "1" }] }
    - { name: b, env: *env }
`);
    expect(code).toBe(0);
    const { spec } = parse(out);
    for (const container of spec.containers)
      expect(container.env.map(({ name }: { name: string }) => name)).toEqual([
        'SIDEPOOL_API_URL',
        'X',
      ]);
  });

  it('says who would go without and why, and exits with 1', () => {
    const { code, err, out } = run(
      deployment.replace('api=https', 'api=ftp').replace('shop:1', 'shop:2'),
    );
    expect(code).toBe(1);
    expect(err).toMatch(
      /^Deployment shop: not injected: sidepool\.io\/upstreams: api: found "ftp:/,
    );
    expect(out).toContain('image: shop:2');
    expect(out).not.toContain('initContainers');
  });

  it('finds a ConfigMap among the documents', () => {
    const pod =
      'kind: Pod\nmetadata: { name: a, annotations: { sidepool.io/upstreams: "configMap:c" } }\nspec: { containers: [{ name: a }] }\n';
    const configMap =
      'kind: ConfigMap\nmetadata: { name: c }\ndata:\n  sidepool.yaml: |\n    listeners: [{ address: "127.0.0.1:15101", upstream: api }]\n';
    expect(run(pod)).toMatchObject({ code: 1, err: expect.stringMatching(/give it along/) });
    const { code, out } = run(`${pod}---\n${configMap}`);
    expect(code).toBe(0);
    expect(out).toContain('SIDEPOOL_API_URL');
  });

  it('takes the defaults that the controller has, another image, an old cluster, and JSON', () => {
    const files = { 'injection.yaml': 'image: mirror/sidepool:1\nwarm: 7\n' };
    const { out } = run(
      deployment,
      { injection: 'injection.yaml', format: 'json', isNativePossible: false },
      files,
    );
    const { spec } = JSON.parse(out).spec.template;
    expect(spec.containers[0]).toMatchObject({ name: 'sidepool', image: 'mirror/sidepool:1' });
    expect(spec.containers[0].env[0].value).toContain('"warm":7');
    const other = run(deployment, { injection: 'injection.yaml', image: 'x/y:2' }, files);
    expect(other.out).toContain('image: x/y:2');
  });

  it('exits with 2 and a place for what it cannot read', () => {
    expect(run('a: [')).toMatchObject({ code: 2, err: expect.stringMatching(/line 1/) });
    expect(run(deployment, { injection: 'none.yaml' })).toMatchObject({
      code: 2,
      err: expect.stringMatching(/--injection none\.yaml: there is no such file/),
    });
    expect(run(deployment, { injection: 'f' }, { f: 'image: a\nwram: 1\n' })).toMatchObject({
      code: 2,
      err: expect.stringMatching(/f:2:1 {2}wram: found an unknown key; did you mean warm\?/),
    });
    expect(run('')).toEqual({ code: 0, out: '', err: '' });
  });
});
