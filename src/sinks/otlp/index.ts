export type { OtlpProtocol } from "./environment.ts";
export { type OtlpMetricsOptions, otlpMetrics } from "./metrics.ts";
export { type OtlpFileOptions, otlpFile } from "./otlp-file.ts";
export { type OtlpSinkOptions, otlpSink } from "./otlp-sink.ts";
