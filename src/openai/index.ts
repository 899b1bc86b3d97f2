export type { Usage } from "../core/record.ts";
export { normalizeUsage } from "../core/usage.ts";
export {
  type AgentLike,
  type AgentTurnLike,
  type RecordAgentTurnOptions,
  recordAgentTurn,
  type SubagentTurn,
} from "./agents.ts";
export { type AssistantRun, type RecordedRun, recordAssistantRun } from "./assistants.ts";
export {
  type ChatCompletionLike,
  type RecordChatCompletionOptions,
  recordChatCompletion,
} from "./chat.ts";
export { findings } from "./findings/findings.ts";
export { type FindingsOptions, RULES, type RuleName } from "./findings/options.ts";
export type { ModelMessage, Part } from "./messages.ts";
export { type RecordRunOptions, record } from "./record.ts";
export type { RecordedObject } from "./recorded.ts";
export { type RequestParams, type RequestParamsOptions, requestParams } from "./request.ts";
export type { RequestContext } from "./request-context.ts";
export { type RecordResponseOptions, type ResponseLike, recordResponse } from "./responses.ts";
export type { Listable, Listed, MessageLike, Moment, RunLike, RunStepLike } from "./shapes.ts";
export type { InjectOptions } from "./wire/inject.ts";
export { observeOpenAI } from "./wire/observe-openai.ts";
export { type TracedFetchOptions, tracedFetch } from "./wire/traced-fetch.ts";

import "./findings/finder.ts";
