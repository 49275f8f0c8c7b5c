/** What the controller counts, and how Prometheus sees it. */
import { each, type Family, histogram, single, valuesOf } from '../telemetry/family.ts';
import { Histogram } from '../telemetry/histogram.ts';

export const admissionOutcomes = [
  'injected',
  'unchanged',
  'not-asked',
  'not-injected',
  'refused',
  'failed',
  'bad-request',
] as const;
export type AdmissionOutcome = (typeof admissionOutcomes)[number];

/** What the controller was about when something failed. */
const errorPlaces = [
  'certificates',
  'kubelets',
  'config-map',
  'event',
  'missed-pods',
  'services',
  'endpoint-slices',
  'token-review',
] as const;
export type ErrorPlace = (typeof errorPlaces)[number];

const rotationSteps = [
  'begin',
  'make-next',
  'note-trusted',
  'promote',
  'renew-serving',
  'drop-previous',
] as const;

export class ControllerFigures {
  readonly admissions: Record<AdmissionOutcome, number> = zeros(admissionOutcomes);
  readonly errors: Record<ErrorPlace, number> = zeros(errorPlaces);
  readonly rotations: Record<(typeof rotationSteps)[number], number> = zeros(rotationSteps);
  readonly durations = new Histogram([1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000]);
  isLeader = false;
  isNativePossible = false;
  isDraining = false;
  /** Seconds since 1970; NaN while there is none. */
  servingExpiry = Number.NaN;
  authorityExpiry = Number.NaN;
  /** NaN while this replica has not counted. */
  missedPods = Number.NaN;
}

function zeros<Key extends string>(keys: readonly Key[]): Record<Key, number> {
  return Object.fromEntries(keys.map((key) => [key, 0])) as Record<Key, number>;
}

export interface ControllerReading {
  readonly figures: ControllerFigures;
  readonly wallSeconds: number;
  /** NaN both where endpoints are not told. */
  readonly endpoints: { readonly streams: number; readonly lines: number };
  readonly memory: { readonly residentBytes: number; readonly heapUsedBytes: number };
  readonly cpuSeconds: number;
}

export function controllerCatalogue(build: {
  readonly version: string;
  readonly node: string;
}): readonly Family<ControllerReading>[] {
  return [
    each('counter', 'sidepool_controller_admissions_total', 'Reviews answered, by outcome.', {
      keys: valuesOf('outcome', admissionOutcomes),
      read: ({ figures }, { outcome }) => figures.admissions[outcome],
    }),
    histogram(
      'sidepool_controller_admission_duration_seconds',
      'From the whole review to its answer.',
      { keys: [{}], read: ({ figures }) => figures.durations },
    ),
    each('counter', 'sidepool_controller_errors_total', 'What failed, by what it was about.', {
      keys: valuesOf('during', errorPlaces),
      read: ({ figures }, { during }) => figures.errors[during],
    }),
    each('counter', 'sidepool_controller_rotations_total', 'Steps of certificate rotation taken.', {
      keys: valuesOf('step', rotationSteps),
      read: ({ figures }, { step }) => figures.rotations[step],
    }),
    ...expiries(),
    single(
      'gauge',
      'sidepool_controller_leader',
      'Whether this replica holds the Lease.',
      ({ figures }) => Number(figures.isLeader),
    ),
    single(
      'gauge',
      'sidepool_controller_native_sidecars',
      'Whether every kubelet of the cluster can run native sidecars.',
      ({ figures }) => Number(figures.isNativePossible),
    ),
    single(
      'gauge',
      'sidepool_controller_pods_missed',
      'Living pods that ask for a sidecar and have none. Only the replica that holds the Lease counts them.',
      ({ figures }) => figures.missedPods,
    ),
    single(
      'gauge',
      'sidepool_controller_endpoint_streams',
      'Sidecars that are told endpoints by this replica.',
      ({ endpoints }) => endpoints.streams,
    ),
    single(
      'counter',
      'sidepool_controller_endpoint_lines_total',
      'Lines told to them.',
      ({ endpoints }) => endpoints.lines,
    ),
    single('gauge', 'sidepool_controller_draining', 'Whether it is ending.', ({ figures }) =>
      Number(figures.isDraining),
    ),
    each('gauge', 'sidepool_controller_build_info', 'Always 1; the labels tell the build.', {
      keys: [build],
      read: () => 1,
    }),
    single(
      'counter',
      'process_cpu_seconds_total',
      'Processor time used, user and system.',
      ({ cpuSeconds }) => cpuSeconds,
    ),
    single(
      'gauge',
      'process_resident_memory_bytes',
      'Resident memory.',
      ({ memory }) => memory.residentBytes,
    ),
    single(
      'gauge',
      'sidepool_controller_heap_used_bytes',
      'JavaScript heap in use.',
      ({ memory }) => memory.heapUsedBytes,
    ),
  ];
}

/** Two of one name, since one of them may not be known: with cert-manager the authority is not ours. */
function expiries(): readonly Family<ControllerReading>[] {
  const name = 'sidepool_controller_certificate_expiry_seconds';
  const help = 'Seconds until the certificate ends.';
  const of = (certificate: string, read: (figures: ControllerFigures) => number) => ({
    name,
    help,
    type: 'gauge' as const,
    labels: { certificate: ['serving', 'authority'] },
    bind: (base: Readonly<Record<string, string>>) => {
      const sharedLabels = { ...base, certificate };
      return ({ figures, wallSeconds }: ControllerReading, into: object[]) => {
        const value = read(figures) - wallSeconds;
        if (!Number.isNaN(value)) into.push({ labels: {}, sharedLabels, value });
      };
    },
  });
  return [
    of('serving', (figures) => figures.servingExpiry),
    of('authority', (figures) => figures.authorityExpiry),
  ] as readonly Family<ControllerReading>[];
}
