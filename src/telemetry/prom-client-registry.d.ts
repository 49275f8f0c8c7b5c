/**
 * prom-client's registry by itself, as much of it as we use.
 *
 * Its main module also loads push gateway, cluster, quantile digests and an OpenTelemetry API: 40 ms and 4 MB for
 * things that a sidecar does not do. The registry takes any object of this shape.
 */
declare module 'prom-client/lib/registry.js' {
  namespace Registry {
    interface ScrapedMetric {
      name: string;
      help: string;
      type: string;
      get(): Promise<{
        readonly name: string;
        readonly help: string;
        readonly type: string;
        readonly aggregator: string;
        readonly values: readonly object[];
      }>;
    }
  }
  class Registry {
    static readonly PROMETHEUS_CONTENT_TYPE: string;
    static readonly OPENMETRICS_CONTENT_TYPE: string;
    constructor(contentType?: string);
    readonly contentType: string;
    registerMetric(metric: Registry.ScrapedMetric): void;
    metrics(): Promise<string>;
  }
  export = Registry;
}
