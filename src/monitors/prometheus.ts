export { type PrometheusSink, prometheus } from "./prometheus/exporter.ts";
export type { Form } from "./prometheus/exposition.ts";
export type { AlertSource } from "./prometheus/gauges.ts";
export type { PrometheusOptions } from "./prometheus/options.ts";
export { type PrometheusRulesOptions, prometheusRules } from "./prometheus/rules.ts";
