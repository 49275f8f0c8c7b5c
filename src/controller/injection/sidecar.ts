/** The container that is injected, and the volumes that it needs. */
import { AUDIENCE } from './audience.ts';
import type { InjectionDefaults, Resources } from './defaults.ts';
import type { JsonObject } from './json.ts';
import type { Settings } from './settings.ts';
import { CONFIG_KEY, type LocalUrl, STREAM_TOKEN_FOLDER } from './upstreams.ts';

export const CONTAINER_NAME = 'sidepool';
export const ADMIN_PORT_NAME = 'sidepool-admin';
const CONFIG_VARIABLE = 'SIDEPOOL_CONFIG';
const CONFIG_FOLDER = '/etc/sidepool';
const TOKEN_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';

export const TOKEN_SHADOW_VOLUME = 'sidepool-no-token';
export const CONFIG_VOLUME = 'sidepool-config';

export const STREAM_TOKEN_VOLUME = 'sidepool-token';

/** Good for the controller's endpoint stream and for nothing else: its audience is not the API server. */
const streamToken = {
  name: STREAM_TOKEN_VOLUME,
  projected: {
    sources: [
      { serviceAccountToken: { audience: AUDIENCE, expirationSeconds: 3600, path: 'token' } },
    ],
  },
};

/** Kubernetes copies the node's zone to the pod; where it does not yet, this is empty, and all zones are called. */
const zoneVariable = {
  name: 'SIDEPOOL_ZONE',
  valueFrom: { fieldRef: { fieldPath: "metadata.labels['topology.kubernetes.io/zone']" } },
};

/** Where the sidecar reads its configuration. */
export type ConfigPlace =
  | { readonly kind: 'variable'; readonly text: string; readonly hasToken: boolean }
  | { readonly kind: 'config-map'; readonly name: string };

export interface SidecarParts {
  readonly settings: Settings;
  readonly defaults: InjectionDefaults;
  readonly config: ConfigPlace;
  readonly localUrls: readonly LocalUrl[];
  readonly isNative: boolean;
}

export function sidecarContainer(parts: SidecarParts): JsonObject {
  const { settings, defaults, config, isNative } = parts;
  const admin = `[::]:${settings.adminPort}`;
  return {
    name: CONTAINER_NAME,
    image: settings.image,
    imagePullPolicy: defaults.imagePullPolicy,
    ...(config.kind === 'variable'
      ? {
          args: ['gateway', '--config', `env:${CONFIG_VARIABLE}`],
          env: [
            { name: CONFIG_VARIABLE, value: literal(config.text) },
            ...(config.hasToken ? [zoneVariable] : []),
          ],
        }
      : { args: ['gateway', '--config', `${CONFIG_FOLDER}/${CONFIG_KEY}`, '--admin', admin] }),
    ports: [{ name: ADMIN_PORT_NAME, containerPort: settings.adminPort, protocol: 'TCP' }],
    ...(isNative
      ? { restartPolicy: 'Always' }
      : // Kubelet starts the containers after this one when its hook is done: so the application finds the sidecar ready.
        { lifecycle: { postStart: { exec: { command: readyCommand(parts) } } } }),
    startupProbe: {
      httpGet: { path: '/readyz', port: settings.adminPort },
      periodSeconds: 1,
      timeoutSeconds: 1,
      failureThreshold: 60,
    },
    readinessProbe: {
      httpGet: { path: '/readyz', port: settings.adminPort },
      periodSeconds: 10,
      timeoutSeconds: 3,
      failureThreshold: 3,
    },
    ...resourcesOf(settings.resources),
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      privileged: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      runAsUser: defaults.runAsUser,
      runAsGroup: defaults.runAsUser,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [
      // Where something is mounted already, the API server mounts no token.
      { name: TOKEN_SHADOW_VOLUME, mountPath: TOKEN_FOLDER, readOnly: true },
      ...(config.kind === 'config-map'
        ? [{ name: CONFIG_VOLUME, mountPath: CONFIG_FOLDER, readOnly: true }]
        : []),
      ...(config.kind === 'variable' && config.hasToken
        ? [{ name: STREAM_TOKEN_VOLUME, mountPath: STREAM_TOKEN_FOLDER, readOnly: true }]
        : []),
    ],
  };
}

/** Kubernetes replaces `$(NAME)` in values, and makes one of `$$`. */
function literal(text: string): string {
  return text.replaceAll('$', '$$$$');
}

function readyCommand({ defaults, settings }: SidecarParts): readonly string[] {
  return [...defaults.program, 'ready', '--admin', `127.0.0.1:${settings.adminPort}`];
}

function resourcesOf(resources: Resources): { readonly resources?: JsonObject } {
  const requests = given({ cpu: resources.cpuRequest, memory: resources.memoryRequest });
  const limits = given({ cpu: resources.cpuLimit, memory: resources.memoryLimit });
  const whole = given({ requests, limits });
  return whole === null ? {} : { resources: whole };
}

/** Without what is null; null if nothing is left. */
function given(members: Readonly<Record<string, unknown>>): JsonObject | null {
  const entries = Object.entries(members).filter(([, value]) => value !== null);
  return entries.length === 0 ? null : Object.fromEntries(entries);
}

export function sidecarVolumes(config: ConfigPlace): readonly JsonObject[] {
  return [
    // In memory, because a folder on the node's disk keeps the cluster autoscaler from removing the node.
    { name: TOKEN_SHADOW_VOLUME, emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
    ...(config.kind === 'config-map'
      ? [{ name: CONFIG_VOLUME, configMap: { name: config.name } }]
      : []),
    ...(config.kind === 'variable' && config.hasToken ? [streamToken] : []),
  ];
}
