/// <reference types="node" preserve="true" />
// The public names of "sightline"; the subpaths are in the export map of package.json.
export type { MaskOptions, PersonalData } from "./capture/redact.ts";
export { configure, flush, shutdown, stats } from "./configure.ts";
export { bind, bindEmitter, snapshot } from "./core/bind.ts";
export type { CallWatch, StartingCall, Verdict } from "./core/call-watch.ts";
export type { ContextCarrier, EnvironmentCarrier } from "./core/carrier.ts";
export { carrier, inject, withContext } from "./core/carrier.ts";
export type { Clock, TimeInput } from "./core/clock.ts";
export type { Carrier } from "./core/context.ts";
export { BudgetExceededError, ConfigError, ObserveError, SightlineError, SinkError } from "./core/errors.ts";
export type { Ids } from "./core/ids.ts";
export type * from "./core/record.ts";
export { encode, SCHEMA_VERSION } from "./core/record.ts";
export type { DropReason, FlushResult, LaneStats, Stats } from "./core/runtime.ts";
export type { EndOptions, Span, SpanPatch } from "./core/span.ts";
export type { ParentInput, SpanRef } from "./core/start.ts";
export { suppress } from "./core/suppress.ts";
export { sumUsd } from "./core/usd.ts";
export { hashUserId } from "./core/user-id.ts";
export { type FlushAfterOptions, flushAfter } from "./flush-after.ts";
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
export type { Options } from "./options.ts";
export type { LaneOptions } from "./pipeline/options.ts";
export type { ExitSignal, SignalsOption } from "./pipeline/signals.ts";
export { filter } from "./policy/filter.ts";
export { type KeepRule, keepIf } from "./policy/keep-if.ts";
export { type MaskRules, mask } from "./policy/mask.ts";
export { sample } from "./policy/sample.ts";
export { genaiPrices } from "./pricing/genai-prices.ts";
export type { CostParts, PriceBook, PriceFunction, PriceRequest, Prices } from "./pricing/price-book.ts";
export { priceBooks } from "./pricing/price-book.ts";
export type { PriceLibrary } from "./pricing/price-library.ts";
export { type ModelPrices, type StaticPricesOptions, staticPrices, type TokenPrices } from "./pricing/static-prices.ts";
export type { ToolFees } from "./pricing/tool-fees.ts";
export { type ConsoleSinkOptions, consoleSink } from "./sinks/console.ts";
export { type FileSink, type FileSinkOptions, fileSink } from "./sinks/file.ts";
export { type MemorySink, memorySink } from "./sinks/memory.ts";
export { readRecords } from "./sinks/read-records.ts";
export type { Sink, SinkPolicy, SinkStats, TailRule, WriteResult } from "./sinks/sink.ts";
export type { SpoolOptions } from "./spool/options.ts";
export { type ReplayFigures, replaySpool } from "./spool/replay.ts";
export { spool } from "./spool/spool.ts";
export { type SpoolOwner, spoolStatus } from "./spool/status.ts";
