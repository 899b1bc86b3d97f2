export type { Usage } from "../core/record.ts";
export { normalizeUsage } from "../core/usage.ts";
export { type AssistantRun, type RecordedRun, recordAssistantRun } from "./assistants.ts";
export type { Listable, Listed, MessageLike, Moment, RunLike, RunStepLike } from "./shapes.ts";
