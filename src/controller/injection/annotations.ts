/**
 * What a pod can say to Sidepool. This list is the only one: what is read, what is known when a name is misspelt, and the
 * table of docs/injection.md all come from here.
 */

export const PREFIX = 'sidepool.io/';

/** On a pod: `"true"` asks for injection, `"false"` forbids it. */
export const INJECT_LABEL = 'sidepool.io/inject';

/** On a namespace: `enabled` asks for injection of its pods, `disabled` forbids it. */
export const NAMESPACE_LABEL = 'sidepool.io/injection';

export interface Annotation {
  /** How a value is written, for the table and for mistakes. */
  readonly takes: string;
  readonly meaning: string;
  readonly example: string;
  /** What counts when it is not there. */
  readonly fallback: string;
  /** Whether it means something when the configuration is a ConfigMap, which says these things itself. */
  readonly inConfigMap: 'too' | 'not';
}

export const annotations = {
  upstreams: {
    takes: '`NAME=URL, ...` or `configMap:NAME`',
    meaning:
      'The upstreams of the pod. The first gets the port 15101, the next 15102 and so on. `kubernetes://SERVICE.NAMESPACE:PORT` is a Service, whose pods the controller tells. Or the name of a ConfigMap of the same namespace, whose key `sidepool.yaml` holds a whole configuration. Without this annotation nothing is injected.',
    example: 'api=https://api.example.com, pay=http://pay:8080',
    fallback: 'none',
    inConfigMap: 'too',
  },
  env: {
    takes: '`VARIABLE`, or `NAME=VARIABLE, ...`',
    meaning:
      "A further environment variable for an upstream's local URL, beside `SIDEPOOL_<NAME>_URL`. One that a container has already is kept as it is.",
    example: 'api=API_BASE_URL',
    fallback: 'none',
    inConfigMap: 'too',
  },
  warm: {
    takes: 'a whole number, or `NAME=NUMBER, ...`',
    meaning: 'The warm floor: idle connections kept ready, for every upstream or by name.',
    example: 'api=4, pay=0',
    fallback: 'default',
    inConfigMap: 'not',
  },
  pipelining: {
    takes: '`off`, `auto`, 2 to 64, or `NAME=...`',
    meaning: 'Pipelining to the upstreams, for all or by name.',
    example: 'auto',
    fallback: 'default',
    inConfigMap: 'not',
  },
  'log-level': {
    takes: 'trace, debug, info, warn, error, silent',
    meaning: "The sidecar's log level.",
    example: 'debug',
    fallback: 'default',
    inConfigMap: 'not',
  },
  native: {
    takes: '`auto`, `on`, `off`',
    meaning:
      'Whether the sidecar is a native one (an init container that stays). `auto`: when every kubelet of the cluster can, which is 1.29 or later.',
    example: '"off"',
    fallback: 'default',
    inConfigMap: 'too',
  },
  image: {
    takes: 'an image',
    meaning: "The sidecar's image.",
    example: 'registry.example.com/sidepool:0.1.0',
    fallback: 'default',
    inConfigMap: 'too',
  },
  'cpu-request': {
    takes: 'a quantity, or `none`',
    meaning: 'Processor time asked for.',
    example: '50m',
    fallback: 'default',
    inConfigMap: 'too',
  },
  'cpu-limit': {
    takes: 'a quantity, or `none`',
    meaning: 'Most processor time. A limit makes responses late when it is reached.',
    example: '"1"',
    fallback: 'default',
    inConfigMap: 'too',
  },
  'memory-request': {
    takes: 'a quantity, or `none`',
    meaning: 'Memory asked for.',
    example: '96Mi',
    fallback: 'default',
    inConfigMap: 'too',
  },
  'memory-limit': {
    takes: 'a quantity, or `none`',
    meaning: 'Most memory; past it the sidecar is killed.',
    example: '512Mi',
    fallback: 'default',
    inConfigMap: 'too',
  },
  'exclude-containers': {
    takes: '`NAME, ...`',
    meaning: 'Containers whose environment is left alone.',
    example: 'log-shipper',
    fallback: 'none',
    inConfigMap: 'too',
  },
  'drain-quiet': {
    takes: 'a duration',
    meaning:
      'After SIGTERM: how long nothing must have been active before the sidecar ends. A native sidecar is ended after the application, a plain one at the same moment.',
    example: '20s',
    fallback: '`0s` native, `10s` plain',
    inConfigMap: 'not',
  },
  'first-port': {
    takes: 'a port',
    meaning: 'The port of the first upstream; the others follow.',
    example: '"15201"',
    fallback: '`15101`',
    inConfigMap: 'not',
  },
  'admin-port': {
    takes: 'a port',
    meaning: 'The port of probes, metrics and status page.',
    example: '"15200"',
    fallback: '`15100`',
    inConfigMap: 'too',
  },
  strict: {
    takes: '`true`, `false`',
    meaning:
      'Whether a pod that cannot be injected, or that has an annotation with a mistake, is refused. Else it is created without the sidecar, with a warning.',
    example: '"true"',
    fallback: 'default',
    inConfigMap: 'too',
  },
} as const satisfies Readonly<Record<string, Annotation>>;

export type AnnotationName = keyof typeof annotations;

export const annotationNames = Object.keys(annotations) as readonly AnnotationName[];

/** Written by the injection itself. */
export const STATUS_ANNOTATION = 'sidepool.io/status';
