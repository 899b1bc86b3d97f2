export type { Pattern, SpanQuery } from "../core/query.ts";
export { buildTraces, type Searchable, type SpanNode, type TraceTree } from "../core/tree.ts";
export { type MemorySink, memorySink } from "../sinks/memory.ts";
export { type FakeClock, fakeClock } from "./fake-clock.ts";
export {
  type FakeOpenAI,
  type FakeOpenAIOptions,
  fakeOpenAI,
  type LoggedRequest,
  type ModelAnswer,
  type PlannedCall,
  type ResponseEnding,
  type RunEnding,
  type RunPlan,
  type ScriptedReply,
  type SentEvent,
  type StreamShape,
} from "./fake-openai.ts";
export {
  type FlakyRequest,
  type FlakyScript,
  type FlakyServer,
  type FlakyServerOptions,
  type FlakyStep,
  flakyServer,
} from "./flaky-server.ts";
export { sampleRecords } from "./sample-records.ts";
export { sequentialIds } from "./sequential-ids.ts";
export { type SinkContractOptions, sinkContract } from "./sink-contract.ts";
