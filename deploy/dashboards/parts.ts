/** What all dashboards are made of: one way to make a panel, so that none lacks its unit, its description or its source. */
import {
  BigValueColorMode,
  BigValueGraphMode,
  type DataSourceRef,
  GraphGradientMode,
  LegendDisplayMode,
  LegendPlacement,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  type DynamicConfigValue,
  MappingType,
  QueryVariableBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** A variable as Grafana writes it: `${name}`. */
export function inGrafana(name: string): string {
  return `\${${name}}`;
}

const source: DataSourceRef = { type: 'prometheus', uid: inGrafana('datasource') };

/** Where it gets yellow, and where red; falling where less is worse. */
export interface Limits {
  readonly warn: number;
  readonly bad: number;
}

export interface Query {
  readonly expr: string;
  /** With `{{label}}` in it where there are several lines. */
  readonly legend: string;
}

interface PanelText {
  readonly title: string;
  /** What it shows, and what to make of it. */
  readonly description: string;
  /** Grafana's name of it: `s`, `bytes`, `percentunit`, `reqps`, `short`. */
  readonly unit: string;
  readonly limits?: Limits;
}

export interface GraphSpec extends PanelText {
  readonly queries: readonly Query[];
  readonly isStacked?: boolean;
  readonly max?: number;
  /** Of the 24 columns; 8 unless told otherwise. */
  readonly span?: number;
}

export function graph(spec: GraphSpec): TimeseriesBuilder {
  const { title, description, unit, limits, queries, isStacked = false, max, span = 8 } = spec;
  const panel = new TimeseriesBuilder()
    .title(title)
    .description(description)
    .datasource(source)
    .unit(unit)
    .min(0)
    .span(span)
    .height(8)
    .lineWidth(1)
    .fillOpacity(isStacked ? 40 : 8)
    .gradientMode(GraphGradientMode.None)
    .showPoints(VisibilityMode.Never)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(
      new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending),
    )
    .thresholds(thresholds(limits));
  if (isStacked) panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'));
  if (max !== undefined) panel.max(max);
  for (const [at, query] of queries.entries()) panel.withTarget(ranged(query, at));
  return panel;
}

export interface FigureSpec extends PanelText {
  readonly expr: string;
  readonly span?: number;
  readonly decimals?: number;
  /** Words for values, such as 1 for "down". */
  readonly words?: { readonly [value: string]: string };
}

/** One figure as of now. */
export function figure(spec: FigureSpec): StatBuilder {
  const { title, description, unit, limits, expr, span = 4, decimals, words } = spec;
  const panel = new StatBuilder()
    .title(title)
    .description(description)
    .datasource(source)
    .unit(unit)
    .span(span)
    .height(4)
    .colorMode(limits === undefined ? BigValueColorMode.None : BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.Area)
    .thresholds(thresholds(limits))
    .withTarget(ranged({ expr, legend: title }, 0));
  if (decimals !== undefined) panel.decimals(decimals);
  if (words !== undefined) {
    const options = Object.fromEntries(
      Object.entries(words).map(([value, text]) => [value, { text }]),
    );
    panel.mappings([{ type: MappingType.ValueToText, options }]);
  }
  return panel;
}

export interface Column {
  readonly title: string;
  readonly expr: string;
  readonly unit: string;
  readonly limits?: Limits;
}

export interface TableSpec {
  readonly title: string;
  readonly description: string;
  /** The labels that make a row, each with the title of its column. */
  readonly rows: { readonly [label: string]: string };
  readonly columns: readonly Column[];
  /** Where the first column leads to; `__value.raw` is what stands in it. */
  readonly link?: { readonly title: string; readonly url: string };
}

/** A line for each set of labels, as of now, with a column for each query. */
export function table(spec: TableSpec): TableBuilder {
  const { title, description, rows, columns, link } = spec;
  const panel = new TableBuilder()
    .title(title)
    .description(description)
    .datasource(source)
    .unit('short')
    .span(24)
    .height(9)
    .thresholds(thresholds(undefined));
  for (const [at, column] of columns.entries()) {
    panel.withTarget(
      new DataqueryBuilder()
        .datasource(source)
        .refId(letter(at))
        .expr(column.expr)
        .instant()
        .format(PromQueryFormat.Table),
    );
  }
  const renameByName: { [name: string]: string } = { ...rows };
  for (const [at, column] of columns.entries()) renameByName[`Value #${letter(at)}`] = column.title;
  panel.withTransformation({ id: 'merge', options: {} });
  panel.withTransformation({
    id: 'organize',
    options: { excludeByName: { Time: true }, indexByName: {}, renameByName },
  });
  for (const column of columns) {
    const properties: DynamicConfigValue[] = [{ id: 'unit', value: column.unit }];
    if (column.limits !== undefined) {
      properties.push(
        { id: 'thresholds', value: thresholds(column.limits).build() },
        { id: 'custom.cellOptions', value: { type: 'color-text' } },
      );
    }
    panel.overrideByName(column.title, properties);
  }
  const [first] = Object.values(rows);
  if (link !== undefined && first !== undefined)
    panel.overrideByName(first, [{ id: 'links', value: [{ ...link, targetBlank: false }] }]);
  return panel;
}

function ranged({ expr, legend }: Query, at: number): DataqueryBuilder {
  return new DataqueryBuilder()
    .datasource(source)
    .refId(letter(at))
    .expr(expr)
    .legendFormat(legend)
    .range();
}

function letter(at: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + at);
}

function thresholds(limits: Limits | undefined): ThresholdsConfigBuilder {
  const builder = new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute);
  if (limits === undefined) return builder.steps([{ value: null, color: 'green' }]);
  const { warn, bad } = limits;
  return builder.steps(
    warn < bad
      ? [
          { value: null, color: 'green' },
          { value: warn, color: 'orange' },
          { value: bad, color: 'red' },
        ]
      : [
          { value: null, color: 'red' },
          { value: bad, color: 'orange' },
          { value: warn, color: 'green' },
        ],
  );
}

export function row(title: string): RowBuilder {
  return new RowBuilder(title);
}

export interface VariableSpec {
  readonly name: string;
  readonly label: string;
  readonly query: string;
  /** One at a time, or several and all. */
  readonly takes: 'one' | 'several';
}

/** `.*` for all: then also what has no such label, as where Prometheus does not run in the cluster. */
export function variable({ name, label, query, takes }: VariableSpec): QueryVariableBuilder {
  const builder = new QueryVariableBuilder(name)
    .label(label)
    .datasource(source)
    .query({ query, refId: name })
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .includeAll(true)
    .allValue('.*')
    .multi(takes === 'several');
  return builder.current({ selected: true, text: 'All', value: '$__all' });
}

export interface AnnotationSpec {
  readonly name: string;
  readonly expr: string;
  readonly color: string;
  readonly text: string;
}

/** When these sidecars read their configuration, whatever came of it. */
export function reloads(selector: string): AnnotationSpec {
  return {
    name: 'Reload',
    expr: `sum by (namespace, pod) (changes(sidepool_config_last_reload_timestamp_seconds{${selector}}[1m])) > 0`,
    color: 'blue',
    text: '{{namespace}}/{{pod}} read its configuration',
  };
}

/** While these sidecars drain. */
export function drains(selector: string): AnnotationSpec {
  return {
    name: 'Drain',
    expr: `sum by (namespace, pod) (sidepool_draining{${selector}}) > 0`,
    color: 'purple',
    text: '{{namespace}}/{{pod}} drains',
  };
}

/** A mark in all graphs wherever the expression has a value. */
function annotation({ name, expr, color, text }: AnnotationSpec): AnnotationQueryBuilder {
  return new AnnotationQueryBuilder()
    .name(name)
    .datasource(source)
    .enable(true)
    .hide(false)
    .iconColor(color)
    .expr(expr)
    .titleFormat(name)
    .textFormat(text)
    .step('30s');
}

export interface DashboardSpec {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly VariableSpec[];
  readonly annotations: readonly AnnotationSpec[];
}

/** An empty dashboard; rows and panels are added in order. */
export function dashboard(spec: DashboardSpec): DashboardBuilder {
  const builder = new DashboardBuilder(spec.title)
    .uid(spec.uid)
    .description(spec.description)
    .tags(['sidepool'])
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .withVariable(
      new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus'),
    )
    .link(
      new DashboardLinkBuilder('Sidepool')
        .type(DashboardLinkType.Dashboards)
        .tags(['sidepool'])
        .asDropdown(false)
        .includeVars(true)
        .keepTime(true),
    );
  for (const each of spec.variables) builder.withVariable(variable(each));
  for (const each of spec.annotations) builder.annotation(annotation(each));
  return builder;
}
