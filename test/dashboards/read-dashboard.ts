/** Reads a rendered dashboard as Grafana would, as far as its queries go. */
import { readFileSync } from 'node:fs';

interface Target {
  readonly expr: string;
  readonly instant?: boolean;
}

export interface PanelJson {
  readonly type: string;
  readonly title: string;
  readonly description: string;
  readonly fieldConfig: { readonly defaults: { readonly unit: string } };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number };
  readonly targets: readonly Target[];
}

export interface DashboardJson {
  readonly uid: string;
  readonly title: string;
  readonly tags: readonly string[];
  readonly panels: readonly PanelJson[];
  readonly links: readonly { readonly tags: readonly string[] }[];
  readonly annotations: {
    readonly list: readonly { readonly name: string; readonly expr: string }[];
  };
  readonly templating: {
    readonly list: readonly {
      readonly name: string;
      readonly type: string;
      readonly query: string | { readonly query: string };
    }[];
  };
}

export function readDashboard(path: string): DashboardJson {
  return JSON.parse(readFileSync(path, 'utf8')) as DashboardJson;
}

export function panelsOf({ panels }: DashboardJson): readonly PanelJson[] {
  return panels.filter(({ type }) => type !== 'row');
}

export interface Asked {
  /** The panel's title, or what else asks. */
  readonly where: string;
  readonly kind: 'panel' | 'annotation' | 'variable';
  readonly expr: string;
}

/** Every query of a dashboard: of its panels, its annotations, and the lists of its variables. */
export function queriesOf(dashboard: DashboardJson): readonly Asked[] {
  return [
    ...panelsOf(dashboard).flatMap(({ title, targets }) =>
      targets.map(({ expr }) => ({ where: title, kind: 'panel' as const, expr })),
    ),
    ...dashboard.annotations.list.map(({ name, expr }) => ({
      where: `mark "${name}"`,
      kind: 'annotation' as const,
      expr,
    })),
    ...dashboard.templating.list
      .filter(({ type }) => type === 'query')
      .map(({ name, query }) => ({
        where: `variable "${name}"`,
        kind: 'variable' as const,
        expr: typeof query === 'string' ? query : query.query,
      })),
  ];
}

/** The metrics that an expression asks for. */
export function metricsIn(expr: string): readonly string[] {
  return [...expr.matchAll(/\b(?:[a-z_]+:)?(?:sidepool|process)_[a-z0-9_]+(?::[a-z0-9_]+)?/g)].map(
    ([name]) => name,
  );
}

/** What Grafana puts in for its variables, with everything chosen. */
export function filledIn(expr: string, { rate, range }: { rate: string; range: string }): string {
  return expr
    .replaceAll('$__rate_interval', rate)
    .replaceAll('$__range', range)
    .replaceAll(/\$(namespace|pod|upstream)/g, '.*');
}
