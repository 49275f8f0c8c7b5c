/** docs/injection.md, rendered from the code: `node src/controller/injection/reference.ts > docs/injection.md`. */
import { type Annotation, annotationNames, annotations, PREFIX } from './annotations.ts';
import { defaultKeys } from './defaults.ts';

const OPENING = `# Injection

<!-- Rendered by src/controller/injection/reference.ts. Do not edit: run \`npm run docs\`. -->

The controller puts the sidecar into pods that ask for it, when they are created. Nothing else changes for anybody: a pod
that asks for nothing stays as it is, and from one that asks nothing is taken away.

## Ask for it

Label a namespace, and its pods may ask; or label a single pod:

\`\`\`sh
kubectl label namespace shop sidepool.io/injection=enabled
\`\`\`

| Label | On | Value | Meaning |
|---|---|---|---|
| \`sidepool.io/injection\` | namespace | \`enabled\` | Its pods are injected if they name an upstream. |
| | | \`disabled\` | Its pods are not, whatever they say. |
| \`sidepool.io/inject\` | pod | \`"true"\` | It is injected, in any namespace that is not \`disabled\`. |
| | | \`"false"\` | It is not. |

Then say in the pod's annotations which upstreams it calls:

\`\`\`yaml kubernetes
apiVersion: apps/v1
kind: Deployment
metadata: { name: shop, namespace: shop }
spec:
  selector: { matchLabels: { app: shop } }
  template:
    metadata:
      labels: { app: shop }
      annotations:
        sidepool.io/upstreams: api=https://api.example.com, pay=http://pay:8080
    spec:
      containers:
        - name: shop
          image: shop:1
\`\`\`

The application calls \`http://127.0.0.1:15101\` for the first upstream and \`http://127.0.0.1:15102\` for the second. It need
not know the ports: its containers have \`SIDEPOOL_API_URL\` and \`SIDEPOOL_PAY_URL\`.

To see what would become of a manifest, without a cluster:

\`\`\`sh
sidepool inject -f deployment.yaml
kubectl get deployment shop -o yaml | sidepool inject -f -
\`\`\`

It prints the manifests as the webhook would have them, and warnings on standard error. Documents without pods pass
through; comments are kept, except in a document with anchors. Exit code 1: a pod that asks would go without.

## Annotations

All begin with \`sidepool.io/\`. One with a mistake keeps the pod from being injected, and the message says what is meant; one
that is not known is only warned about, with the nearest that is. "Default" is the file of defaults, [below](#defaults).

`;

const AFTER_ANNOTATIONS = `
An example of each:

\`\`\`yaml kubernetes
EXAMPLES\`\`\`

### Upstreams from a ConfigMap

The short form knows names and URLs. For all else (timeouts, headers, certificates, Unix sockets) write a
[configuration](configuration.md) into the key \`sidepool.yaml\` of a ConfigMap, and name it:

\`\`\`yaml kubernetes
apiVersion: v1
kind: ConfigMap
metadata: { name: shop-sidepool, namespace: shop }
data:
  sidepool.yaml: |
    listeners:
      - { address: "127.0.0.1:15101", upstream: api }
    upstreams:
      api:
        url: https://api.internal
        tls: { ca: ca.pem }
        timeouts: { firstByte: 10s }
    drain: { quiet: 10s }
  ca.pem: |
    -----BEGIN CERTIFICATE-----
---
apiVersion: v1
kind: Pod
metadata:
  name: shop
  namespace: shop
  annotations: { sidepool.io/upstreams: "configMap:shop-sidepool" }
\`\`\`

It is mounted at \`/etc/sidepool\`, so relative paths are its other keys, and a change of it is a
[reload](operation.md#reload). What annotations would say beside it (IDLE) it says itself. Its listeners are read when the
pod is created: a later change of their ports does not change the application's variables. With a plain sidecar set
\`drain.quiet\`, as above: [the end](#the-end) says why.

### Upstreams that are Services

\`pay=http://pay.shop:8080\` goes to the Service's one address, and the node chooses a pod for each connection; connections that
live long spread badly over pods that come and go. \`pay=kubernetes://pay.shop:8080\` (name, namespace, port of the Service) goes
to the pods themselves, as the controller tells them: a new one has its share of requests at once. The sidecar then has a
token for the controller, and for nothing else. Where the controller does not tell endpoints
([\`--endpoints\`](controller.md#the-endpoint-stream)), and in a ConfigMap's configuration, such an upstream is looked up in DNS.

## What is put in

| What | How |
|---|---|
| The container \`sidepool\` | As a native sidecar, the first init container (after a mesh's own), so that the application's init containers can use it. Where not every kubelet can (1.29), as the first container, with a hook that lets the others start when it is ready. |
| Probes | Startup and readiness at \`/readyz\`: the application starts when the warm floor is there, or 5 s have passed; never later because an upstream is down. |
| Its rights | None: a numeric user that is not root, no capability, no privilege escalation, a read-only root, the runtime's seccomp profile. It fits the \`restricted\` Pod Security level. |
| No API token | An empty folder in memory lies where the token would be mounted. With \`kubernetes://\` upstreams there is a token whose audience is \`sidepool.io\`, elsewhere. |
| Its configuration | One variable of its own, \`SIDEPOOL_CONFIG\`, or the ConfigMap. |
| Variables | \`SIDEPOOL_<NAME>_URL\` for each upstream, in capitals, other characters as \`_\`; and those that \`env\` names. They come before the container's own, which may refer to them: \`value: $(SIDEPOOL_API_URL)/v1\`. One that is there already stays; one that comes by \`envFrom\` is not seen, and the injected one stands above it. |
| \`sidepool.io/status\` | An annotation that says how. By it, and by the container, a second call knows that the first was there. |

The patch only adds. It is made of the pod as it came, so fields that this version does not know survive. When another
webhook adds a container later, the API server asks again, and the container gets its variables.

## When it cannot be done

| The pod | What happens |
|---|---|
| uses \`hostNetwork\` | Not injected: the loopback is the node's. |
| is a Windows pod | Not injected. |
| has a container named \`sidepool\`, or a volume of ours | Not injected. |
| has one of the ports | Not injected: move Sidepool with \`first-port\` or \`admin-port\`. |
| ends by itself (a Job), and sidecars are plain | Not injected: it would never complete. With \`native: "off"\` on the pod itself it is, and must end the sidecar: \`curl -X POST -H 'X-Sidepool-Admin: 1' http://127.0.0.1:15100/drain\`. |
| has an annotation with a mistake | Not injected. |
| asks by the label, and names no upstream | Not injected. |

Whoever created it is told in a warning, which kubectl shows, and the owner (the ReplicaSet, the Job) in an event:

\`\`\`sh
kubectl get events --field-selector reason=SidepoolNotInjected
\`\`\`

The pod then starts without the sidecar and talks to its upstreams directly. If that must not be, set
\`sidepool.io/strict: "true"\`: it is refused, also for an unknown annotation. That is worth nothing while the webhook is away,
unless its \`failurePolicy\` is \`Fail\`.

## The end

A native sidecar gets SIGTERM when the application has ended, and ends at once. A plain one gets it at the same moment as
the application, which may still call out: it serves on until nothing has been active for \`drain-quiet\` (10 s). An
application that is silent for longer while it ends, and calls after that, needs a longer one. The drain's deadline is the
pod's grace period less two seconds.

## Service meshes

Sidepool's connections go through a mesh as the application's would. Istio redirects kubelet's probes as well: put
\`traffic.sidecar.istio.io/excludeInboundPorts: "15100"\` on the pod. Istio's proxy as a plain container starts after init
containers; until it does, Sidepool cannot connect, and is ready after 5 s: prefer Istio's native sidecar.

## Defaults

The file that the controller is run with (\`--injection\`), YAML or JSON; the chart's value \`injection\`. \`sidepool inject\` reads
it too.

`;

/** The whole page. */
export function renderInjection(): string {
  const rows = annotationNames.map((name) => {
    const { takes, meaning, fallback } = annotations[name];
    return `| \`${name}\` | ${cell(takes)} | ${cell(fallback)} | ${cell(meaning)} |`;
  });
  const examples = annotationNames
    .map((name) => `${PREFIX}${name}: ${annotations[name].example}\n`)
    .join('');
  const idle = (Object.entries(annotations) as [string, Annotation][])
    .filter(([, { inConfigMap }]) => inConfigMap === 'not')
    .map(([name]) => `\`${name}\``)
    .join(', ');
  const keys = defaultKeys.map(
    ({ name, fallback, meaning }) => `| \`${name}\` | ${shown(fallback)} | ${cell(meaning)} |`,
  );
  return [
    OPENING,
    table(['Annotation', 'Value', 'Without it', 'Meaning'], rows),
    AFTER_ANNOTATIONS.replace('EXAMPLES', examples).replace('IDLE', idle),
    table(['Key', 'Default', 'Meaning'], keys),
  ].join('');
}

function table(head: readonly string[], rows: readonly string[]): string {
  return `| ${head.join(' | ')} |\n|${'---|'.repeat(head.length)}\n${rows.join('\n')}\n`;
}

function shown(fallback: unknown): string {
  if (fallback === undefined) return '';
  return Array.isArray(fallback) ? `\`[${fallback.join(', ')}]\`` : `\`${String(fallback)}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

if (import.meta.main) process.stdout.write(renderInjection());
