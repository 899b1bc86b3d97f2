// The public names of "sightline". Subpaths: "sightline/sinks/http", "/openai", "/interop/cls-hooked", "/testing".
export type { MaskOptions } from "./capture/redact.ts";
export type { Options } from "./configure.ts";
export { configure, flush, shutdown, stats } from "./configure.ts";
export { bind, bindEmitter, snapshot } from "./core/bind.ts";
export type { ContextCarrier } from "./core/carrier.ts";
export { carrier, withContext } from "./core/carrier.ts";
export type { Clock, TimeInput } from "./core/clock.ts";
export type { Carrier } from "./core/context.ts";
export { ConfigError, ObserveError, SightlineError, SinkError } from "./core/errors.ts";
export type { Ids } from "./core/ids.ts";
export type * from "./core/record.ts";
export { encode, SCHEMA_VERSION } from "./core/record.ts";
export type { DropReason, FlushResult, LaneStats, Stats } from "./core/runtime.ts";
export type { EndOptions, Span, SpanPatch } from "./core/span.ts";
export type { ParentInput, SpanRef } from "./core/start.ts";
export { suppress } from "./core/suppress.ts";
export type { Client, ClientGeneration, EndById } from "./observe/client.ts";
export { client } from "./observe/client.ts";
export type { GenerationOptions, Recorded, SpanOptions } from "./observe/manual.ts";
export {
  currentSpan,
  currentSpanId,
  currentTraceId,
  event,
  generation,
  startSpan,
  updateSpan,
  withSpan,
} from "./observe/manual.ts";
export type { Observe, ObserveDecorator } from "./observe/observe.ts";
export { observe } from "./observe/observe.ts";
export type { DynamicOptions, ObserveOptions } from "./observe/options.ts";
export type { ScoreOptions } from "./observe/scores.ts";
export { score } from "./observe/scores.ts";
export type { TracePatch } from "./observe/trace.ts";
export { updateTrace, withTrace } from "./observe/trace.ts";
export type { LaneOptions } from "./pipeline/options.ts";
export { type ConsoleSinkOptions, consoleSink } from "./sinks/console.ts";
export { type FileSink, type FileSinkOptions, fileSink } from "./sinks/file.ts";
export { type MemorySink, memorySink } from "./sinks/memory.ts";
export { readRecords } from "./sinks/read-records.ts";
export type { Sink, WriteResult } from "./sinks/sink.ts";
