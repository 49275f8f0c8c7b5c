/** Pods and Deployments for the suites, all within the restricted Pod Security level. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { appsImage, image } from './cluster.ts';

const programs = join(import.meta.dirname, '..', 'programs');

/** For every container. */
const contained = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

export interface Workload {
  readonly name: string;
  readonly namespace: string;
  readonly replicas?: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  readonly image?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly readyPath?: string;
  readonly port?: number;
  readonly preStopSeconds?: number;
  readonly graceSeconds?: number;
}

/** The programs that pods run, as a ConfigMap `programs`. */
export function programsConfigMap(namespace: string): unknown {
  const read = (name: string) => readFileSync(join(programs, name), 'utf8');
  const names = ['upstream.ts', 'load.ts', 'app.ts'];
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'programs', namespace },
    data: Object.fromEntries(names.map((name) => [name, read(name)])),
  };
}

/** Node in Sidepool's own image: no other is needed for a program of ours. */
export function nodeProgram(name: string): Pick<Workload, 'command' | 'image'> {
  return { command: ['node', `/programs/${name}`], image: `${image.repository}:${image.tag}` };
}

export function podSpec(workload: Workload): unknown {
  const { name, command, env = {}, readyPath, port, preStopSeconds, graceSeconds = 30 } = workload;
  return {
    terminationGracePeriodSeconds: graceSeconds,
    automountServiceAccountToken: false,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 65_532,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [
      {
        name,
        image: workload.image ?? appsImage,
        imagePullPolicy: 'IfNotPresent',
        command,
        env: Object.entries(env).map(([variable, value]) => ({ name: variable, value })),
        ...(port === undefined ? {} : { ports: [{ name: 'http', containerPort: port }] }),
        ...(readyPath === undefined
          ? {}
          : { readinessProbe: { httpGet: { path: readyPath, port }, periodSeconds: 1 } }),
        ...(preStopSeconds === undefined
          ? {}
          : { lifecycle: { preStop: { sleep: { seconds: preStopSeconds } } } }),
        resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '256Mi' } },
        securityContext: contained,
        volumeMounts: [{ name: 'programs', mountPath: '/programs', readOnly: true }],
      },
    ],
    volumes: [{ name: 'programs', configMap: { name: 'programs' } }],
  };
}

export function deployment(workload: Workload): unknown {
  const { name, namespace, replicas = 1, annotations = {}, labels = {} } = workload;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name, ...labels }, annotations },
        spec: podSpec(workload),
      },
    },
  };
}

export interface ServiceOptions {
  readonly headless?: boolean;
}

export function service(name: string, namespace: string, { headless }: ServiceOptions = {}) {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: {
      ...(headless ? { clusterIP: 'None' } : {}),
      selector: { app: name },
      ports: [{ name: 'http', port: 8080, targetPort: 'http' }],
    },
  };
}
