import { type Metric, Registry } from "prom-client";
import type { Family, Labels } from "./family.ts";

/** `openmetrics` has exemplars. */
export type Form = "prometheus" | "openmetrics";

export const CONTENT_TYPES: { readonly [form in Form]: string } = {
  prometheus: Registry.PROMETHEUS_CONTENT_TYPE,
  openmetrics: Registry.OPENMETRICS_CONTENT_TYPE,
};

/** The text of a scrape, by a registry of its own: nothing else that this process exposes is in it. */
export function exposition(families: readonly Family[], labels: Labels, form: Form): Promise<string> {
  const registry = new Registry();
  // Before there is a metric: what a registry asks of metrics depends on it.
  registry.setContentType(CONTENT_TYPES[form] as typeof Registry.PROMETHEUS_CONTENT_TYPE);
  for (const { name, help, type, values } of families) {
    // A registry asks its metrics for no more than this. It takes the `_total` off the names of counters for OpenMetrics.
    const metric = { name, help, type, get: async () => ({ name: metric.name, help, type, values }) };
    registry.registerMetric(metric as unknown as Metric);
  }
  registry.setDefaultLabels(labels);
  return registry.metrics();
}

/** What an `Accept` header asks for. OpenMetrics only where it is named, and liked no less than plain text. */
export function formOf(accept: string | undefined): Form {
  let openMetrics = 0;
  let text = 0;
  for (const part of (accept ?? "").toLowerCase().split(",")) {
    const [type, ...parameters] = part.split(";").map((each) => each.trim());
    const q = Number(parameters.find((each) => each.startsWith("q="))?.slice(2) ?? 1);
    const version = parameters.find((each) => each.startsWith("version="))?.slice(8) ?? "1.0.0";
    if (type === "application/openmetrics-text" && version === "1.0.0") openMetrics = Math.max(openMetrics, q);
    if (type === "text/plain") text = Math.max(text, q);
  }
  return openMetrics > 0 && openMetrics >= text ? "openmetrics" : "prometheus";
}
