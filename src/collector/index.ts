export type * from "./api.ts";
export { type Collector, collector } from "./collector.ts";
export type { CollectorMonitors } from "./incident-actions.ts";
export type { CollectorLimits } from "./limits.ts";
export type { CollectorOptions } from "./options.ts";
