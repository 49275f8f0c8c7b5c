/** Why a pod that asks cannot be injected, each with what to do about it. */
import { PREFIX } from './annotations.ts';
import type { ContainerView, PodView } from './pod-view.ts';
import type { Settings } from './settings.ts';
import {
  ADMIN_PORT_NAME,
  CONFIG_VOLUME,
  CONTAINER_NAME,
  STREAM_TOKEN_VOLUME,
  TOKEN_SHADOW_VOLUME,
} from './sidecar.ts';
import type { LocalUrl } from './upstreams.ts';

/** Of the pod as such, whatever it asks for. */
export function podObstacles(pod: PodView): readonly string[] {
  const obstacles: string[] = [];
  if (pod.usesHostNetwork)
    obstacles.push(
      "hostNetwork: the node's loopback is shared by all its pods. Remove hostNetwork, or the request for injection",
    );
  if (pod.isWindows) obstacles.push('a Windows pod: the sidecar is a Linux program');
  if (pod.isMirror) obstacles.push('a static pod of a node: write the sidecar into its manifest');
  const all = [...pod.initContainers, ...pod.containers];
  if (all.some(({ name }) => name === CONTAINER_NAME))
    obstacles.push(
      `a container named ${CONTAINER_NAME} is there already, and not by injection: rename or remove it`,
    );
  for (const name of [TOKEN_SHADOW_VOLUME, CONFIG_VOLUME, STREAM_TOKEN_VOLUME])
    if (pod.volumeNames.includes(name))
      obstacles.push(`a volume named ${name} is there already: rename it`);
  return obstacles;
}

/** The containers of a pod share their ports. */
export function portObstacles(
  pod: PodView,
  { settings, localUrls }: { settings: Settings; localUrls: readonly LocalUrl[] },
): readonly string[] {
  const obstacles: string[] = [];
  for (const container of [
    ...pod.initContainers.filter((each) => each.restartsAlways),
    ...pod.containers,
  ])
    for (const port of container.ports) {
      if (port.name === ADMIN_PORT_NAME)
        obstacles.push(
          `container ${container.name} has a port named ${ADMIN_PORT_NAME}: rename it`,
        );
      if (!port.isTcp || port.number === undefined) continue;
      if (port.number === settings.adminPort)
        obstacles.push(taken(container, port.number, 'admin-port'));
      else if (localUrls.some((each) => each.port === port.number))
        obstacles.push(taken(container, port.number, 'first-port'));
    }
  return obstacles;
}

function taken({ name }: ContainerView, port: number, annotation: string): string {
  return `container ${name} has port ${port}, which Sidepool would listen on: set ${PREFIX}${annotation} to a free one`;
}

/** The service meshes whose proxy takes kubelet's probes, unless told to leave a port alone. */
export function meshWarnings(pod: PodView, settings: Settings): readonly string[] {
  const names = [...pod.initContainers, ...pod.containers].map(({ name }) => name);
  if (!names.includes('istio-proxy')) return [];
  const key = 'traffic.sidecar.istio.io/excludeInboundPorts';
  const excluded = (pod.annotations.get(key) ?? '').split(',').map((port) => port.trim());
  return excluded.includes(String(settings.adminPort)) || excluded.includes('*')
    ? []
    : [`Istio is here: set ${key}: "${settings.adminPort}", or kubelet's probes may not arrive`];
}

/** What a mesh starts before anything else that calls out. */
const MESH_CONTAINERS = [
  'istio-init',
  'istio-validation',
  'istio-proxy',
  'linkerd-init',
  'linkerd-network-validator',
  'linkerd-proxy',
];

export function isOfMesh({ name }: ContainerView): boolean {
  return MESH_CONTAINERS.includes(name);
}
