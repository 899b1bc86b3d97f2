/** What others write, as records. */
export { type FileBatch, type ReadFilesOptions, readFiles } from "./files/read-files.ts";
export { FormatError, type FormatErrorCode } from "./format-error.ts";
export { type LangfuseMemory, langfuseMemory } from "./langfuse/memory.ts";
export { type FromLangfuseOptions, recordsFromLangfuse } from "./langfuse/records-from-langfuse.ts";
export type { LangfuseRecords } from "./langfuse/results.ts";
export { type DecodeOtlpOptions, decodeOtlp, type OtlpRequest } from "./otlp/decode-otlp.ts";
export {
  type OtlpLogRecords,
  recordsFromOtlpLogs,
  type SpanContent,
  withContent,
} from "./otlp/records-from-logs.ts";
export {
  type FromOtlpOptions,
  type OtlpRecords,
  type Rejected,
  recordsFromOtlp,
} from "./otlp/records-from-otlp.ts";
